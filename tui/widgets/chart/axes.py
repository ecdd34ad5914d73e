"""The axes of a chart: which ticks, and the drawing of them, which plotext does and which is kept.

plotext is given cells, not data: a tick's place is a column or a row that we computed, so neither an infinity
nor a logarithm ever reaches it, and a frame stays the same until a tick moves by a cell. Each drawing uses a
plot of its own; plotext's module-level figure is not touched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from tui import axis
from tui.widgets.chart.canvas import Floats, Window

Ticks: TypeAlias = tuple[tuple[int, str], ...]
"""Cells and labels along one axis; from the left, or from the top."""

_WHOLE = ("epoch", "step", "samples")


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows of text around an empty area of `width` x `height` cells whose top left cell is (0, `left`)."""

    rows: tuple[str, ...]
    left: int
    width: int
    height: int

    @property
    def labelled(self) -> bool:
        """Whether there is an x axis below the area."""
        return len(self.rows) > self.height


def frame_for(window: Window, width: int, height: int, unit: axis.Unit, x_label: str) -> Frame | None:
    """Return the axes of a window; None where it is too small for any.

    Where room is short the x axis is left out first, then the y axis.

    Args:
        window: The ranges that are in view.
        width: Cells of the whole chart.
        height: Rows of the whole chart.
        unit: How the values of the y axis are written.
        x_label: The name of the x axis, which decides how its values are written.
    """
    labelled = height >= 7 and width >= 18
    rows = height - 2 if labelled else height
    if rows < 2:
        return None
    y_ticks = _y_ticks(window, rows, unit)
    cells = width - max((len(label) for _, label in y_ticks), default=0) - 1
    if cells < max(12, width // 3):
        return None
    return draw_frame(cells, rows, _x_ticks(window, cells, x_label) if labelled else None, y_ticks)


def _y_ticks(window: Window, rows: int, unit: axis.Unit) -> Ticks:
    if window.log_y:
        places = axis.log_ticks(window.bottom, window.top, max(rows // 2, 2))
        labels = unit.each(places)
    else:
        places = axis.linear_ticks(window.bottom, window.top, min(max(round(rows / 3), 2), 8), unit)
        labels = unit.labels(places)
    return _cells(window.rows(np.array(places, np.float64), 4 * rows) // 4, labels, rows)


def _x_ticks(window: Window, cells: int, x_label: str) -> Ticks:
    unit = axis.unit_of_axis(x_label)
    whole = x_label in _WHOLE and math.floor(window.right) > math.ceil(window.left)
    longest = max(len(label) for label in unit.labels([window.left, window.right]))
    count = min(max(cells // (longest + 5), 2), 12)
    places = axis.linear_ticks(window.left, window.right, count, unit, whole=whole)
    return _cells(window.columns(np.array(places, np.float64), 2 * cells) // 2, unit.labels(places), cells)


def _cells(places: Floats, labels: Sequence[str], size: int) -> Ticks:
    return tuple(
        (int(place), label) for place, label in zip(places, labels, strict=True) if 0 <= place < size
    )


@lru_cache(maxsize=256)
def draw_frame(width: int, height: int, x_ticks: Ticks | None, y_ticks: Ticks) -> Frame:
    """Return axes, with a line across at each tick where there are six rows or more.

    Args:
        width: Cells of the empty area, at least 2.
        height: Rows of the empty area, at least 2.
        x_ticks: Columns and labels of the lower axis; None for no lower axis.
        y_ticks: Rows and labels of the left axis.
    """
    from plotext._date import date_class
    from plotext._monitor import monitor_class

    left = max((len(label) for _, label in y_ticks), default=0) + 1
    below = 2 if x_ticks is not None else 0
    plot = monitor_class()
    plot.set_date(date_class())
    plot.set_theme("clear")
    plot.set_size([left + width, height + below])
    plot.set_xaxes(x_ticks is not None, False)
    plot.set_yaxes(True, False)
    plot.set_grid(height >= 6, False)
    plot.set_xlim(0, width - 1)
    plot.set_ylim(0, height - 1)
    places = x_ticks or ()
    plot.set_xticks([column for column, _ in places], [label for _, label in places])
    if places:  # set_xticks puts them in the order of their hashes, and which labels fit depends on the order
        plot.xticks[0], plot.xlabels[0] = [column for column, _ in places], [label for _, label in places]
    plot.set_yticks([height - 1 - row for row, _ in y_ticks], [label for _, label in y_ticks])
    plot.draw([-9], [-9], marker=" ")  # a point outside: plotext draws no axis without one
    plot.build_plot()
    rows = tuple("".join(cells) for cells in reversed(plot.matrix.marker))
    return Frame(rows, left, width, height)
