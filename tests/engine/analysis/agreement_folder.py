"""A folder of experiments with awkward runs, and what is right of each: what agreement is asked about.

``agreement_cases`` writes the runs; the numbers that are right are those that were written. ``CONTESTS`` are figures of
two and more experiments, with the one that is told to be best.
"""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.analysis.runs_that_count import Candidate, read_candidates
from engine.config.loader import Config, load_config
from engine.runs.store import Store
from tests.engine.analysis.agreement_cases import CASES, HEAD, Measured, Right, Writer
from tui.feed.feed import Feed
from tui.state.snapshot import Project, Snapshot, Watch
from tui.views.run_list_row import Row
from tui.views.run_list_tree import make_rows

NAMES = tuple(case.__name__ for case in CASES)


# ---- figures of several experiments, and which is best


class Contest(NamedTuple):
    """A figure of several experiments, and which of them is told to be best."""

    scores: Mapping[str, tuple[float, ...]]
    """Of each seed, by experiment."""
    best: str | None
    best_in_report: str | None
    """Which is told to be best in a report, that judges all of its figures together."""


LOW, MIDDLE, HIGH = (0.50, 0.51, 0.52), (0.70, 0.71, 0.72), (0.90, 0.91, 0.92)
CONTESTS: Mapping[str, Contest] = {
    "clear": Contest({"alto": HIGH, "basso": LOW}, "alto", "alto"),
    "tied": Contest({"tenor": MIDDLE, "treble": (0.72, 0.70, 0.71)}, None, None),
    "one_seed": Contest({"solo": (0.95,), "duet": (0.50, 0.52)}, None, None),
    "among_three": Contest({"alto": HIGH, "tenor": MIDDLE, "basso": LOW}, "alto", "alto"),
    "narrow": Contest(
        {"first": (0.628, 0.643, 0.658), "second": (0.582, 0.596, 0.61), "third": (0.58, 0.594, 0.608)},
        "first", None,
    ),
}  # fmt: skip
"""Of ``narrow`` the first is told apart with a p value of 0.045 alone, and so not among the figures of a report."""
CONTESTANTS: Mapping[str, tuple[float, ...]] = {
    name: scores for contest in CONTESTS.values() for name, scores in contest.scores.items()
}


# ---- the folder


class Numbers(NamedTuple):
    """What is right of the numbers of an experiment, None where none of its runs has measured that."""

    mean: float
    sd: float | None
    memory: float | None
    energy: float | None


@dataclass
class Folder:
    """A project with all cases and contests."""

    path: Path
    right: dict[str, Right] = field(default_factory=dict)
    measured: dict[str, Measured] = field(default_factory=dict)
    """By the ids of runs."""

    @property
    def store(self) -> Store:
        """Where the runs are."""
        return Store(self.path / "runs")

    @cached_property
    def config(self) -> Config:
        """The experiments, a figure of all cases, and one of each contest."""
        return load_config(self.path / "experiments.toml")

    @cached_property
    def candidates(self) -> list[Candidate]:
        """All runs, as figures and tables read them."""
        return read_candidates(self.store)[0]

    @cached_property
    def seeds(self) -> dict[str, int]:
        """The seeds of all runs, by their ids."""
        return {each.run.id: each.info.seed for each in self.candidates}

    @cached_property
    def feed(self) -> Feed:
        """What reads the folder for the app."""
        return Feed(Project(self.path, self.path / "experiments.toml", self.path / "runs"), lambda _: None)

    @cached_property
    def snapshot(self) -> Snapshot:
        """What the app knows of the folder."""
        return self.read()

    @cached_property
    def rows(self) -> dict[str, Row]:
        """The list's row of each experiment."""
        return {row.experiment: row for row in make_rows(self.snapshot, set())}

    def watched(self, folds: tuple[tuple[str, ...], ...]) -> Snapshot:
        """Return the snapshot where runs are in the charts, some of them one curve together."""
        runs = tuple(run for fold in folds for run in fold)
        self.feed.look_at(Watch(runs, runs[0], folds=folds))
        return self.read()

    def read(self) -> Snapshot:
        """Return the snapshot once all has been read."""
        deadline = time.monotonic() + 30
        changed = self.feed.tick()
        while changed is None or changed.snapshot.loading:
            assert time.monotonic() < deadline
            changed = self.feed.tick() or changed
        return changed.snapshot

    def numbers(self, name: str) -> Numbers:
        """Return what is right of the numbers of an experiment."""
        return numbers_of([self.measured[run.id] for run in self.right[name].runs])


def numbers_of(measured: list[Measured]) -> Numbers:
    """Return the numbers of runs that count, without what is no number."""
    f1, memory, energy = (
        [value for value in column if math.isfinite(value)] for column in zip(*measured, strict=True)
    )
    sd = statistics.stdev(f1) if len(f1) > 1 else None
    return Numbers(
        statistics.fmean(f1), sd, max(memory, default=None), statistics.fmean(energy) if energy else None
    )


def make_folder(path: Path) -> Folder:
    """Write the folder; the ids of its runs are in the order in which they are written."""
    made = Folder(path)
    tables = [f"[experiments.{name}]\nseeds = [0, 1, 2]\n" for name in (*NAMES, *CONTESTANTS)]
    tables = [text + "gpus = 2\n" * ("two_gpus" in text) for text in tables]
    figures = {"all": NAMES} | {name: tuple(contest.scores) for name, contest in CONTESTS.items()}
    tables += [
        f'[figures.{name}]\nkind = "bars"\ny = "test/f1"\nexperiments = {list(names)}\n'
        for name, names in figures.items()
    ]
    (path / "experiments.toml").write_text(HEAD + "".join(tables))
    ids = itertools.count(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "engine.runs.store._new_id", lambda name, seed, _: f"{name}-s{seed}-20261118-15{next(ids):04d}-abcd"
        )  # fmt: skip
        for case in CASES:
            experiment = made.config.experiments[case.__name__]
            made.right[case.__name__] = case(Writer(made.store, experiment, made.measured))
        for name, scores in CONTESTANTS.items():
            write = Writer(made.store, made.config.experiments[name], made.measured)
            made.right[name] = Right(tuple(write.run(seed, f1=score) for seed, score in enumerate(scores)))
    return made
