"""A confusion matrix ready for display: square, with clean labels, its scores and its most frequent mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.analysis.confusion_scores import ByClass, Counts, Scores, by_class, scores
from engine.events import Confusion
from engine.history.confusion_index import MatrixLocation
from engine.text import clean

MAX_COUNT = 2**40
"""Images in a cell beyond which they are not counted: the sums of a million such cells are still whole numbers."""
MAX_LABEL = 60
MAX_MISTAKES = 100


class Mistake(NamedTuple):
    """How many ``images`` of the class ``true`` were taken for ``taken``, both indices into the labels."""

    true: int
    taken: int
    images: int


@dataclass(frozen=True, eq=False)
class Matrix:
    """One evaluation: ``counts`` (C, C) and ``shares`` (C, C) of each row, rows the true classes."""

    place: MatrixLocation
    labels: tuple[str, ...]
    counts: Counts
    shares: NDArray[np.float64]
    scores: Scores
    by_class: ByClass
    mistakes: tuple[Mistake, ...]
    """The most frequent first."""

    @property
    def images(self) -> int:
        """How many were evaluated."""
        return int(self.by_class.support.sum())


def make_matrix(event: Confusion, place: MatrixLocation) -> Matrix | None:
    """Return the matrix of an event.

    Args:
        event: The confusion matrix as it was recorded.
        place: Where it stands in events.jsonl.

    Returns:
        None where the event has no classes or its matrix is not square.
    """
    if not event.is_square:
        return None
    classes = len(event.matrix)
    counts = np.empty((classes, classes), dtype=np.int64)
    for number, row in enumerate(event.matrix):  # row by row: one array of all holds the interpreter too long
        counts[number] = row
    np.minimum(counts, MAX_COUNT, out=counts)
    per_class = by_class(counts)
    return Matrix(
        place=place,
        labels=_labels(event.labels, classes),
        counts=counts,
        shares=counts / np.maximum(per_class.support, 1)[:, None],
        scores=scores(counts),
        by_class=per_class,
        mistakes=_mistakes(counts),
    )


def _labels(recorded: list[str], classes: int) -> tuple[str, ...]:
    """Return a clean label for each class: its number where none is given."""
    labels = [clean(label[:MAX_LABEL]).strip() for label in recorded[:classes]]
    labels += [""] * (classes - len(labels))
    return tuple(label or str(number) for number, label in enumerate(labels))


def _mistakes(counts: Counts) -> tuple[Mistake, ...]:
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    cells = np.flatnonzero(wrong)
    images = wrong.ravel()[cells]
    if len(cells) > MAX_MISTAKES:
        least = np.partition(images, -MAX_MISTAKES)[-MAX_MISTAKES]
        cells, images = cells[images >= least], images[images >= least]
    order = np.argsort(-images, kind="stable")[:MAX_MISTAKES]  # of equals those first that stand first
    return tuple(
        Mistake(*divmod(int(cell), len(counts)), int(count))
        for cell, count in zip(cells[order], images[order], strict=True)
    )
