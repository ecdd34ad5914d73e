"""One confusion matrix less another: which classes are told better, and which are taken for which more often. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.scores import Counts
from tui.confusion import Matrix

Z = 1.96
"""Standard errors beyond which a difference of two shares is called more than noise, at 5 %."""
Shares = NDArray[np.float64]


class Shift(NamedTuple):
    """A share of the images of the class ``true`` that were taken for ``taken``: with the baseline, and here."""

    true: str
    taken: str
    before: float
    after: float
    told: bool
    """Whether the difference is more than the noise of so many images."""

    @property
    def delta(self) -> float:
        """How much more of them it is here."""
        return self.after - self.before


@dataclass(frozen=True)
class Shifts:
    """What differs between two matrices of the same classes, the largest differences first."""

    classes: tuple[Shift, ...]
    """Of each class the images that were told rightly: its recall."""
    mistakes: tuple[Shift, ...]
    """Of pairs of classes."""


def shifts(matrix: Matrix, baseline: Matrix, most: int = 8) -> Shifts | None:
    """Return how a matrix differs from a baseline's; None where they are not of the same classes.

    The images are taken for two samples (the test of two proportions, unpooled): of two models tested on the same
    images that is careful, never rash. Of mistakes, only those beyond noise are returned, at most ``most``; no
    correction for looking at many pairs is made, so that one in twenty of equal pairs is among them.
    """
    if matrix.labels != baseline.labels:
        return None
    told = _told(matrix.shares, baseline.shares, matrix.by_class.support, baseline.by_class.support)
    change = matrix.shares - baseline.shares  # (C, C)
    every = [_shift(matrix, baseline, told, each, each) for each in range(len(matrix.labels))]
    classes = sorted(every, key=lambda shift: -abs(shift.delta))
    wrong = np.where(told & ~np.eye(len(change), dtype=bool), np.abs(change), 0.0)
    flat = wrong.ravel()
    places = np.argsort(-flat, kind="stable")[:most]
    pairs = [divmod(int(place), len(change)) for place in places if flat[place] > 0]
    return Shifts(tuple(classes), tuple(_shift(matrix, baseline, told, *pair) for pair in pairs))


def _told(a: Shares, b: Shares, of_a: Counts, of_b: Counts) -> NDArray[np.bool_]:
    error = np.sqrt(a * (1 - a) / np.maximum(of_a, 1)[:, None] + b * (1 - b) / np.maximum(of_b, 1)[:, None])
    return np.abs(a - b) > Z * error


def _shift(matrix: Matrix, baseline: Matrix, told: NDArray[np.bool_], true: int, taken: int) -> Shift:
    return Shift(
        matrix.labels[true],
        matrix.labels[taken],
        float(baseline.shares[true, taken]),
        float(matrix.shares[true, taken]),
        bool(told[true, taken]),
    )
