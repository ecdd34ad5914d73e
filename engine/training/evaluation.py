"""The scores of a model over a whole split, its calibration, and their intervals.

Everything is counted on the split's device; the loop waits for it once, after the last batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.analysis.confusion_scores import f1_per_class, scores
from engine.analysis.statistics.score_intervals import f1_interval, wilson
from engine.events import Estimate
from engine.training.collectives import ALONE, Ranks
from engine.training.data.dataset import Split

BINS = 15
"""Bins of confidence for the calibration error: as many as in Guo et al. (2017) and most that compare with it."""


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a split by name, and its confusion matrix of counts (rows: true class).

    ``loss`` is the mean cross-entropy in nats; ``accuracy``, macro ``f1``, ``precision`` and ``recall``, and the
    expected calibration error ``ece`` lie between 0 and 1.
    """

    values: dict[str, float]
    confusion: list[list[int]]


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
        tally = _MetricSums(self._classes, self._split.labels.device)
        for images, labels in self._split.in_order(self._batch_size):
            tally.add(model(self._prepare(images)).float(), labels)
        model.train(was_training)
        return tally.evaluation(self._images, self._ranks)


class _MetricSums:
    """Sums over the batches of a split, on its device."""

    def __init__(self, classes: int, device: torch.device) -> None:
        self._classes = classes
        self._loss = torch.zeros((), device=device, dtype=torch.float64)
        self._confusion = torch.zeros(classes * classes, device=device, dtype=torch.int64)
        self._gaps = torch.zeros(BINS, device=device, dtype=torch.float64)
        """By bin of confidence: the sum of the confidences less how many were right."""
        self._bins = torch.arange(BINS, device=device).unsqueeze(1)  # (BINS, 1)
        self._edges = torch.linspace(0, 1, BINS + 1, device=device)[1:-1]  # bin i is (i/BINS, (i+1)/BINS]

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Count a batch: float32 logits (B, classes) and true classes (B,)."""
        self._loss += F.cross_entropy(logits, labels, reduction="sum")
        confidence, guess = logits.softmax(1).max(1)  # (B,) each
        self._confusion.index_add_(0, labels * self._classes + guess, torch.ones_like(labels))
        in_bin = torch.bucketize(confidence, self._edges) == self._bins  # (BINS, B)
        self._gaps += (in_bin * (confidence.double() - (guess == labels).double())).sum(1)

    def evaluation(self, images: int, ranks: Ranks) -> Evaluation:
        """Return the metrics of a split of so many images; the device is waited for here."""
        sums = ranks.sum(torch.cat((self._loss[None], self._gaps)))
        loss, ece = (torch.stack((sums[0], sums[1:].abs().sum())) / images).tolist()
        confusion = ranks.sum(self._confusion).view(self._classes, self._classes).cpu().numpy()
        values = {"loss": loss, **scores(confusion)._asdict(), "ece": ece}
        return Evaluation(values, confusion.tolist())


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
    return {
        **{name: msgspec.to_builtins(estimate) for name, estimate in estimates.items()},
        "test/f1_per_class": dict(zip(labels, f1_per_class(matrix), strict=True)),
    }
