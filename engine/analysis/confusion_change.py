"""Confusion matrices minus others: which classes are recognised better, which are taken for which more often. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.analysis.confusion import Matrix

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
    """What differs between matrices of the same classes, the largest differences first."""

    classes: tuple[Shift, ...]
    """Of each class its recall: the share of its images that were taken for it."""
    mistakes: tuple[Shift, ...]
    """Of pairs of classes."""
    seeds: tuple[int, int] = (1, 1)
    """How many matrices were summed: of the baseline, and here."""


def shifts(found: Sequence[Matrix], baseline: Sequence[Matrix], most: int = 8) -> Shifts | None:
    """Return how the matrices of some seeds differ in sum from a baseline's; None where not all have the same classes.

    The images are taken for two samples (the test of two proportions, unpooled): of two models tested on the same
    images that is careful, never rash. Seeds are tested on the same images, so more of them are not more images; how
    far their shares spread counts as noise too. Of mistakes, only those beyond noise are returned, at most ``most``;
    no correction for looking at many pairs is made, so that one in twenty of equal pairs is among them.
    """
    labels = {matrix.labels for matrix in (*found, *baseline)}
    if len(labels) != 1 or not found or not baseline:
        return None
    names, here, before = labels.pop(), _shares(found), _shares(baseline)
    change = here - before  # (C, C)
    told: NDArray[np.bool_] = np.abs(change) > Z * np.sqrt(_noise(found, here) + _noise(baseline, before))

    def shift(true: int, taken: int) -> Shift:
        place = true, taken
        return Shift(names[true], names[taken], float(before[place]), float(here[place]), bool(told[place]))

    classes = sorted((shift(each, each) for each in range(len(names))), key=lambda shift: -abs(shift.delta))
    wrong = np.where(told & ~np.eye(len(change), dtype=bool), np.abs(change), 0.0)
    flat = wrong.ravel()
    places = np.argsort(-flat, kind="stable")[:most]
    pairs = [divmod(int(place), len(change)) for place in places if flat[place] > 0]
    return Shifts(tuple(classes), tuple(shift(*pair) for pair in pairs), (len(baseline), len(found)))


def _shares(matrices: Sequence[Matrix]) -> Shares:
    """Return the sum of some matrices as shares of each true class (C, C)."""
    counts = np.sum([matrix.counts for matrix in matrices], axis=0, dtype=np.float64)
    shares: Shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return shares


def _noise(matrices: Sequence[Matrix], shares: Shares) -> Shares:
    """Return the squared error of shares (C, C): of the images of one test, and of how far the seeds spread."""
    images = np.maximum(np.mean([matrix.by_class.support for matrix in matrices], axis=0), 1)[:, None]
    noise: Shares = shares * (1 - shares) / images
    if len(matrices) > 1:
        noise += np.var([matrix.shares for matrix in matrices], axis=0, ddof=1) / len(matrices)
    return noise
