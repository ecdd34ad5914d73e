"""The sides of a comparison: runs that differ in their seed alone, which of them count, and how sides differ. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.analysis.runs_that_count import Choice, R, by_settings, runs_that_count, uncounted
from engine.runs.status import LIVE, State, Status
from engine.text import clean, setting_text

MOST_NAMED = 2
"""Settings that a name holds."""
WORDS: Mapping[State, str] = {
    "queued": "in the queue",
    "starting": "still training",
    "running": "still training",
    "silent": "not heard of",
}
"""How a comparison writes the states of unfinished runs; the other states are written as they are."""


@dataclass(frozen=True)
class Side:
    """Runs that differ in their seed alone, as one column."""

    name: str
    config: Mapping[str, Any]
    choice: Choice[Any]
    """Which of them count."""

    @property
    def finished(self) -> bool:
        """Whether it has the results that a verdict needs."""
        return bool(self.choice.runs) and self.choice.finished

    @property
    def counted(self) -> tuple[Status, ...]:
        """One run of each seed: those that count; before any was tested, the newest ones."""
        return tuple(run.status for run in self.choice.representatives)

    @property
    def live(self) -> bool:
        """Whether a run of it trains or waits in the queue."""
        others = (*self.choice.runs, *self.choice.left_out)
        return any(run.status.state in LIVE or run.status.state == "queued" for run in others)

    @property
    def count(self) -> str:
        """The number of seeds with results, where there are several: `` ×3``."""
        return f" ×{len(self.counted)}" if self.finished and len(self.counted) > 1 else ""

    @property
    def left_out(self) -> str:
        """The runs that do not count, and how far they have come; empty where all count."""
        others = [run.status for run in (*(() if self.finished else self.choice.runs), *self.choice.left_out)]
        phrases = []
        for word, count in Counter(map(_word, others)).items():
            far = next(_far(run) for run in others if _word(run) == word)
            phrases.append(f"{count} {word}" + (f" at {far}" if count == 1 and far else ""))
        return ", ".join([*phrases, *uncounted(self.choice)])


def _word(run: Status) -> str:
    return WORDS.get(run.state, run.state)


def _far(run: Status) -> str:
    return f"{int(run.epoch)}/{run.epochs}" if run.epochs else ""


def sides(runs: Iterable[R], baseline: str | None, among: Iterable[R] | None = None) -> list[Side]:
    """Return runs grouped by their settings, the seeds of each group together.

    The side with the ``baseline`` run stands first; behind it those that have results, so that the others have one to
    be measured by.

    Args:
        runs: The runs to compare.
        baseline: The id of a run of the first side; None for any.
        among: More runs; those with the settings of a compared run join its side. None for no more.
    """
    chosen = list(runs)
    compared = {run.status.run for run in chosen}
    by_experiment: dict[str, list[R]] = {run.status.experiment: [] for run in chosen}
    for run in chosen if among is None else among:
        if run.status.experiment in by_experiment:
            by_experiment[run.status.experiment].append(run)
    groups = [
        (experiment, made, members)
        for experiment, of_experiment in by_experiment.items()
        for made, members in by_settings(of_experiment)
        if any(run.status.run in compared for run in members)
    ]
    names = _named_apart([(experiment, made) for experiment, made, _ in groups])
    flagged_sides = [
        (any(run.status.run == baseline for run in members), Side(name, made, runs_that_count(members)))
        for name, (_, made, members) in zip(names, groups, strict=True)
    ]
    flagged_sides.sort(key=lambda flagged: (not flagged[0], not flagged[1].finished))
    return [side for _, side in flagged_sides]


def _named_apart(experiments: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Return a name for each pair of experiment and settings; with the settings that differ, where one has several."""
    names = []
    for name, config in experiments:
        others = [other for same, other in experiments if same == name]
        keys = [key for key in config if any(other.get(key) != config[key] for other in others)]
        differing_settings = " ".join(f"{key}={setting_text(config[key], '–')}" for key in keys[:MOST_NAMED])
        names.append(f"{clean(name)} {differing_settings}".strip())
    again = [names[:i].count(name) for i, name in enumerate(names)]
    return [f"{name} ({count + 1})" if count else name for name, count in zip(names, again, strict=True)]


def differing(compared: Sequence[Side]) -> list[tuple[str, list[str]]]:
    """Return the settings in which sides differ, each with its value on every side."""
    keys = dict.fromkeys(key for side in compared for key in side.config)
    rows = []
    for key in keys:
        values = [side.config.get(key) for side in compared]
        if any(value != values[0] for value in values):
            rows.append((key, [setting_text(value, "–") for value in values]))
    return rows
