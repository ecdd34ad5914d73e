"""A row of the run list: what it stands for, and the facts that its columns show."""

from __future__ import annotations

from typing import NamedTuple

from engine.analysis.alarms import Kind
from engine.runs.metadata import RunSummary
from engine.runs.status import State, Status


class Row(NamedTuple):
    """A row: a group, an experiment (its newest result's facts), or one run; what columns show is made when drawn."""

    key: str
    experiment: str
    """Empty for a group."""
    run: str | None
    """The id of the run whose facts these are; None for a row without runs."""
    label: str
    state: State | None
    depth: int = 0
    folded: int = 0
    """How many runs the row hides, without those that never began; of a group, how many there are."""
    facts: tuple[RunSummary, ...] = ()
    """What it stands for: its own run, then others that differ in their seed alone; for a group, those of all in it."""
    seeds: int = 0
    """How many seeds its mean is of; 0 where nothing has a result yet."""
    waiting: int = 0
    """How many of the runs that the row hides wait in the queue; 0 for the one that it stands for alone."""
    going: int = 0
    """How many of them go on, made with other settings than what it stands for."""
    others: int = 0
    """With how many other settings runs that it hides go on or have finished."""
    cut: int = 0
    """Of how many runs a filter leaves those that it stands for; 0 where it leaves all."""
    mixed: bool = False
    """Whether it stands for runs that no mean can be taken of: they differ in more than their seed."""
    active: tuple[Status, ...] = ()
    """The runs of its row, those behind it too, that live or wait; the newest first."""
    unfinished: tuple[Status, ...] = ()
    """What it hides that was stopped or failed, and that nothing has made up for; the newest first."""
    note: str = ""
    """Why it waits or failed; shown where the numbers would stand."""
    alarm: Kind | None = None
    """The gravest of what is wrong with the run, or with those that the row hides."""
    age: str = ""
    """How old its state is, where the site that its run was sent to does not answer: ``3 min ago``."""
    stops: str = ""
    """That its run is to stop, in a word or two."""
    tags: tuple[str, ...] = ()
    noted: bool = False
    """Whether its run has a note."""
    group: bool = False
    folds: str = ""
    """Its name among those that are unfolded; empty for a row without others under it."""
    parent: str = ""
    """The key of the row that it is under."""

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs that it stands for."""
        return tuple(fact.status.run for fact in self.facts if fact.status.run)
