"""What a kind of figure reads an experiment from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from engine.analysis.conclusions.evidence import Evidence
from engine.analysis.runs_that_count import Candidate, Choice
from engine.config.schema import Experiment, Figure
from engine.history.reader import History

Part = TypeVar("Part")


@dataclass(frozen=True)
class Source:
    """An experiment of a figure, and its runs."""

    figure: Figure
    experiment: Experiment
    colour: str
    choice: Choice[Candidate]
    candidates: Sequence[Candidate]
    """All runs."""
    evidence: Evidence
    """All runs, in the form that judgements are made of."""
    history: Callable[[Path, str | None], History]
    """Reads the history in a run's folder: that of one metric alone, or all of it."""


@dataclass(frozen=True)
class Reading(Generic[Part]):
    """What a figure shows of an experiment, None where it can show nothing."""

    part: Part | None
    remarks: tuple[str, ...] = ()
    """What is left out, or why nothing is shown though there are runs; a sentence each."""
