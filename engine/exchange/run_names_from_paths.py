"""What imported runs are called: the experiment and the seed that the path of a file says.

::

    lightning_logs/version_0/metrics.csv    experiment version_0: the file's own name says nothing
    resnet/seed_1/results.csv               experiment resnet, seed 1
    sweep/a/s3/progress.csv                 experiment a, seed 3
    vit-s16/tensorboard/events.out…         experiment vit-s16: an s and a number within a name is none

``version_1``, ``run2`` and ``exp3`` are no seeds: programs count so whatever the settings are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from engine.exchange.import_sources import ImportSource
from engine.exchange.imported_run import ImportedRun, is_run_of_vitui
from engine.exchange.log_file_names_and_endings import says_nothing, stem

MOST_MORE = 8
"""Folders that a name gets more of to differ from another."""
SEED_SETTINGS = ("seed", "random_seed", "args/seed", "trainer/seed")
"""Settings that say a seed."""
_SEED = re.compile(
    r"(?:^|(?<=[-_. ,]))(?:random[-_ ]?|rng[-_ ]?)?seed[-_=: ]?(\d{1,9})(?=$|[-_. ,])", re.IGNORECASE
)
_SEED_FOLDER = re.compile(r"s[-_]?(\d{1,9})", re.IGNORECASE)
_PLACES_FOR_LOGS = frozenset(
    {"logs", "log", "tb", "tb_logs", "tensorboard", "tensorboard_logs", "csv", "csv_logs", "vis_data", "events",
     "summaries", "metrics", "dvclive", "wandb", "runs", "lightning_logs"}
)  # fmt: skip
"""Folders that programs make for their logs within a run's folder."""
_LATER = re.compile(r"(.+)-(\d{1,4})", re.DOTALL)
_VERSION = re.compile(r"version_\d+")
"""The folders that Lightning makes: another each time that a program runs."""
_HUGGING_FACE = re.compile(r"[A-Z][a-z]{2}\d{1,2}_\d{2}-\d{2}-\d{2}_.+")
"""What the Trainer and ``SummaryWriter()`` call the folder of their event files in ``runs``: a time and the host."""


def significant(parts: Sequence[str]) -> tuple[str, ...]:
    """Return the folders of a path without those at its end that programs make for their logs.

    Args:
        parts: The names of folders, from the one that was asked for; none for that one itself.
    """
    kept = list(parts)
    if len(kept) > 1 and kept[-2] == "runs" and _HUGGING_FACE.fullmatch(kept[-1]):
        kept = kept[:-2]
    while kept and kept[-1].lower() in _PLACES_FOR_LOGS:
        kept.pop()
    return tuple(kept)


def split_seed(parts: Sequence[str]) -> tuple[tuple[str, ...], int | None]:
    """Return a path without the seed that it says, and the seed; None where it says none."""
    kept: list[str] = []
    seed: int | None = None
    for part in parts:
        match = _SEED_FOLDER.fullmatch(part) or _SEED.search(part)
        if match is None:
            kept.append(part)
            continue
        seed = int(match[1])
        rest = (part[: match.start()].rstrip("-_. ,") + part[match.end() :]).strip("-_. ,")
        if rest:
            kept.append(rest)
    return tuple(kept), seed


class NamedSource(NamedTuple):
    """A file or folder with what the run in it is called, where nothing in it says so."""

    source: ImportSource
    name: str
    experiment: str
    seed: int | None


def place(source: ImportSource) -> tuple[str, ...]:
    """Return the folders, and the file where its name says something, that a source is called after."""
    if source.format in ("tensorboard", "mlflow") and not source.named:
        return source.parts
    folders = source.parts[:-1]
    if source.format in ("wandb", "tensorboard") or is_unnamed(source):
        return folders
    return (*folders, stem(Path(source.parts[-1])))


def is_unnamed(source: ImportSource) -> bool:
    """Return whether the name of a log says nothing of which run it is of."""
    return says_nothing(stem(Path(source.parts[-1]))) if source.parts else False


def name_sources(sources: Sequence[ImportSource]) -> list[NamedSource]:
    """Return what the runs of some files and folders are called, no two alike.

    Args:
        sources: All that is imported at once.
    """
    named = list(_shortest(sources))
    paths = [path for path, _ in named]
    depths = [depth for _, depth in named]
    for _ in range(MOST_MORE):  # two of one name get more of their path, until they differ
        names = ["/".join(path[-depth:]) for path, depth in zip(paths, depths, strict=True)]
        counts = Counter(name for _, name in dict.fromkeys(zip(paths, names, strict=True)))
        depths = [depth + (counts[name] > 1) for depth, name in zip(depths, names, strict=True)]
    return [
        NamedSource(source, "/".join(path[-depth:]), *_experiment(path, depth))
        for source, path, depth in zip(sources, paths, depths, strict=True)
    ]


def take_name(imported: ImportedRun, named: NamedSource) -> None:
    """Call a run what its file and folder are called, where it does not say itself what it is called."""
    path = named.source.path
    own = {named.name, path.name, path.stem, stem(path)}
    later = _LATER.fullmatch(imported.name)  # of several trainings in one file
    says_experiment = imported.experiment not in (imported.name, *(own if later else ()))
    if imported.name in own:
        imported.name = named.name
        imported.seed = named.seed if imported.seed is None else imported.seed
    elif later and later[1] in own:
        imported.name = f"{named.name}-{later[2]}"
    elif not says_experiment:
        parts, seed = split_seed((imported.name,))
        imported.experiment = "/".join(parts) or imported.name
        imported.seed = seed if imported.seed is None else imported.seed
        says_experiment = True
    if not says_experiment:
        imported.experiment = named.experiment
    if imported.seed is None:
        said = (imported.params.get(name) for name in SEED_SETTINGS)
        imported.seed = next((seed for value in said if (seed := _seed(value)) is not None), None)


def _shortest(sources: Sequence[ImportSource]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the folders from the root that each source is called after, and how many of them say its name."""
    places = [place(source) for source in sources]
    counts = Counter(map(_without_version, places))
    for source, whole in zip(sources, places, strict=True):
        short = _without_version(whole)
        if not short or counts[short] > 1:
            short = whole
        path = (*source.root.absolute().parts[1:], *whole)
        path = path[: len(path) - (len(whole) - len(short))]
        if path and is_run_of_vitui(path[-1]):  # whose name is enough wherever it lies
            path, short = path[-1:], path[-1:]
        yield (path, len(short)) if short else (significant(path) or path, 1)


def _without_version(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the folders that say something where each run has a folder of its own above its versions."""
    short = significant(parts)
    while len(short) > 1 and _VERSION.fullmatch(short[-1]):
        if not (above := significant(short[:-1])):
            break
        short = above
    return short


def _experiment(path: tuple[str, ...], depth: int) -> tuple[str, int | None]:
    """Return the experiment and the seed that a path says; where it says a seed alone, the folder above is it."""
    parts, seed = split_seed(path[-depth:])
    if not parts:
        above = significant(split_seed(path[:-depth])[0])
        parts = above[-1:] or path[-1:]
    return "/".join(parts), seed


def _seed(value: object) -> int | None:
    """Return the seed that a setting says; None where it says no whole number."""
    text = str(value).removesuffix(".0")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None
