"""What a model is worth on a split: macro F1, precision, recall and accuracy over all of it, by torchmetrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics import MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassConfusionMatrix,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)

from engine.training.data import Split


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a split by name, and its confusion matrix of counts (rows: true class)."""

    values: dict[str, float]
    confusion: list[list[int]]


class Evaluator:
    """Evaluates one split; averages are macro averages over the whole split, never means over batches."""

    def __init__(
        self, split: Split, classes: int, batch_size: int, prepare: Callable[[Tensor], Tensor]
    ) -> None:
        self._split = split
        self._batch_size = batch_size
        self._prepare = prepare
        self._metrics = MetricCollection(
            {
                "accuracy": MulticlassAccuracy(classes, average="micro"),
                "f1": MulticlassF1Score(classes, average="macro"),
                "precision": MulticlassPrecision(classes, average="macro"),
                "recall": MulticlassRecall(classes, average="macro"),
                "confusion": MulticlassConfusionMatrix(classes),
            },
            compute_groups=False,  # they would share state across devices only after a first update
        ).to(split.labels.device)

    @torch.no_grad()
    def run(self, model: nn.Module) -> Evaluation:
        """Return the metrics of the model as it is; it is left in the mode it was in."""
        was_training = model.training
        model.eval()
        self._metrics.reset()
        loss = torch.zeros((), device=self._split.labels.device)
        for images, labels in self._batches():
            logits = model(self._prepare(images)).float()  # (B, classes)
            loss += F.cross_entropy(logits, labels, reduction="sum")
            self._metrics.update(logits, labels)
        model.train(was_training)
        computed = self._metrics.compute()  # the device is waited for here, once a split
        confusion = computed.pop("confusion").long().tolist()
        values = {"loss": (loss / len(self._split)).item()}
        values |= {name: value.item() for name, value in computed.items()}
        return Evaluation(values, confusion)

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(self._split), self._batch_size):
            batch = slice(start, start + self._batch_size)
            yield self._split.images[batch], self._split.labels[batch]
