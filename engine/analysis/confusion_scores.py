"""What a confusion matrix of counts says of a classifier: accuracy, and F1, precision and recall by class. No torch.

A macro average is the mean over the classes that occur, as a truth or as a guess; a class that was never guessed, or
never right, scores 0. So do scikit-learn (``zero_division=0``) and torchmetrics count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Numbers = NDArray[np.number[Any]]
Matrix = Sequence[Sequence[int]] | Counts
"""Counts (C, C): row i, column j is how many images of class i were taken for class j."""


class Scores(NamedTuple):
    """Shares between 0 and 1 over a whole split; all but the accuracy are macro averages."""

    accuracy: float
    f1: float
    precision: float
    recall: float


class ByClass(NamedTuple):
    """Scores of each class, all (C,); NaN for a class that occurs neither as a truth nor as a guess."""

    f1: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    support: Counts
    """How many images are of the class."""


def scores(matrix: Matrix) -> Scores:
    """Return the scores of a confusion matrix; all are 0 for one without images.

    Raises:
        ValueError: The matrix is not square.
    """
    right, actual, guessed = _by_class(matrix)
    classes = max(1, np.count_nonzero(actual + guessed))
    return Scores(
        accuracy=float(right.sum() / max(1, actual.sum())),
        f1=macro_f1(right, actual, guessed),
        precision=float((right / np.maximum(guessed, 1)).sum() / classes),
        recall=float((right / np.maximum(actual, 1)).sum() / classes),
    )


def f1_per_class(matrix: Matrix) -> list[float | None]:
    """Return each class's F1, None for a class that occurs neither as a truth nor as a guess.

    Raises:
        ValueError: The matrix is not square.
    """
    right, actual, guessed = _by_class(matrix)
    return [
        2 * hits / occurrences if occurrences else None
        for hits, occurrences in zip(right.tolist(), (actual + guessed).tolist(), strict=True)
    ]


def by_class(matrix: Matrix) -> ByClass:
    """Return the scores of each class.

    Raises:
        ValueError: The matrix is not square.
    """
    right, actual, guessed = _by_class(matrix)
    occurrences = actual + guessed
    f1 = 2 * right / np.maximum(occurrences, 1)
    precision, recall = right / np.maximum(guessed, 1), right / np.maximum(actual, 1)
    f1, precision, recall = (np.where(occurrences, share, np.nan) for share in (f1, precision, recall))
    return ByClass(f1, precision, recall, actual)


def macro_f1(right: Numbers, actual: Numbers, guessed: Numbers) -> float:
    """Return the macro F1 of the counts of each class.

    Args:
        right: How often each class was guessed rightly (C,).
        actual: How often it occurred (C,).
        guessed: How often it was guessed (C,).
    """
    occurrences = actual + guessed
    return float((2 * right / np.maximum(occurrences, 1)).sum() / max(1, np.count_nonzero(occurrences)))


def finite_mean(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over the first axis of what is finite, NaN where nothing is.

    Args:
        scores: Of each class, (N, C) for N seeds or experiments.
    """
    there = np.isfinite(scores)
    sums, counts = np.where(there, scores, 0.0).sum(axis=0), there.sum(axis=0)
    means: NDArray[np.float64] = np.where(counts, sums / np.maximum(counts, 1), np.nan)
    return means


def _by_class(matrix: Matrix) -> tuple[Counts, Counts, Counts]:
    counts = np.asarray(matrix, dtype=np.int64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"a confusion matrix is square, this one is {counts.shape}")
    return counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
