"""The sides of a comparison: runs that differ in their seed alone, which of them count, and how sides differ. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.analysis.selection import Choice, R, by_settings, runs_that_count, uncounted
from engine.runs.status import LIVE, State, Status
from engine.text import clean, setting_text

MOST_NAMED = 2
"""Settings that a name says."""
WORDS: Mapping[State, str] = {
    "queued": "in the queue",
    "starting": "still training",
    "running": "still training",
    "silent": "not heard of",
}
"""What is said of states that are no words for it themselves."""


@dataclass(frozen=True)
class Side:
    """Runs that differ in their seed alone, as one column."""

    name: str
    config: Mapping[str, Any]
    choice: Choice[Any]
    """Which of them count."""

    @property
    def finished(self) -> bool:
        """Whether it has results that a verdict can rest on."""
        return bool(self.choice.runs) and self.choice.finished

    @property
    def counted(self) -> tuple[Status, ...]:
        """One run of each seed: those that count, or where none was tested yet what there is."""
        return tuple(run.status for run in self.choice.representatives)

    @property
    def live(self) -> bool:
        """Whether more is to come."""
        others = (*self.choice.runs, *self.choice.left_out)
        return any(run.status.state in LIVE or run.status.state == "queued" for run in others)

    @property
    def count(self) -> str:
        """How many seeds there are results of, where these are several: `` ×3``."""
        return f" ×{len(self.counted)}" if self.finished and len(self.counted) > 1 else ""

    @property
    def left_out(self) -> str:
        """What does not count, and how far it has come; empty where there is nothing like that."""
        others = [run.status for run in (*(() if self.finished else self.choice.runs), *self.choice.left_out)]
        said = []
        for word, count in Counter(map(_word, others)).items():
            far = next(_far(run) for run in others if _word(run) == word)
            said.append(f"{count} {word}" + (f" at {far}" if count == 1 and far else ""))
        return ", ".join([*said, *uncounted(self.choice)])


def _word(run: Status) -> str:
    return WORDS.get(run.state, run.state)


def _far(run: Status) -> str:
    return f"{int(run.epoch)}/{run.epochs}" if run.epochs else ""


def sides(runs: Iterable[R], baseline: str | None, among: Iterable[R] | None = None) -> list[Side]:
    """Return runs by what they were made with, seeds together.

    The side with the ``baseline`` run stands first; behind it those that have results, so that there is something to
    measure the others by.

    Args:
        runs: What is compared.
        baseline: The id of a run of the first side; None for any.
        among: Runs of which those join that were made with the same as one that is compared; None for none.
    """
    chosen = list(runs)
    wanted = {run.status.run for run in chosen}
    by_experiment: dict[str, list[R]] = {run.status.experiment: [] for run in chosen}
    for run in chosen if among is None else among:
        if run.status.experiment in by_experiment:
            by_experiment[run.status.experiment].append(run)
    groups = [
        (experiment, made, members)
        for experiment, there in by_experiment.items()
        for made, members in by_settings(there)
        if any(run.status.run in wanted for run in members)
    ]
    names = _named_apart([(experiment, made) for experiment, made, _ in groups])
    found = [
        (any(run.status.run == baseline for run in members), Side(name, made, runs_that_count(members)))
        for name, (_, made, members) in zip(names, groups, strict=True)
    ]
    found.sort(key=lambda each: (not each[0], not each[1].finished))
    return [side for _, side in found]


def _named_apart(made: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Return a name for each of some experiments and settings: with what differs, where one has several."""
    names = []
    for name, config in made:
        others = [other for same, other in made if same == name]
        keys = [key for key in config if any(other.get(key) != config[key] for other in others)]
        own = " ".join(f"{key}={setting_text(config[key], '–')}" for key in keys[:MOST_NAMED])
        names.append(f"{clean(name)} {own}".strip())
    again = [names[:i].count(name) for i, name in enumerate(names)]
    return [f"{name} ({count + 1})" if count else name for name, count in zip(names, again, strict=True)]


def differing(found: Sequence[Side]) -> list[tuple[str, list[str]]]:
    """Return the keys in which the sides were made differently, each with a value a side."""
    keys = dict.fromkeys(key for side in found for key in side.config)
    rows = []
    for key in keys:
        values = [side.config.get(key) for side in found]
        if any(value != values[0] for value in values):
            rows.append((key, [setting_text(value, "–") for value in values]))
    return rows
