"""Which metrics experiments are judged by, and their words in sentences."""

from __future__ import annotations

from collections.abc import Mapping

from engine.analysis.conclusions.pairs import Metric, Split

PRIMARY = ("test/f1", "test/accuracy")
"""The scores that are judged where nothing else is asked for, each as a family of its own."""
SCORES = {
    "f1": "F1",
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "top5": "top-5 accuracy",
}
LOSSES = {"loss": "loss", "ece": "calibration error"}
SPLITS: Mapping[str, Split] = {"train": "training", "val": "validation", "test": "test"}
COUNTED = frozenset({"accuracy", "top5"})
"""Scores that are a number of images over the number of all."""


def judged_metric(name: str) -> Metric | None:
    """Return what is compared by a metric; None where nothing says which of its values are better, as of costs."""
    group, _, kind = name.rpartition("/")
    split = SPLITS.get(group)
    if split is None or kind not in SCORES.keys() | LOSSES.keys():
        return None
    return Metric((SCORES | LOSSES)[kind], split, higher_is_better=kind in SCORES)


def is_counted(name: str) -> bool:
    """Return whether a metric is a share of the images."""
    return name.rpartition("/")[2] in COUNTED
