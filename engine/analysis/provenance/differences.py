"""Why two runs differ: what made one and not the other, the most suspicious first. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from engine.analysis.provenance.run_origin import Code, RunOrigin
from engine.config.schema import DEFAULTS, LABELS, NOT_SETTINGS
from engine.events import Data
from engine.runs.provenance.code_snapshot import VITUI
from engine.runs.provenance.packages import changed_packages
from engine.runs.provenance.repository import Change
from engine.text import setting_text

Kind = Literal["data", "code", "setting", "precision", "devices", "package", "gpu", "seed"]
MOST_FILES = 50
"""Files that are named, at most."""
NONE = "–"
_NO_CODE = re.compile(r"(\.(md|rst|txt|png|jpe?g|svg|pdf|csv)|(^|/)(LICENSE|\.gitignore|\.gitattributes))$")
_COMPUTES = re.compile(
    r"torch|torchvision|timm|numpy|triton|pillow|opencv.*|torchmetrics|jax.*|tensorflow.*|keras|transformers|lightning"
    r"|pytorch-lightning|accelerate|albumentations|nvidia-.*"
)
"""Packages whose versions change what is computed."""
_DATA_KEYS = ("dataset", "split", "val_fraction", "subset_per_class")
_BY_THEMSELVES = {"seed", "gpus", "precision"}


class Difference(NamedTuple):
    """Something that differs between two runs."""

    rank: int
    """The less, the more suspicious."""
    kind: Kind
    what: str
    """A setting, a file, a package, or another word for what differs."""
    first: str
    """What it is of the first run."""
    second: str
    """What it is of the second run."""
    why: str
    """Why it may matter, in a few words."""


def differences(
    one: RunOrigin, other: RunOrigin, between: Mapping[str, Change] | None = None
) -> list[Difference]:
    """Return in what two runs differ, the most suspicious first; what is unknown of one of them is left out.

    Args:
        one: What made the first.
        other: What made the second.
        between: What differs between their commits, by file; None where that is not known.
    """
    parts = (
        _data(one, other), code_differences(one.code, other.code, between), _settings(one, other),
        _computing(one, other), _packages(one, other),
    )  # fmt: skip
    return sorted((each for part in parts for each in part), key=lambda each: (each.rank, each.what))


def unknown(*origins: RunOrigin) -> list[str]:
    """Return in words what is not known of runs, so that nothing is concluded of it."""
    notes = []
    in_git = any(origin.code.commit for origin in origins)
    for origin in origins:
        code = origin.code
        lacks = [
            word
            for word, is_known in (
                ("packages", origin.environment is not None),
                ("code", bool(code.commit or code.digests)),
                ("commit", bool(code.commit or not code.digests) or not in_git),
                ("changes to its commit", not code.dirty or bool(code.files)),
                ("images", origin.data is not None or code.is_program),
                ("device", bool(origin.device)),
            )
            if not is_known
        ]
        if lacks:
            notes.append(f"not known of {origin.run}: {', '.join(lacks)}")
    return notes


# ---- images


def _data(one: RunOrigin, other: RunOrigin) -> Iterator[Difference]:
    if one.data is None or other.data is None or _facts(one.data) == _facts(other.data):
        return
    rank, why = 0, "other images: scores cannot be compared"
    drawn = _setting(one, "subset_per_class"), _setting(other, "subset_per_class")
    if one.seed != other.seed and drawn[0] == drawn[1] is not None and _counts(one) == _counts(other):
        rank, why = 11, "the seed draws which images are used"
    yield Difference(rank, "data", "images", _images(one.data), _images(other.data), why)


def _facts(data: Data) -> tuple[object, ...]:
    return data.digest, data.train, data.val, data.test, data.classes


def _counts(origin: RunOrigin) -> tuple[object, ...] | None:
    return _facts(origin.data)[1:] if origin.data is not None else None


def _images(data: Data) -> str:
    return f"{data.train:,}, {data.val:,}, {data.test:,} of {len(data.classes)} classes, {data.digest[:8]}"


# ---- code


def code_differences(
    one: Code, other: Code, between: Mapping[str, Change] | None = None
) -> Iterator[Difference]:
    """Yield in what two codes differ: files of the program, the commit, files of the repository.

    Args:
        one: The first.
        other: The second.
        between: What differs between the commits, by file; None where that is not known.
    """
    named = _files_of_program(one, other)
    for name in sorted(named):
        why = "the engine that trains is another" if name == VITUI else "the program is another"
        say = _state if name in one.files_that_differ(other) else _digest
        yield Difference(1, "code", name, say(one, name), say(other, name), why + _lines(between, name))
    if not (one.commit and other.commit):  # nothing is known of one of them to compare with
        return
    rank = 2 if one.is_program or other.is_program else 10
    files = list(_files(one, other, between or {}, named, rank))
    if one.commit != other.commit:
        why = "another commit" if between is not None else "another commit, unknown to git here"
        if between is not None and not files and _is_whole(one) and _is_whole(other):
            rank, why = 10, "another commit, and no file differs"
        yield Difference(rank, "code", "commit", one.commit[:10], other.commit[:10], why)
    yield from files
    if one.files == other.files and (one.patch, one.dirty) != (other.patch, other.dirty):
        why = "changes beside the commit, which are not here"
        yield Difference(rank, "code", "changes", _changes(one), _changes(other), why)


def _is_whole(code: Code) -> bool:
    """Return whether all is known of what a code has beside its commit."""
    return bool(code.files) or not (code.dirty or code.patch)


def _files_of_program(one: Code, other: Code) -> set[str]:
    """Return the files of the programs that differ; none where one is not known, or is vitui's and the other is not."""
    if one.digests is None or other.digests is None or one.is_program != other.is_program:
        return set()
    names = one.digests.keys() | other.digests.keys()
    return {name for name in names if one.digests.get(name) != other.digests.get(name)}


def _files(
    one: Code, other: Code, between: Mapping[str, Change], named: set[str], rank: int
) -> Iterator[Difference]:
    """Yield the files of the repository that differ, but for those that are told already."""
    names = {*one.files_that_differ(other), *between} - named
    told = sorted(name for name in names if not _is_alike(one, other, between, name))
    for name in told[:MOST_FILES]:
        its_rank, why = rank, "code"
        if rank > 2:
            why = "vitui trains, and does not run it"
        elif _NO_CODE.search(name):
            its_rank, why = 9, "no code by its name"
        yield Difference(
            its_rank, "code", name, _state(one, name), _state(other, name), why + _lines(between, name)
        )
    if len(told) > MOST_FILES:
        more = f"{len(told) - MOST_FILES} more files"
        yield Difference(rank, "code", more, NONE, NONE, "these are too many to name")


def _is_alike(one: Code, other: Code, between: Mapping[str, Change], name: str) -> bool:
    """Return whether a file is known to be the same, though the commits or what lies beside them differ."""
    digests = [(code.digests or {}).get(name) for code in (one, other)]
    if digests[0] is not None and digests[0] == digests[1]:
        return True
    base = between.get(name)
    blobs = [
        code.files[name].blob if name in code.files else blob
        for code, blob in ((one, base.before if base else ""), (other, base.after if base else ""))
    ]
    return blobs[0] == blobs[1] != ""


def _lines(between: Mapping[str, Change] | None, name: str) -> str:
    """Return how much of a file differs between the commits, as what follows another word."""
    change = (between or {}).get(name)
    if change is None or not change.lines:
        return ""
    return f", {change.lines} line{'s' * (change.lines != 1)} between the commits"


def _state(code: Code, name: str) -> str:
    """Return how a file of a code is, beside its commit."""
    patch = code.files.get(name)
    if patch is None:
        return f"as in {code.commit[:8]}" if code.commit else NONE
    return f"+{patch.added} −{patch.removed}" if patch.added or patch.removed else "changed"


def _changes(code: Code) -> str:
    return code.patch[:8] or ("some" if code.dirty else "none")


def _digest(code: Code, name: str) -> str:
    return (code.digests or {}).get(name, NONE).removeprefix("sha256:")[:8]


# ---- settings, precision, devices, seed


def _settings(one: RunOrigin, other: RunOrigin) -> Iterator[Difference]:
    for key in sorted({*one.config, *other.config} - LABELS - _BY_THEMSELVES - {"command"}):
        first, second = _setting(one, key), _setting(other, key)
        if first == second:
            continue
        texts = setting_text(first, NONE), setting_text(second, NONE)
        if key in NOT_SETTINGS:
            yield Difference(8, "setting", key, *texts, "it changes nothing that is learned")
        elif key in _DATA_KEYS:
            yield Difference(0, "setting", key, *texts, "other images")
        else:
            yield Difference(3, "setting", key, *texts, "it changes what is learned")
    commands = [setting_text(_setting(origin, "command"), NONE, longest=200) for origin in (one, other)]
    if commands[0] != commands[1]:
        yield Difference(1, "setting", "command", commands[0], commands[1], "the program is another")
    if one.seed != other.seed:
        yield Difference(11, "seed", "seed", str(one.seed), str(other.seed), "as repeats differ")


def _setting(origin: RunOrigin, key: str) -> Any:
    return origin.config.get(key, DEFAULTS.get(key))


def _computing(one: RunOrigin, other: RunOrigin) -> Iterator[Difference]:
    """Yield how weights began, in which precision, on how many devices and on which they were trained."""
    if _setting(one, "pretrained") == _setting(other, "pretrained"):  # else it is told as a setting
        yield from _if_known(3, "setting", "init", one.init, other.init, "the weights began otherwise")
    first, second = (
        origin.precision or setting_text(_setting(origin, "precision"), NONE) for origin in (one, other)
    )
    if bool(one.precision) == bool(other.precision):
        yield from _if_known(4, "precision", "precision", first, second, "sums are rounded otherwise")
    first, second = (setting_text(_setting(origin, "gpus"), NONE) for origin in (one, other))
    yield from _if_known(5, "devices", "gpus", first, second, "batches are split otherwise")
    first, second = _model(one.device), _model(other.device)
    yield from _if_known(7, "gpu", "device", first, second, "sums are in another order")


def _if_known(rank: int, kind: Kind, what: str, first: str, second: str, why: str) -> Iterator[Difference]:
    """Yield a difference where both sides are known and differ."""
    if first and second and first != second:
        yield Difference(rank, kind, what, first, second, why)


def _model(device: str) -> str:
    """Return what a device is, without which of a machine's and how many."""
    return re.sub(r"^(cuda:\d+ |\d+ x )", "", device)


def _packages(one: RunOrigin, other: RunOrigin) -> Iterator[Difference]:
    """Yield packages and versions that differ; those that the start told are not told again."""
    told = {
        name
        for name in one.versions.keys() & other.versions.keys()
        if one.versions[name] != other.versions[name]
    }
    changed = {name: (one.versions[name], other.versions[name]) for name in told}
    if one.environment is not None and other.environment is not None:
        for name, first, second in changed_packages(one.environment, other.environment):
            changed.setdefault(name, (first, second))
    for name, (first, second) in changed.items():
        if _COMPUTES.fullmatch(name) or name in ("cuda", "cudnn", "driver"):
            rank, why = 6, "it computes"
        elif name == "python":
            rank, why = 8, "seldom the reason"
        else:
            rank, why = 9, "seldom the reason"
        yield Difference(rank, "package", name, first or NONE, second or NONE, why)
