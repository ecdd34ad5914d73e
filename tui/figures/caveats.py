"""What has to be said of a figure's experiments: which runs it lacks, which settings differ, what is left out."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.analysis.selection import Candidate, Choice, settings_of, uncounted
from engine.config.loader import Config
from engine.config.schema import Experiment, Figure
from engine.runs.store import Store
from engine.text import setting_text

Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Entry:
    """An experiment of a figure: the runs that speak for it and what is shown of them, None where nothing can be."""

    experiment: Experiment
    choice: Choice[Candidate]
    part: Any = None
    remarks: tuple[str, ...] = ()
    """What is left out, or why nothing is shown though there are runs; a sentence each."""


def satisfied(
    figures: Iterable[Figure], done: Collection[str], candidates: Sequence[Candidate], *, named: bool
) -> bool:
    """Return whether what was asked for is there.

    Of figures that were named that is each of them. Where all were asked for it is each that has a finished run, and
    one at least: the others wait for their runs, which is no mistake.
    """
    due = [figure for figure in figures if named or _has_runs(figure, candidates)]
    return bool(done) and all(figure.name in done for figure in due)


def waiting_for_runs(
    figures: Sequence[Figure], done: Collection[str], candidates: Sequence[Candidate]
) -> str:
    """Return a line on the figures that are not there because none of their runs has finished; empty for none."""
    names = [each.name for each in figures if each.name not in done and not _has_runs(each, candidates)]
    if not names:
        return ""
    return (
        f"{len(names)} of {len(figures)} figures wait{'s' * (len(names) == 1)} for runs: {', '.join(names)}"
    )


def _has_runs(figure: Figure, candidates: Iterable[Candidate]) -> bool:
    """Return whether a run of an experiment of the figure has finished."""
    return any(
        each.status.state == "finished" and each.info.experiment in figure.experiments for each in candidates
    )


def lacks(missing: Sequence[str], wanted: str, candidates: Iterable[Candidate]) -> list[str]:
    """Return what the small print says of experiments that nothing is shown of."""
    trained = {each.info.experiment for each in candidates if each.status.state == "finished"}
    lists = {
        "No runs yet": [name for name in missing if name not in trained],
        f"No usable {wanted}": [name for name in missing if name in trained],
    }
    return [f"{why}: {', '.join(names)}." for why, names in lists.items() if names]


def cautions(entry: Entry) -> Iterator[str]:
    """Yield what a reader has to know about an experiment's runs, a sentence each."""
    name, choice = entry.experiment.name, entry.choice
    if choice.changes:
        changes = ", ".join(
            f"{key} {_show(was)} instead of {_show(now)}" for key, (was, now) in choice.changes.items()
        )
        yield f"{name} is shown by runs with another configuration: {changes}."
    if not choice.finished:
        far = ", ".join(f"{each.status.state} at epoch {each.status.epoch:.3g}" for each in choice.runs)
        yield f"{name} has not finished: {far}."
    for each in choice.left_out:
        if each.status.state != "queued":
            far = f"{each.status.state} at epoch {each.status.epoch:.3g}"
            yield f"{name} is shown without seed {each.info.seed}: {far}."
    yield from not_counted(name, choice)


def not_counted(name: str, choice: Choice[Candidate]) -> Iterator[str]:
    """Yield a sentence on the runs of an experiment that are not counted, where there are such."""
    if said := uncounted(choice):
        yield f"{name}: {', '.join(said)}."


def other_settings(entry: Entry) -> Iterator[str]:
    """Yield how many runs of an experiment are not shown because they were made with something else, and with what."""
    choice = entry.choice
    if not choice.runs or not choice.other_settings:
        return
    made = settings_of(choice.runs[0].config)
    others = [settings_of(each.config) for group in choice.other_settings for each in group]
    keys = [key for key in made if any(other[key] != made[key] for other in others)]
    said = ", ".join(
        f"{key} {' or '.join(dict.fromkeys(_show(other[key]) for other in others if other[key] != made[key]))}"
        for key in keys[:3]
    )
    count = f"{len(others)} run{'s' * (len(others) > 1)}"
    yield f"{entry.experiment.name}: {count} with other settings not shown ({said}); `vitui` compares them"


def whats_missing(
    metric: str, missing: Sequence[str], candidates: Iterable[Candidate], config: Config, store: Store
) -> Iterator[str]:
    """Yield why experiments show nothing of a metric, and what to run for those that nothing is under way for."""
    newest = {each.info.experiment: each.status for each in candidates}
    to_run = []
    for name in missing:
        if name not in newest:
            yield f"{name}: no runs yet"
            to_run.append(name)
        elif newest[name].state in ("queued", "starting", "running"):
            yield f"{name}: no {metric} yet, its newest run is {newest[name].state}"
        else:
            device = f" on {newest[name].device}" if newest[name].device else ""
            yield f"{name}: no usable {metric}, its newest run {newest[name].state}{device}"
            to_run.append(name)
    if to_run:
        yield f"to make them: {shlex.join(_command(to_run, config, store))}"


def _command(names: Sequence[str], config: Config, store: Store) -> list[str]:
    """Return the command that runs experiments from where this one was called."""
    command = ["engine", "run" if len(names) == 1 else "submit"]
    if config.path != Path("experiments.toml"):
        command += ["--config", str(config.path)]
    if store.root != Path("runs"):
        command += ["--runs", str(store.root)]
    return [*command, *(["--"] if any(name.startswith("-") for name in names) else []), *names]


def _show(value: object) -> str:
    return setting_text(value, "none")
