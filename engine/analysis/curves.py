"""Curves as arrays: smooth them, put seeds on one axis, take their mean and say how they spread.

Pure functions; what is not finite is a gap. Screen, figures and exports draw what ``mean_over_seeds`` returns::

    seed 0  ─────────────────────
    seed 1  ─────────                 ended early: from here on the mean is of fewer seeds (``partial``)
    seed 2  ───────────────── nan     diverged: from here on there is no mean (``lost``)

    mean    ═════════──────── ✗
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.analysis.memory_curves import highest_by_place, on_common_places
from engine.catalog.metrics import metric_of

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Bounds = tuple[float | None, float | None]
"""The least and the greatest value that a metric can have, None where it has no end."""
Band = Literal["range", "deviation"]
"""What a band shows: from the lowest to the highest seed, or the sample standard deviation around the mean."""

LARGEST = 1e100
"""Values beyond this count as not finite in a mean: the squares of smaller ones are numbers."""
FEW = 5
"""Up to this many seeds a band shows their range: a standard deviation of fewer than six says little."""
SEEN = 0.05
"""The share of a curve's width below which a part of it is too small to see, and gets no words."""


class Outcome(NamedTuple):
    """The final values of several runs, before any smoothing and independent of the axis."""

    last: float
    """The mean of their last values."""
    spread: float | None
    """The sample standard deviation of these; None for one run that has ended beside others that go on."""
    peak: float
    """The highest value of any."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One line: a metric of one run, or its mean over the seeds of an experiment.

    All arrays have the length N of ``x``; what is not finite in them is a gap.

    Attributes:
        run: The run that it is of, the newest where there are several.
        x: Positions, ascending.
        y: Values, smoothed if that was asked for.
        raw: Values before they were smoothed, None where nothing was.
        low: Lower end of the band of unsmoothed values, NaN where not every seed has one.
        high: Its upper end.
        band: What the band shows, None for one run.
        n: How many seeds this is the mean of.
        seeds: Each seed's unsmoothed values at ``x``, (n, N).
        partial: Where fewer than all seeds have a value, because one has ended or has yet to begin.
        fewest: How many seeds at least are behind a point of it.
        lost: How many seeds diverged: their last values are not finite.
        crosses: Where each of these was finite last.
        bounds: What no band leaves.
        seams: Positions where the run was resumed.
        outcome: What came of the seeds; of one run its curve tells it.
        highest: Whether a value is the most since the one before, as of memory.
    """

    run: str
    x: Array
    y: Array
    raw: Array | None = None
    low: Array | None = None
    high: Array | None = None
    band: Band | None = None
    n: int = 1
    seeds: Array | None = None
    partial: Bools | None = None
    fewest: int = 1
    lost: int = 0
    crosses: tuple[tuple[float, float], ...] = ()
    bounds: Bounds = (None, None)
    seams: tuple[float, ...] = ()
    outcome: Outcome | None = None
    highest: bool = False

    @property
    def values(self) -> Array:
        """The values before any smoothing."""
        return self.y if self.raw is None else self.raw

    @property
    def whole(self) -> Array:
        """The values with gaps where they are of fewer than all seeds."""
        return self.y if self.partial is None else np.where(self.partial, np.nan, self.y)

    @property
    def rest(self) -> Array | None:
        """The values that are of fewer than all seeds, each with its neighbours; None where all are of all."""
        if self.partial is None or not self.partial.any():
            return None
        near = self.partial.copy()
        near[1:] |= self.partial[:-1]
        near[:-1] |= self.partial[1:]
        return np.where(near, self.y, np.nan)

    @property
    def fewer(self) -> str:
        """What is behind its partial points, as ``2 of 3 seeds``; empty where these are too few to be seen."""
        is_visible = self.partial is not None and _share(self.x, self.partial) >= SEEN
        return f"{self.fewest} of {self.n} seeds" if is_visible else ""

    @property
    def missing(self) -> str:
        """What its seeds lack, as ``2 of 3 seeds, 1 diverged``; empty for nothing."""
        return ", ".join(filter(None, (self.fewer, f"{self.lost} diverged" if self.lost else "")))

    def deviation(self, at: int) -> float | None:
        """Return the sample standard deviation of the seeds at a point, None where not every seed has a value."""
        if self.seeds is None or not np.isfinite(column := self.seeds[:, at]).all() or len(column) < 2:
            return None
        return float(column.std(ddof=1))

    def within(self, left: float, right: float) -> Curve:
        """Return its points from one position to another."""
        keep = (self.x >= left) & (self.x <= right)

        def cut(column: Array | None) -> Array | None:
            return None if column is None else column[..., keep]

        return replace(
            self, x=self.x[keep], y=self.y[keep], raw=cut(self.raw), low=cut(self.low), high=cut(self.high),
            seeds=cut(self.seeds), partial=None if self.partial is None else self.partial[keep],
            crosses=tuple(point for point in self.crosses if left <= point[0] <= right),
        )  # fmt: skip


def curve_of(
    run: str, x: Array, y: Array, smoothing: float = 0.0, seams: tuple[float, ...] = (), *, highest: bool = False
) -> Curve:  # fmt: skip
    """Return the curve of one run, its points from left to right.

    Args:
        run: Its id.
        x: Positions (N,); points whose position is not finite are left out.
        y: Values (N,).
        smoothing: As ``smooth`` takes it.
        seams: Where it was resumed.
        highest: Whether the most of each position counts, as ``engine.analysis.memory_curves.is_memory`` says.
    """
    x, y = _in_order(x, y)
    if highest:
        x, y = highest_by_place(x, y)
    if not smoothing:
        return Curve(run, x, y, seams=seams, highest=highest)
    return Curve(run, x, smooth(y, smoothing), y, seams=seams, highest=highest)


def mean_over_seeds(
    curves: Sequence[Curve],
    bounds: Bounds = (None, None),
    smoothing: float = 0.0,
    finished: Collection[str] = (),
) -> Curve:
    """Return the mean of curves of one experiment's seeds with the band that they make; a curve alone as it is.

    The mean is of unsmoothed values and smoothed afterwards, the band is not smoothed. Curves measured at other
    positions than the one that reaches farthest are interpolated linearly, but memory is compared at the positions
    that all share. Where a seed has ended, or has yet to begin,
    the mean is of the others, without a band (``Curve.partial``). Where a seed is not finite there is no mean, and from
    where one stays so to its end there is none any more (``Curve.lost``): that of the survivors would look better
    than the experiment is.

    Args:
        curves: Of each seed, the newest run last; those without a point do not count.
        bounds: Of the metric; a standard deviation is cut there.
        smoothing: As ``smooth`` takes it.
        finished: The ids of the runs whose curves make the outcome; all curves do where none of these is among them.

    Raises:
        ValueError: ``curves`` is empty.
    """
    if not curves:
        raise ValueError("there is no curve to average")
    members = [curve for curve in curves if len(curve.x)] or curves[:1]
    if len(members) == 1:
        return members[0]
    points = [(curve.x, np.where(np.abs(curve.values) <= LARGEST, curve.values, np.nan)) for curve in members]
    if all(curve.highest for curve in members):
        points = on_common_places(points)
    grid = max((x for x, _ in points), key=lambda x: (x[-1], len(x)))
    rows, gap = _on_grid(grid, points)
    finite = np.isfinite(rows)
    counts = finite.sum(axis=0)
    counts[gap] = 0
    mean = np.where(counts, np.where(finite, rows, 0.0).sum(axis=0) / np.maximum(counts, 1), np.nan)
    partial = (counts > 0) & (counts < len(rows))
    lost = [(x, values) for x, values in points if not np.isfinite(values[-1])]
    return _banded(
        Curve(
            members[-1].run, grid, smooth(mean, smoothing), mean if smoothing else None, n=len(rows),
            seeds=rows, partial=partial if partial.any() else None, lost=len(lost), bounds=bounds,
            fewest=int(counts[partial].min()) if partial.any() else len(rows),
            crosses=tuple(point for x, y in lost if (point := _last(x, y)) is not None),
            outcome=outcome_of([curve for curve in members if curve.run in finished] or members),
        ),
        band_for([len(rows)]),
    )  # fmt: skip


def bounds_of(metric: str) -> Bounds:
    """Return the least and the greatest value that a metric can have."""
    kind = metric_of(metric).kind
    return (0.0, 1.0) if kind.unit == "fraction" else (kind.floor, kind.ceiling)


def band_for(counts: Iterable[int]) -> Band:
    """Return what the bands of one picture show, by the numbers of seeds of its curves; one seed makes no band."""
    several = [n for n in counts if n > 1]
    return "deviation" if several and min(several) > FEW else "range"


def alike(curves: Sequence[Curve]) -> list[Curve]:
    """Return the curves of one picture with bands of one meaning."""
    band = band_for(curve.n for curve in curves)
    return [_banded(curve, band) if curve.band not in (None, band) else curve for curve in curves]


def band_words(curves: Iterable[Curve]) -> str:
    """Return what the bands of one picture mean, ``3 seeds, lowest to highest``; empty where there are none."""
    banded = [curve for curve in curves if curve.band is not None]
    if not banded:
        return ""
    counts = {curve.n for curve in banded}
    seeds = f"{counts.pop()} seeds" if len(counts) == 1 else "seeds"
    return f"{seeds}, lowest to highest" if banded[0].band == "range" else f"± standard deviation of {seeds}"


def outcome_of(curves: Iterable[Curve]) -> Outcome | None:
    """Return the outcome of runs; None where no last value is finite. Diverged runs count for the peak alone."""
    last_values, peaks = [], []
    for curve in curves:
        finite = np.abs(curve.values) < LARGEST
        if finite.any():
            peaks.append(float(curve.values[finite].max()))
            if finite[-1]:
                last_values.append(float(curve.values[-1]))
    if not last_values:
        return None
    spread = statistics.stdev(last_values) if len(last_values) > 1 else None
    return Outcome(math.fsum(last_values) / len(last_values), spread, max(peaks))


def smooth(y: Array, weight: float) -> Array:
    """Return the exponential moving average of ``y``, unbiased at its start (Kingma & Ba, 2015, section 3).

    Args:
        y: (N,) values; what is not finite, or beyond ``LARGEST``, is a gap and does not enter the average.
        weight: How much of the past is kept at each point, 0 (nothing) up to, not including, 1.

    Raises:
        ValueError: The weight is outside [0, 1).
    """
    if not 0 <= weight < 1:
        raise ValueError(f"a smoothing weight is at least 0 and below 1, not {weight}")
    if weight == 0:
        return y
    smoothed = np.full_like(y, np.nan)
    finite = np.abs(y) <= LARGEST
    values = y[finite]
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
    smoothed[finite] = averages / -np.expm1(math.log(weight) * np.arange(1, len(values) + 1))
    return smoothed


def _banded(curve: Curve, band: Band) -> Curve:
    """Return a mean of seeds with its band."""
    seeds = curve.seeds
    if seeds is None:
        return curve
    complete_at = np.isfinite(curve.values) & np.isfinite(seeds).all(axis=0)
    low, high = np.full(len(complete_at), np.nan), np.full(len(complete_at), np.nan)
    complete = seeds[:, complete_at]  # (n, whole)
    if band == "range":
        low[complete_at], high[complete_at] = complete.min(axis=0), complete.max(axis=0)
    else:
        mean, deviation = curve.values[complete_at], complete.std(axis=0, ddof=1)
        floor, ceiling = curve.bounds
        low[complete_at], high[complete_at] = mean - deviation, mean + deviation
        low = low if floor is None else np.where(curve.values >= floor, np.maximum(low, floor), low)
        high = high if ceiling is None else np.where(curve.values <= ceiling, np.minimum(high, ceiling), high)
    return replace(curve, low=low, high=high, band=band)


def _on_grid(grid: Array, curves: Sequence[tuple[Array, Array]]) -> tuple[Array, Bools]:
    """Return the values of curves at ``grid`` (curves, N), and where one is not finite where it should be (N,)."""
    rows = np.full((len(curves), len(grid)), np.nan)
    gap = np.zeros(len(grid), dtype=bool)
    for row, (x, y) in zip(rows, curves, strict=True):
        finite = np.isfinite(y)
        if len(x) <= len(grid) and np.array_equal(x, grid[: len(x)]):
            row[: len(x)] = y
            hole = ~np.isfinite(row)
        elif finite.any():
            row[:] = np.interp(grid, x[finite], y[finite], left=np.nan, right=np.nan)
            hole = _holes(grid, x, finite)
            row[hole] = np.nan
        else:
            hole = np.ones(len(grid), dtype=bool)
        begun, ended = grid >= x[0], grid > x[-1]
        gap |= hole & begun & (~ended | (not finite[-1]))
    return rows, gap


def _holes(grid: Array, x: Array, finite: Bools) -> Bools:
    """Return which points of ``grid`` (N,) are at, or next to, a point of ``x`` (M,) that is not ``finite`` (M,)."""
    after = np.minimum(np.searchsorted(x, grid, "left"), len(x) - 1)
    before = np.maximum(np.searchsorted(x, grid, "right") - 1, 0)
    measured: Bools = (x[after] == grid) & finite[after] | finite[before] & finite[after]
    return ~measured


def _in_order(x: Array, y: Array) -> tuple[Array, Array]:
    if np.isfinite(x).all() and (x[1:] >= x[:-1]).all():
        return x, y
    order = np.argsort(x, kind="stable")
    order = order[np.isfinite(x[order])]
    return x[order], y[order]


def _last(x: Array, y: Array) -> tuple[float, float] | None:
    """Return the last finite point."""
    finite = np.flatnonzero(np.isfinite(y))
    return (float(x[finite[-1]]), float(y[finite[-1]])) if len(finite) else None


def _share(x: Array, partial: Bools) -> float:
    """Return how much of the width of a curve its partial points take."""
    width = x[-1] - x[0] if len(x) else 0.0
    if not width > 0:
        return float(partial.any())
    return float(np.diff(x)[partial[1:] | partial[:-1]].sum() / width)
