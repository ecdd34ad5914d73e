"""Confusion matrices against a baseline's: which classes are recognised better, and which mistakes to look at. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.analysis.confusion import Matrix
from engine.analysis.statistics.significance import (
    ALPHA,
    Sample,
    benjamini_hochberg,
    pool_of,
    raw_test,
    sidak,
)

LARGEST_FREEDOM = 1e6
"""Student's t with more degrees of freedom is the normal distribution."""
Shares = NDArray[np.float64]


class Shift(NamedTuple):
    """A score of one class, or the share of one class that is taken for another: of the baseline and of the others."""

    true: str
    taken: str
    before: float
    after: float
    is_significant: bool | None
    """For a class: the difference is significant over seeds. For a mistake: it needs a look. None where untested."""

    @property
    def delta(self) -> float:
        """The difference from the baseline."""
        return self.after - self.before


@dataclass(frozen=True)
class Shifts:
    """What differs between matrices of the same classes, the largest differences first."""

    classes: tuple[Shift, ...]
    """Of each class that occurs its F1, the mean over seeds."""
    mistakes: tuple[Shift, ...]
    """Of pairs of classes the share of the true one's images: those to look at, which is no conclusion."""
    seeds: tuple[int, int] = (1, 1)
    """The numbers of matrices: of the baseline, and of the others."""

    @property
    def summary(self) -> str:
        """Which classes are recognised significantly better, and which worse; empty where none differs."""
        parts: list[str] = []
        for word, sign in (("better", 1), ("worse", -1)):
            if names := [
                shift.true for shift in self.classes if shift.is_significant and shift.delta * sign > 0
            ]:
                count = f"{len(names)} of {len(self.classes)}" if not parts else str(len(names))
                parts.append(f"{count} classes {word}: {', '.join(names)}")
        return f"recognises {'; '.join(parts)}" if parts else ""


def shifts(
    matrices: Sequence[Matrix], baseline: Sequence[Matrix], most: int = 8, alpha: float = ALPHA
) -> Shifts | None:
    """Return how the matrices of some seeds differ from a baseline's.

    The F1 of each class is tested over seeds, with a spread that all classes share, and corrected for how many classes
    there are. Mistakes are tested over images and seeds; those to look at are a list of which a tenth differ by chance
    (Benjamini & Hochberg 1995).

    Args:
        matrices: A matrix for each seed.
        baseline: A matrix for each seed of the baseline.
        most: How many mistakes are returned at most.
        alpha: The level of all classes together.

    Returns:
        The differences; None where a side is empty or the matrices have different classes.
    """
    labels = {matrix.labels for matrix in (*matrices, *baseline)}
    if len(labels) != 1 or not matrices or not baseline:
        return None
    names = labels.pop()
    classes = _classes(names, matrices, baseline, alpha)
    after, before = _shares(matrices), _shares(baseline)
    change = after - before  # (C, C)
    look = np.reshape(benjamini_hochberg(_of_mistakes(matrices, baseline, change)), (-1,))
    cells = np.flatnonzero(~np.eye(len(change), dtype=bool).ravel())[look]
    order = np.argsort(-np.abs(change.ravel()[cells]), kind="stable")[:most]
    pairs = [divmod(int(cell), len(change)) for cell in cells[order]]
    mistakes = [
        Shift(
            names[true],
            names[taken],
            float(before[true, taken]),
            float(after[true, taken]),
            is_significant=True,
        )
        for true, taken in pairs
    ]
    return Shifts(tuple(classes), tuple(mistakes), (len(baseline), len(matrices)))


def _classes(
    names: Sequence[str], matrices: Sequence[Matrix], baseline: Sequence[Matrix], alpha: float
) -> list[Shift]:
    """Return how the F1 of each class differs, the largest differences first."""
    samples = [
        [_f1(names[index], index, side) for side in (matrices, baseline)] for index in range(len(names))
    ]
    occurring = [(after, before) for after, before in samples if after.values and before.values]
    pool = pool_of(sample for pair in occurring for sample in pair)
    classes = []
    for after, before in occurring:
        p = sidak(raw_test(after, before, pool).p, len(occurring))
        is_significant = None if np.isnan(p) else bool(p < alpha)
        classes.append(Shift(after.name, after.name, before.mean, after.mean, is_significant))
    return sorted(classes, key=lambda shift: -abs(shift.delta))


def _f1(name: str, index: int, matrices: Sequence[Matrix]) -> Sample:
    """Return the F1 of a class for each seed in which it occurs."""
    values = [float(matrix.by_class.f1[index]) for matrix in matrices]
    return Sample(name, tuple(value for value in values if not np.isnan(value)))


def _shares(matrices: Sequence[Matrix]) -> Shares:
    """Return the sum of some matrices as shares of each true class (C, C)."""
    counts = np.sum([matrix.counts for matrix in matrices], axis=0, dtype=np.float64)
    shares: Shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return shares


def _of_mistakes(matrices: Sequence[Matrix], baseline: Sequence[Matrix], change: Shares) -> list[float]:
    """Return the p value of each pair of classes, row by row without the diagonal (C (C - 1),).

    Images and seeds make the noise of a share; what seeds make is estimated with few degrees of freedom (Welch 1947).
    """
    from scipy.special import stdtr

    images = _image_noise(matrices) + _image_noise(baseline)
    seeds = [(_seed_noise(side), len(side) - 1) for side in (matrices, baseline) if len(side) > 1]
    noise = images + sum((part for part, _ in seeds), np.zeros_like(images))
    estimated = sum((part**2 / freedom for part, freedom in seeds), np.zeros_like(images))
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = np.minimum(np.nan_to_num(noise**2 / estimated, nan=LARGEST_FREEDOM), LARGEST_FREEDOM)
        t = np.where(change == 0, 0.0, np.abs(change) / np.sqrt(noise))
    p: Shares = 2 * stdtr(freedom, -t)
    values: list[float] = p[~np.eye(len(change), dtype=bool)].tolist()
    return values


def _image_noise(matrices: Sequence[Matrix]) -> Shares:
    """Return the squared error (C, C) that the images of one test give shares: seeds are tested on the same ones."""
    images = np.maximum(np.mean([matrix.by_class.support for matrix in matrices], axis=0), 1)[:, None]
    shares = _shares(matrices)
    noise: Shares = shares * (1 - shares) / images
    return noise


def _seed_noise(matrices: Sequence[Matrix]) -> Shares:
    """Return the squared error (C, C) that the seeds give the mean of shares."""
    noise: Shares = np.var([matrix.shares for matrix in matrices], axis=0, ddof=1) / len(matrices)
    return noise
