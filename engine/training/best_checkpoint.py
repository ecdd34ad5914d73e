"""Which evaluation is the best of a run, and kept as ``best.pt``: the one that scores highest on validation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from engine.catalog.metrics import AVERAGED

Weights = Literal["model", "ema"]

CANDIDATES: dict[str, Weights] = {"val": "model", AVERAGED["val"]: "ema"}
"""What the validation split judges: the weights, and their average, which has to be better to be kept."""


class BestCheckpoint:
    """The best evaluation so far: by macro F1 on the validation split, and between equal ones by the lower loss.

    Attributes:
        weights: Whether the weights did best, or their average.

    Args:
        patience: Evaluations without a better one after which training ends; 0 for no such end.
    """

    def __init__(self, patience: int = 0) -> None:
        self._patience = patience
        self._score: tuple[float, float] | None = None
        self._evaluations_since = 0
        self.weights: Weights = "model"

    @property
    def is_out_of_patience(self) -> bool:
        """Whether so many evaluations in a row were no better that training ends."""
        return 0 < self._patience <= self._evaluations_since

    def choose(self, values: Mapping[str, Mapping[str, float]]) -> bool:
        """Return whether the weights or their average, whichever does better on validation, are the best so far.

        Args:
            values: The metrics of an evaluation, by split and then by name.
        """
        is_best = False
        for split, weights in CANDIDATES.items():
            if split in values:
                score = (values[split]["f1"], -values[split]["loss"])
                if self._score is None or score > self._score:
                    self._score, self.weights, is_best = score, weights, True
        self._evaluations_since = 0 if is_best else self._evaluations_since + 1
        return is_best

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {
            "best": self._score,
            "best_weights": self.weights,
            "evaluations_since_best": self._evaluations_since,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from what a checkpoint kept; older ones say nothing of averages and patience."""
        self._score = None if state["best"] is None else (state["best"][0], state["best"][1])
        self.weights = state.get("best_weights", "model")
        self._evaluations_since = state.get("evaluations_since_best", 0)
