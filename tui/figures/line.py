"""The curves of an experiment's seeds -> the one line that a figure shows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.analysis.curves import Array, aggregate, smooth

BIGGEST = 1e100
"""Values beyond this are drawn as if they were this: their squares, too, are floats."""


@dataclass(frozen=True, eq=False)
class Line:
    """One experiment: (N,) positions and (N,) values, with a band around them where it has several seeds."""

    name: str
    colour: str
    x: Array
    y: Array
    sd: Array | None = None
    raw: Array | None = None
    """What ``y`` was before it was smoothed; drawn faint."""
    seeds: int = 1
    mark: str = ""
    """A mark of `tui.palette.MARKERS`; the figure chooses one where it is empty."""


def make_line(
    name: str, colour: str, curves: Sequence[tuple[Array, Array]], smoothing: float = 0.0
) -> Line | None:
    """Return the line that the ``(x, y)`` curves of an experiment's seeds make; None if no value is finite.

    Several seeds make their mean, within one sample standard deviation. It has a gap wherever a seed has no value:
    the mean of the seeds that survived would look better than the experiment is.
    """
    clean_curves = [_in_order(x, y) for x, y in curves]
    smoothed = [(x, smooth(y, smoothing)) for x, y in clean_curves]
    if not any(np.isfinite(y).any() for _, y in smoothed):
        return None
    if len(smoothed) == 1:
        x, y = smoothed[0]
        return Line(name, colour, x, y, raw=clean_curves[0][1] if smoothing else None)
    band = aggregate(smoothed)
    there = [np.isfinite(np.interp(band.x, x, y, left=np.nan, right=np.nan)) for x, y in smoothed]
    everywhere = np.logical_and.reduce(there)  # (N,)
    if not everywhere.any():
        return None
    mean, sd = (np.where(everywhere, y, np.nan) for y in (band.mean, band.sd))
    return Line(name, colour, band.x, mean, sd, seeds=len(curves))


def _in_order(x: Array, y: Array) -> tuple[Array, Array]:
    """Return a curve's points from left to right, those whose place is finite, none too large for arithmetic."""
    order = np.argsort(x, kind="stable")
    order = order[np.isfinite(x[order])]
    return np.clip(x[order], -BIGGEST, BIGGEST), np.clip(y[order], -BIGGEST, BIGGEST)
