"""Where the axes of a chart begin and end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tui import axis_ticks
from tui.axis_ticks import Unit
from tui.widgets.chart.dot_spans import Window
from tui.widgets.chart.series import Series

NEAR_ZERO = 1.0
"""The part of the height of curves above zero up to which the axis begins at zero."""
ROOM = 0.04
"""The part of their width that curves have in front of them when they grow."""


def x_limits(curves: Sequence[Series], before: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return the ends of the x axis, None without a point: those of the curves, of a single point from zero to it.

    Curves that grow get some room, so that most of the picture stays as it is.

    Args:
        curves: What is drawn.
        before: The ends in the last picture, if it was of these curves when they were shorter.
    """
    ends = [(float(curve.x[0]), float(curve.x[-1])) for curve in curves if curve.x.size]
    if not ends:
        return None
    first, last = min(a for a, _ in ends), max(b for _, b in ends)
    left, right = axis_ticks.x_ends(first, last)
    if before is None or before[0] != left:
        return left, right
    if right <= before[1]:
        return left, before[1] if before[1] - left <= (1 + 1.5 * ROOM) * (right - left) else right
    return left, right + ROOM * (right - left)


def window_of(
    curves: Sequence[Series],
    ends: tuple[float, float],
    unit: Unit,
    *,
    view: tuple[float, float] | None,
    log_y: bool,
) -> Window | None:
    """Return what a chart shows: a part of the x axis, and the values there; None where nothing can be drawn.

    Args:
        curves: What is drawn.
        ends: Of the whole x axis, as ``x_limits`` returns them.
        unit: Of the y axis.
        view: The part of the x axis that is zoomed into; None for all of it.
        log_y: Whether the y axis is logarithmic.
    """
    left, right = ends
    if view is not None and np.isfinite(view).all():
        left, right = axis_ticks.apart(*sorted(view))
    extents = [curve.extent(left, right, log_y=log_y) for curve in curves]
    bounded = [extent for extent in extents if extent is not None]
    if not bounded:
        return None
    low, high = min(low for low, _ in bounded), max(high for _, high in bounded)
    if log_y:
        low, high = axis_ticks.apart(max(low, 1e-300), min(high, axis_ticks.BIGGEST))
        return Window(left, right, low if low > 0 else high / 2, high, log_y=True)
    bottom, top = axis_ticks.limits(low, high, unit)
    if low >= 0 and (bottom < 0 or low <= NEAR_ZERO * (high - low)):
        bottom = 0.0
    return Window(left, right, bottom, top)
