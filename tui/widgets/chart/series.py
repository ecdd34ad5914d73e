"""The columns of a curve in the one form that drawing relies on, and what is asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from tui.axis_ticks import BIGGEST
from tui.widgets.chart.dot_spans import Bools, Floats

if TYPE_CHECKING:
    from engine.analysis.curves import Curve


@dataclass(frozen=True, slots=True)
class Series:
    """Columns of one length, x finite and ascending, values within what a window can hold or not finite."""

    x: Floats
    y: Floats
    solid: Floats
    dashed: Floats | None
    """The part of ``y`` that is of fewer than all seeds, each point with its neighbours; ``solid`` is the rest."""
    raw: Floats | None
    low: Floats | None
    high: Floats | None

    @classmethod
    def of(cls, curve: Curve) -> Series:
        """Bring a curve into this form, whatever its arrays hold."""
        x, y, rest = _column(curve.x), _column(curve.y), curve.rest
        solid = None if rest is None else curve.whole
        others = [None if c is None else _column(c) for c in (solid, rest, curve.raw, curve.low, curve.high)]
        size = min(x.size, y.size, *(c.size for c in others if c is not None))
        x, y = x[:size], y[:size]
        others = [None if c is None else c[:size] for c in others]
        if not (np.isfinite(x).all() and (x[1:] >= x[:-1]).all()):
            finite = np.flatnonzero(np.isfinite(x))
            order = finite[np.argsort(x[finite], kind="stable")]
            x, y = x[order], y[order]
            others = [None if c is None else c[order] for c in others]
        return cls(x, y, y if others[0] is None else others[0], *others[1:])

    def within(self, left: float, right: float) -> slice:
        """The points in a window; where there are none, the two whose line crosses it."""
        first = int(np.searchsorted(self.x, left, "left"))
        last = int(np.searchsorted(self.x, right, "right"))
        if first == last and 0 < first < self.x.size:
            return slice(first - 1, last + 1)
        return slice(first, last)

    def extent(self, left: float, right: float, *, log_y: bool) -> tuple[float, float] | None:
        """The lowest and highest value in a window, unsmoothed values and bounds included."""
        part = self.within(left, right)
        extents = [_extent(c[part], log_y) for c in (self.y, self.raw, self.low, self.high) if c is not None]
        bounded = [extent for extent in extents if extent is not None]
        return (min(low for low, _ in bounded), max(high for _, high in bounded)) if bounded else None

    def at(self, x: float) -> int | None:
        """The known point at x or the last one before it; None where the curve begins later or has ended.

        It has ended where x is as far behind its last point as that is behind the one before.
        """
        finite = np.flatnonzero(np.isfinite(self.y))
        xs, slack = self.x[finite], 1e-9 * max(1.0, abs(x))
        place = int(np.searchsorted(xs, x + slack, "right")) - 1
        if place < 0:
            return None
        if place == xs.size - 1 and x > xs[-1] + slack:
            step = xs[-1] - xs[-2] if xs.size > 1 else 0.0
            if x - xs[-1] >= step - slack:
                return None
        return int(finite[place])

    def last(self) -> int | None:
        """The last known point."""
        if self.y.size and isfinite(self.y[-1]):
            return self.y.size - 1
        finite = np.flatnonzero(np.isfinite(self.y))
        return int(finite[-1]) if finite.size else None

    def peak(self) -> float | None:
        """The highest value, before any smoothing."""
        values = self.y if self.raw is None else self.raw
        finite = values[np.isfinite(values)]
        return float(finite.max()) if finite.size else None


def drawable(values: Floats, *, log_y: bool) -> Bools:
    """Which values have a place on an axis."""
    return np.isfinite(values) & (values > 0) if log_y else np.isfinite(values)


def _extent(values: Floats, log_y: bool) -> tuple[float, float] | None:
    if not values.size:
        return None
    low, high = float(values.min()), float(values.max())
    if isfinite(low) and isfinite(high) and (low > 0 or not log_y):
        return low, high
    values = values[drawable(values, log_y=log_y)]
    return (float(values.min()), float(values.max())) if values.size else None


def _column(values: object) -> Floats:
    column = np.asarray(values, np.float64).ravel()
    if column.size and not (column.min() >= -BIGGEST and column.max() <= BIGGEST):
        column = np.where(np.isfinite(column), np.clip(column, -BIGGEST, BIGGEST), column)
    return column
