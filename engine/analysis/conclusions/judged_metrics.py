"""Which metrics experiments are judged by, and their words in sentences."""

from __future__ import annotations

from collections.abc import Mapping

from engine.analysis.conclusions.pairs import Metric, Split
from engine.catalog.metrics import HEADLINES, metric_of

PRIMARY = HEADLINES
"""The scores that are judged where nothing else is asked for, each as a family of its own."""
LOSSES = frozenset({"loss", "ece"})
SPLITS: Mapping[str, Split] = {"train": "training", "val": "validation", "test": "test"}
COUNTED = frozenset({"accuracy", "top1", "top5"})
"""Scores that are a number of images over the number of all."""


def judged_metric(name: str) -> Metric | None:
    """Return what is compared by a metric; None where nothing says which of its values are better, as of costs."""
    metric = metric_of(name)
    split = SPLITS.get(metric.split)
    if split is None or not (metric.kind.is_score or metric.kind.name in LOSSES):
        return None
    return Metric(metric.kind.spoken, split, higher_is_better=metric.kind.direction == "higher")


def is_counted(name: str) -> bool:
    """Return whether a metric is a share of the images."""
    return metric_of(name).kind.name in COUNTED
