"""The axes of a chart, drawn by plotext and kept.

plotext is given cells, not data: a tick's place is a column or a row that we computed, so neither an infinity nor a
logarithm ever reaches it, and a frame stays the same until a tick moves by a cell. Each drawing uses a plot of its
own; plotext's module-level figure is not touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

Ticks = tuple[tuple[int, str], ...]
"""Cells and labels along one axis; from the left, or from the top."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows of text around an empty area of `width` x `height` cells whose top left cell is (0, `left`)."""

    rows: tuple[str, ...]
    left: int
    width: int
    height: int


@lru_cache(maxsize=256)
def draw_frame(
    width: int, height: int, x_ticks: Ticks | None, y_ticks: Ticks, *, grid: bool = False
) -> Frame:
    """Draw axes.

    Args:
        width: Cells of the empty area, at least 2.
        height: Rows of the empty area, at least 2.
        x_ticks: Columns and labels of the lower axis; None for no lower axis.
        y_ticks: Rows and labels of the left axis.
        grid: Horizontal lines at the ticks.
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
    plot.set_grid(grid, False)
    plot.set_xlim(0, width - 1)
    plot.set_ylim(0, height - 1)
    places = x_ticks or ()
    plot.set_xticks([column for column, _ in places], [label for _, label in places])
    plot.set_yticks([height - 1 - row for row, _ in y_ticks], [label for _, label in y_ticks])
    plot.draw([-9], [-9], marker=" ")  # a point outside: plotext draws no axis without one
    plot.build_plot()
    rows = tuple("".join(cells) for cells in reversed(plot.matrix.marker))
    return Frame(rows, left, width, height)
