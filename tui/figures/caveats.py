"""The small print of a figure's experiments: which runs it lacks, which settings differ, what is left out."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.analysis.runs_that_count import Candidate, Choice, settings_of, uncounted
from engine.config.loader import Config
from engine.config.schema import IMPORTED, SCRIPT, Experiment, Figure
from engine.runs.store import Store
from engine.text import setting_text, shorten

Say = Callable[[str], None]
NAMED, LONGEST_NAME = 4, 40
"""How many metrics of a program are named, and the most characters of each."""


@dataclass(frozen=True, eq=False)
class FigureEntry:
    """An experiment of a figure: the runs that count, and what is shown of them; None where nothing can be shown."""

    experiment: Experiment
    choice: Choice[Candidate]
    part: Any = None
    remarks: tuple[str, ...] = ()
    """What is left out, or why nothing is shown though there are runs; a sentence each."""


def satisfied(
    figures: Iterable[Figure], done: Collection[str], candidates: Sequence[Candidate], *, named: bool
) -> bool:
    """Return whether the figures that were asked for are drawn.

    Where figures are named, each of them has to be drawn. Where all are asked for, each figure with a finished run
    has to be drawn, and at least one: the others wait for their runs, which is no mistake.

    Args:
        figures: The figures that were asked for.
        done: The names of those that were drawn.
        candidates: All runs.
        named: Whether the figures were asked for by their names.
    """
    due = [figure for figure in figures if named or _has_runs(figure, candidates)]
    return bool(done) and all(figure.name in done for figure in due)


def not_drawn(name: str, notes: Iterable[str]) -> list[str]:
    """Return lines on a figure that nothing could be drawn of: what it lacks, and how that is made.

    Args:
        name: The figure.
        notes: What is said of its experiments.
    """
    return [f"{name} is not drawn", *(f"  {note}" for note in notes)]


def waiting_for_runs(
    figures: Sequence[Figure], done: Collection[str], candidates: Sequence[Candidate]
) -> str:
    """Return a line on the figures that wait for a first finished run; empty where none waits.

    Args:
        figures: The figures that were asked for.
        done: The names of those that were drawn.
        candidates: All runs.
    """
    names = [
        figure.name for figure in figures if figure.name not in done and not _has_runs(figure, candidates)
    ]
    if not names:
        return ""
    return (
        f"{len(names)} of {len(figures)} figures wait{'s' * (len(names) == 1)} for runs: {', '.join(names)}"
    )


def _has_runs(figure: Figure, candidates: Iterable[Candidate]) -> bool:
    """Return whether a run of an experiment of the figure has finished."""
    return any(
        candidate.status.state == "finished" and candidate.info.experiment in figure.experiments
        for candidate in candidates
    )


def lacks(missing: Sequence[str], measurement: str, candidates: Iterable[Candidate]) -> list[str]:
    """Return what the small print says of experiments that nothing is shown of, a sentence for each reason.

    Args:
        missing: The names of the experiments.
        measurement: The metric or matrix that their runs lack, in words.
        candidates: All runs, the oldest first.
    """
    newest: dict[str, str] = {}
    trained = set()
    for candidate in candidates:
        newest[candidate.info.experiment] = candidate.status.state
        if candidate.status.state == "finished":
            trained.add(candidate.info.experiment)
    lists: dict[str, list[str]] = {"No runs yet": []}
    for name in missing:
        if name in trained:
            why = f"No usable {measurement}"
        elif name in newest:
            why = f"No {measurement} yet, newest run {newest[name]}"
        else:
            why = "No runs yet"
        lists.setdefault(why, []).append(name)
    return [f"{why}: {', '.join(names)}." for why, names in lists.items() if names]


def cautions(entry: FigureEntry) -> Iterator[str]:
    """Yield what a reader has to know about an experiment's runs, a sentence each."""
    name, choice = entry.experiment.name, entry.choice
    if choice.changes:
        changes = ", ".join(
            f"{key} {_show(was)} instead of {_show(now)}" for key, (was, now) in choice.changes.items()
        )
        yield f"{name} is shown by runs with another configuration: {changes}."
    if not choice.finished:
        far = ", ".join(f"{run.status.state} at epoch {run.status.epoch:.3g}" for run in choice.runs)
        yield f"{name} has not finished: {far}."
    for run in choice.left_out:
        if run.status.state != "queued":
            far = f"{run.status.state} at epoch {run.status.epoch:.3g}"
            yield f"{name} is shown without seed {run.info.seed}: {far}."
    yield from not_counted(name, choice)


def made_with(entries: Sequence[FigureEntry]) -> Iterator[str]:
    """Yield which settings of the runs a reader takes for others: parts of the data, schedules of several lengths."""
    configs = {
        entry.experiment.name: entry.choice.runs[0].config
        for entry in entries
        if entry.choice.runs and entry.choice.runs[0].config.get("model") not in (None, SCRIPT, IMPORTED)
    }
    lengths = {name: count for name, config in configs.items() if (count := _count(config, "epochs"))}
    if len(set(lengths.values())) > 1:
        words = {name: f"{count} epochs" for name, count in lengths.items()}
        yield f"Schedules end at different epochs: {_by_value(words)}."
    parts = {name: _count(config, "subset_per_class") for name, config in configs.items()}
    if any(parts.values()):
        words = {name: f"{count} images a class" if count else "all images" for name, count in parts.items()}
        yield f"Trained on {_by_value(words)}."


def _count(config: Mapping[str, Any], key: str) -> int:
    value = config.get(key)
    return value if isinstance(value, int) else 0


def _by_value(words: Mapping[str, str]) -> str:
    """Return what experiments have, with their names unless all have the same; the most of them are the others."""
    values = list(dict.fromkeys(words.values()))
    if len(values) == 1:
        return values[0]
    names = {value: [name for name in words if words[name] == value] for value in values}
    most = max(values, key=lambda value: len(names[value]))
    rest = most if len(names[most]) > 2 else None
    parts = [f"{value} ({', '.join(names[value])})" for value in values if value != rest]
    return "; ".join([*parts, *([f"{rest} (the others)"] if rest else [])])


def not_counted(name: str, choice: Choice[Candidate]) -> Iterator[str]:
    """Yield a sentence on the runs of an experiment that do not count, if it has some."""
    if reasons := uncounted(choice):
        yield f"{name}: {', '.join(reasons)}."


def other_settings(entry: FigureEntry) -> Iterator[str]:
    """Yield how many runs of an experiment are left out for their other settings, and which settings those are."""
    choice = entry.choice
    if not choice.runs or not choice.other_settings:
        return
    made = settings_of(choice.runs[0].config)
    others = [settings_of(run.config) for group in choice.other_settings for run in group]
    keys = [key for key in made if any(other[key] != made[key] for other in others)]
    differences = ", ".join(
        f"{key} {' or '.join(dict.fromkeys(_show(other[key]) for other in others if other[key] != made[key]))}"
        for key in keys[:3]
    )
    count = f"{len(others)} run{'s' * (len(others) > 1)}"
    yield f"{entry.experiment.name}: {count} with other settings not shown ({differences}); `vitui` compares them"


def whats_missing(
    metric: str, missing: Sequence[str], candidates: Iterable[Candidate], config: Config, store: Store
) -> Iterator[str]:
    """Yield why experiments show nothing of a metric, and the command that runs those that have no run under way.

    Args:
        metric: What their runs lack, in words.
        missing: The names of the experiments.
        candidates: All runs, the oldest first.
        config: The configuration, which the command names unless it is the usual one.
        store: The folder of runs, which the command names unless it is the usual one.
    """
    runs = {candidate.info.experiment: candidate for candidate in candidates}
    newest = {name: candidate.status for name, candidate in runs.items()}
    to_run = []
    for name in missing:
        if name not in newest:
            yield f"{name}: no runs yet"
            to_run.append(name)
        elif newest[name].state in ("queued", "starting", "running"):
            yield f"{name}: no {metric} yet, its newest run is {newest[name].state}"
        elif measured := _measured_by_its_program(runs[name]):
            yield f"{name}: its program measures {measured}, and no {metric}"
        else:
            device = f" on {newest[name].device}" if newest[name].device else ""
            yield f"{name}: no usable {metric}, its newest run {newest[name].state}{device}"
            to_run.append(name)
    if to_run:
        yield f"to make them: {shlex.join(_command(to_run, config, store))}"


def _measured_by_its_program(run: Candidate) -> str:
    """Return what a finished program that is none of vitui's measured, in words; empty where it is nothing or ours."""
    if run.status.state != "finished" or not (run.config.get("command") or run.info.imported):
        return ""
    names = [shorten(name, LONGEST_NAME) for name in run.status.last if not name.startswith(("cpu/", "gpu/"))]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _command(names: Sequence[str], config: Config, store: Store) -> list[str]:
    """Return the command, for the current folder, that runs experiments."""
    command = ["engine", "run" if len(names) == 1 else "submit"]
    if config.path != Path("experiments.toml"):
        command += ["--config", str(config.path)]
    if store.root != Path("runs"):
        command += ["--runs", str(store.root)]
    return [*command, *(["--"] if any(name.startswith("-") for name in names) else []), *names]


def _show(value: object) -> str:
    return setting_text(value, "none")
