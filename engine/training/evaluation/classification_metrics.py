"""The metrics of a split, measured by torchmetrics; ``light_torchmetrics`` imports that first, in a fifth of the time.

Scores are computed in float64 from counts of images. Over several ranks torchmetrics itself adds them up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassCalibrationError,
    MulticlassConfusionMatrix,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)
from torchmetrics.utilities import dim_zero_cat
from typing_extensions import override

BINS = 15
"""Bins of confidence for the calibration error: as many as in Guo et al. (2017) and most that compare with it."""
TOP = 5
"""Among so many guesses the true class counts as found for ``top5``."""
FEW_CLASSES = 10
"""With no more classes the best five guesses say little, and ``top5`` is not measured."""


class TopAccuracy(MulticlassAccuracy):
    """The share of images whose true class is among the ``TOP`` guesses, without a one-hot (N, C) of each."""

    @override
    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count images by their logits (N, C) and true classes (N,)."""
        guesses = preds.topk(TOP, 1).indices  # (N, TOP)
        found = (guesses == target.unsqueeze(1)).any(1)
        super().update(torch.where(found, target, guesses[:, 0]), target)


class CalibrationGap(MulticlassCalibrationError):  # noqa: N818  it measures an error, and is none
    """The expected calibration error with bins (a, b] as Guo et al. (2017) have them.

    torchmetrics' are [a, b), with a bin of its own for a confidence of 1: the next smaller confidence is in the bin.
    """

    @override
    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add images by their logits (N, C) and true classes (N,)."""
        probabilities = preds.softmax(1)
        super().update(probabilities.nextafter(torch.zeros_like(probabilities)), target)

    @override
    def compute(self) -> Tensor:
        """Return the error (); NaN where a logit is not a number."""
        return torch.where(dim_zero_cat(self.confidences).isnan().any(), torch.nan, super().compute())


class ClassificationMetrics:
    """All metrics of a split but its loss, by name: a confusion matrix of counts, and shares between 0 and 1.

    ``accuracy``, macro ``f1``, ``precision`` and ``recall``, the calibration error ``ece``, with more than ten classes
    ``top5``, and ``confusion`` (rows: true class). A macro average is over the classes that occur, as a truth or as a
    guess, as ``engine.analysis.confusion_scores`` counts.

    Args:
        classes: How many there are.
        device: Where the logits are.
    """

    def __init__(self, classes: int, device: torch.device) -> None:
        counted: dict[str, Any] = {"num_classes": classes, "validate_args": False}
        metrics: dict[str, Metric | MetricCollection] = {
            "accuracy": MulticlassAccuracy(average="micro", **counted),
            "f1": MulticlassF1Score(average="macro", **counted),
            "precision": MulticlassPrecision(average="macro", **counted),
            "recall": MulticlassRecall(average="macro", **counted),
            "confusion": MulticlassConfusionMatrix(**counted),
            "ece": CalibrationGap(n_bins=BINS, norm="l1", **counted),
        }
        groups = [["accuracy"], ["f1", "precision", "recall"], ["confusion"], ["ece"]]
        if classes > FEW_CLASSES:
            metrics["top5"] = TopAccuracy(average="micro", **counted)
            groups.append(["top5"])
        self._collection = MetricCollection(metrics, compute_groups=groups).to(device)

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add images by their float32 logits (N, C) and true classes (N,)."""
        with _counting():
            self._collection.update(logits, labels)

    def compute(self) -> dict[str, Tensor]:
        """Return the metrics over all ranks, all of which call this once, after their last update."""
        self._collection.set_dtype(torch.float64)
        return self._collection.compute()


@contextmanager
def _counting() -> Iterator[None]:
    """Let the block count images with any algorithm: the order changes no whole number.

    Where torch is to use deterministic ones only, torchmetrics counts by a tensor of (N, C * C) instead.
    """
    if not torch.are_deterministic_algorithms_enabled():
        yield
        return
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(False)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(True, warn_only=warn_only)
