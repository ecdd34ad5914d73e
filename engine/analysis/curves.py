"""Curves as arrays: smooth them, put several on one axis, take the mean of seeds. Pure functions, NaN is a gap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Band(NamedTuple):
    """The mean of several curves on one axis, with their standard deviation (0 where there is one curve)."""

    x: Array
    mean: Array
    sd: Array
    n: int


def smooth(y: Array, weight: float) -> Array:
    """Return the exponential moving average of ``y``, unbiased at its start (Kingma & Ba, 2015, section 3).

    Args:
        y: (N,) values; NaN is left as it is and does not enter the average.
        weight: How much of the past is kept at each point, 0 (nothing) up to, not including, 1.

    Raises:
        ValueError: The weight is outside [0, 1).
    """
    if not 0 <= weight < 1:
        raise ValueError(f"a smoothing weight is at least 0 and below 1, not {weight}")
    if weight == 0:
        return y
    smoothed = np.full_like(y, np.nan)
    there = np.isfinite(y)
    values = y[there]
    averages = np.empty_like(values)
    # within a block the average is a sum of values over powers of the weight, which must not run out of range
    block = max(1, int(100 / -math.log(weight)))
    powers = weight ** np.arange(min(block, len(values)))  # (block,)
    average = 0.0
    for first in range(0, len(values), block):
        part = values[first : first + block]
        decay = powers[: len(part)]
        averages[first : first + block] = decay * (weight * average + (1 - weight) * np.cumsum(part / decay))
        average = averages[first + len(part) - 1]
    smoothed[there] = averages / -np.expm1(math.log(weight) * np.arange(1, len(values) + 1))
    return smoothed


def aggregate(curves: Sequence[tuple[Array, Array]]) -> Band:
    """Return the mean and the sample standard deviation of several curves.

    Curves measured at the same places are taken as they are; others are interpolated linearly on the
    places of the longest. Where a curve has not come yet it does not count.

    Args:
        curves: ``(x, y)`` of each, both (N,) with x ascending.

    Raises:
        ValueError: There is no curve.
    """
    if not curves:
        raise ValueError("there is no curve to aggregate")
    grid = max((x for x, _ in curves), key=len)
    rows = np.full((len(curves), len(grid)), np.nan)  # (curves, N)
    for row, (x, y) in zip(rows, curves, strict=True):
        if len(x) <= len(grid) and np.array_equal(x, grid[: len(x)]):
            row[: len(x)] = y
        elif len(x):
            row[:] = np.interp(grid, x, y, left=np.nan, right=np.nan)
    there = np.isfinite(rows)
    n = there.sum(axis=0)  # (N,)
    values = np.where(there, rows, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(n > 0, values.sum(axis=0) / n, np.nan)
        squares = np.where(there, (rows - mean) ** 2, 0.0).sum(axis=0)
        sd = np.where(n > 1, np.sqrt(squares / np.maximum(n - 1, 1)), 0.0)
    return Band(grid, mean, sd, len(curves))
