"""The scores of a model over a whole split, its calibration, and their intervals.

Logits stay on the split's device and are measured there; the loop waits for it once in ``CHUNK`` images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.analysis.confusion_scores import f1_per_class
from engine.analysis.statistics.score_intervals import f1_interval, wilson
from engine.events import Estimate
from engine.runs.predictions import Classes
from engine.training.collectives import ALONE, Ranks
from engine.training.data.dataset import Split
from engine.training.evaluation.light_torchmetrics import import_torchmetrics

CHUNK = 8192
"""Images whose logits are kept at once: 33 MB with 1,000 classes."""


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a split by name, and its confusion matrix of counts (rows: true class).

    ``loss`` is the mean cross-entropy in nats; ``accuracy``, macro ``f1``, ``precision`` and ``recall``, the expected
    calibration error ``ece``, and with more than ten classes ``top5`` lie between 0 and 1.
    """

    values: dict[str, float]
    confusion: list[list[int]]
    guesses: Classes = field(default_factory=lambda: np.zeros(0, dtype=np.int64), compare=False)
    """The guessed classes (N,), in the order of the split."""


class Evaluator:
    """Evaluates one split; averages are macro averages over the whole split, never means over batches.

    Several ranks share the images, and all have the result.

    Args:
        split: The images and labels.
        classes: How many classes there are.
        batch_size: Images that go through the model at once.
        prepare: Makes the model's input (B, 3, S, S) of stored images.
        ranks: The processes that share the run, this one among them.
    """

    def __init__(
        self, split: Split, classes: int, batch_size: int, prepare: Callable[[Tensor], Tensor],
        ranks: Ranks = ALONE,
    ) -> None:  # fmt: skip
        self._images = len(split)
        self._split = split.part(ranks.rank, ranks.size)
        self._ranks = ranks
        self._classes = classes
        self._batch_size = batch_size
        self._prepare = prepare

    @torch.no_grad()
    def run(self, model: nn.Module) -> Evaluation:
        """Return the metrics of the model; it stays in training or evaluation mode as it was."""
        was_training = model.training
        model.eval()
        measurement = _Measurement(self._classes, self._split.labels.device)
        for images, labels in self._split.in_order(self._batch_size):
            measurement.add(model(self._prepare(images)).float(), labels)
        model.train(was_training)
        return measurement.evaluation(self._images, self._ranks)


class _Measurement:
    """What is measured of a split: its loss batch by batch, all else in chunks of ``CHUNK`` images."""

    def __init__(self, classes: int, device: torch.device) -> None:
        import_torchmetrics()
        from engine.training.evaluation.classification_metrics import ClassificationMetrics

        self._metrics = ClassificationMetrics(classes, device)
        self._loss = torch.zeros((), device=device, dtype=torch.float64)
        self._guesses: list[Tensor] = []
        self._logits: list[Tensor] = []
        self._labels: list[Tensor] = []

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: float32 logits (B, classes) and true classes (B,)."""
        self._loss += F.cross_entropy(logits, labels, reduction="sum")
        self._guesses.append(logits.argmax(1))
        self._logits.append(logits)
        self._labels.append(labels)
        if sum(map(len, self._labels)) >= CHUNK:
            self._measure()

    def _measure(self) -> None:
        if any(map(len, self._labels)):  # of a split with fewer images than ranks some have none
            self._metrics.update(torch.cat(self._logits), torch.cat(self._labels))
        self._logits, self._labels = [], []

    def evaluation(self, images: int, ranks: Ranks) -> Evaluation:
        """Return the metrics of a split of so many images; the device is waited for here."""
        self._measure()
        measured = self._metrics.compute()
        confusion = measured.pop("confusion").long().tolist()
        loss = ranks.sum(self._loss) / images
        values = {"loss": loss.item(), **{name: value.item() for name, value in measured.items()}}
        guesses = torch.zeros(images, dtype=torch.int64, device=self._loss.device)
        guesses[ranks.rank :: ranks.size] = torch.cat(self._guesses)
        return Evaluation(values, confusion, ranks.sum(guesses).cpu().numpy())


def summarize(evaluation: Evaluation, labels: Sequence[str]) -> dict[str, Any]:
    """Return what the end of a run says of its evaluation on the test split, as ``End.summary`` documents it.

    Args:
        evaluation: The last one on the test split.
        labels: The names of the classes (classes,), in the order of the confusion matrix.
    """
    matrix, values = evaluation.confusion, evaluation.values
    images = sum(map(sum, matrix))
    if not images:
        return {}
    right = sum(row[k] for k, row in enumerate(matrix))
    accuracy, f1 = wilson(right, images), f1_interval(matrix)
    estimates = {
        "test/f1": Estimate(value=values["f1"], low=f1[0], high=f1[1], n=images),
        "test/accuracy": Estimate(value=values["accuracy"], low=accuracy[0], high=accuracy[1], n=images),
        "test/ece": Estimate(value=values["ece"], n=images),
    }
    if "top5" in values:
        low, high = wilson(round(values["top5"] * images), images)
        estimates["test/top5"] = Estimate(value=values["top5"], low=low, high=high, n=images)
    return {
        **{name: msgspec.to_builtins(estimate) for name, estimate in estimates.items()},
        "test/f1_per_class": dict(zip(labels, f1_per_class(matrix), strict=True)),
    }
