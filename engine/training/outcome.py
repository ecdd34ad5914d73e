"""How an attempt ended, before it is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.events import EndState, Failure
from engine.runs.status import ENDED_EARLY
from engine.training.evaluation.evaluator import summarize
from engine.training.trainer import Trainer


@dataclass(frozen=True)
class Outcome:
    """How training ended: ``error`` says why it failed, ``summary`` the scores of the last evaluation."""

    state: EndState
    reason: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)
    error: Failure | None = None


def trained(trainer: Trainer) -> Outcome:
    """Train to the end or until asked to stop, and return how that ended."""
    stopped = trainer.fit()
    trainer.keep_predictions()
    summary = summarize(trainer.tested, trainer.classes) if trainer.tested is not None else {}
    if stopped is None:
        return Outcome("finished", _end(trainer), summary)
    return Outcome("stopped", f"at epoch {trainer.epoch:.2f}", summary)


def _end(trainer: Trainer) -> str:
    """Return why training is over."""
    epochs, patience = trainer.experiment.epochs, trainer.experiment.patience
    if trainer.epoch >= epochs:
        return f"trained all {epochs} epochs" if epochs > 1 else "trained its one epoch"
    return (
        f"{ENDED_EARLY} at epoch {trainer.epoch:g} of {epochs}: no better validation score in {patience} "
        f"evaluation{'s' if patience > 1 else ''}"
    )
