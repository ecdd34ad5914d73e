"""The sides of a comparison: runs that differ in their seed alone, which of them count, and how sides differ. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.analysis.selection import settings
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
    runs: tuple[Status, ...]

    @property
    def finished(self) -> bool:
        """Whether it has results that a verdict can rest on."""
        return any(run.state == "finished" for run in self.runs)

    @property
    def counted(self) -> tuple[Status, ...]:
        """The newest of each seed: of the runs that have finished, or of all while none has."""
        counted = [run for run in self.runs if run.state == "finished"] or self.runs
        return tuple({run.seed: run for run in sorted(counted, key=lambda run: run.started)}.values())

    @property
    def live(self) -> bool:
        """Whether more is to come."""
        return any(run.state in LIVE or run.state == "queued" for run in self.runs)

    @property
    def count(self) -> str:
        """How many seeds there are results of, where these are several: `` ×3``."""
        return f" ×{len(self.counted)}" if self.finished and len(self.counted) > 1 else ""

    @property
    def left_out(self) -> str:
        """What does not count, and how far it has come; empty where there is nothing like that."""
        of_seed = {run.seed for run in self.runs if run.state == "finished"}
        others = [
            run
            for run in self.runs
            if run.state != "finished" and (run.seed not in of_seed or run.state in LIVE)
        ]
        said = []
        for word, count in Counter(map(_word, others)).items():
            far = next(_far(run) for run in others if _word(run) == word)
            said.append(f"{count} {word}" + (f" at {far}" if count == 1 and far else ""))
        older = sum(run.state == "finished" for run in self.runs) - len(self.counted)
        return ", ".join([*said, f"{older} older of the same seed"] if self.finished and older else said)


def _word(run: Status) -> str:
    return WORDS.get(run.state, run.state)


def _far(run: Status) -> str:
    return f"{int(run.epoch)}/{run.epochs}" if run.epochs else ""


def sides(
    statuses: Iterable[Status], configs: Mapping[str, Mapping[str, Any]], baseline: str | None
) -> list[Side]:
    """Return the runs by what they were made with, seeds together.

    The side with the ``baseline`` run stands first; behind it those that have results, so that there is something to
    measure the others by.
    """
    groups: list[tuple[str, Mapping[str, Any], list[Status]]] = []
    for status in statuses:
        config: Mapping[str, Any] = settings(configs.get(status.run, {}))
        known = next(
            (runs for name, made, runs in groups if (name, made) == (status.experiment, config)), None
        )
        if known is None:
            groups.append((status.experiment, config, [status]))
        else:
            known.append(status)
    names = _named_apart([(name, config) for name, config, _ in groups])
    found = [Side(name, config, tuple(runs)) for name, (_, config, runs) in zip(names, groups, strict=True)]
    found.sort(key=lambda side: (all(run.run != baseline for run in side.runs), not side.finished))
    return found


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
