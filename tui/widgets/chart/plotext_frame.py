"""The axes of a chart: which ticks, and the drawing of them, which plotext does and which is kept.

plotext is given cells, not data: a tick's place is a column or a row that we computed, so neither an infinity
nor a logarithm ever reaches it, and a frame stays the same until a tick moves by a cell. plotext has one figure for the
whole process: this module alone uses it, one thread at a time, and clears it before each frame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock
from typing import NamedTuple, TypeAlias

import numpy as np

from tui import axis_ticks as axis
from tui.widgets.chart.dot_spans import Floats, Ints, Window

Ticks: TypeAlias = tuple[tuple[int, str], ...]
"""Cells and labels along one axis; from the left, or from the top."""

OUTSIDE: Ticks = ((-9, ""),)
"""No tick that can be seen; plotext leaves out the row of labels where it is given none."""
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


class Layout(NamedTuple):
    """Where the area and the ticks of a chart are."""

    width: int
    """Cells of the empty area, at least 2."""
    height: int
    """Rows of the empty area, at least 2."""
    x_ticks: Ticks | None
    """Columns and labels of the lower axis, from the left; None for no lower axis."""
    y_ticks: Ticks
    """Rows and labels of the left axis, each row once."""


class Dots(NamedTuple):
    """Dots of one colour: the places of N dots of a raster with 2 x 4 dots a cell, or of N cells with one mark."""

    columns: Ints
    rows: Ints
    """From the top."""
    colour: tuple[int, int, int] | int
    """Red, green and blue, or the number of one of 256 colours."""
    mark: str = ""
    """What stands in each cell instead of dots; places are cells then."""


def frame_for(window: Window, width: int, height: int, unit: axis.Unit, x_label: str) -> Frame | None:
    """Return the axes of a window, as ``layout_for`` places them; None where it is too small for any.

    Args:
        window: The ranges that are in view.
        width: Cells of the whole chart.
        height: Rows of the whole chart.
        unit: How the values of the y axis are written.
        x_label: The name of the x axis.
    """
    layout = layout_for(window, width, height, unit, x_label)
    return None if layout is None else draw_frame(*layout)


def layout_for(window: Window, width: int, height: int, unit: axis.Unit, x_label: str) -> Layout | None:
    """Return where the axes of a window go; None where it is too small for any.

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
    return Layout(cells, rows, _x_ticks(window, cells, x_label) if labelled else None, y_ticks)


def _y_ticks(window: Window, rows: int, unit: axis.Unit) -> Ticks:
    places: list[float] = []
    if window.log_y:
        places = axis.log_ticks(window.bottom, window.top, max(rows // 2, 2), unit)
        labels = unit.log_labels(places)
    if len(places) < 2:
        places = axis.linear_ticks(window.bottom, window.top, min(max(round(rows / 3), 2), 8), unit)
        labels = unit.labels(places)
    if unit.kind == "fraction":
        labels = [label.removeprefix("0") if label.startswith("0.") else label for label in labels]
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
        (int(position), label) for position, label in zip(places, labels, strict=True) if 0 <= position < size
    )


@lru_cache(maxsize=256)
def draw_frame(width: int, height: int, x_ticks: Ticks | None, y_ticks: Ticks) -> Frame:
    """Return axes around an empty area, with a line across at each tick where there are six rows or more.

    Args:
        width: Cells of the empty area, at least 2.
        height: Rows of the empty area, at least 2.
        x_ticks: Columns and labels of the lower axis, from the left; None for no lower axis.
        y_ticks: Rows and labels of the left axis, each row once.
    """
    import plotext

    with _figure:
        left = _draw_axes(Layout(width, height, x_ticks, y_ticks))
        plotext.scatter([-9], [-9], marker=" ")  # a point outside: plotext draws no axis without one
        drawn = plotext.uncolorize(plotext.build())
    return Frame(tuple(drawn.split("\n")[:-1]), left, width, height)


def draw_chart(layout: Layout, layers: Sequence[Dots]) -> list[str]:
    """Return the rows of a whole chart, with colours; what is drawn later gives a cell its colour.

    Args:
        layout: Its area and its axes.
        layers: What is in it; dots of one cell come together, a mark hides them.
    """
    import plotext

    with _figure:
        _draw_axes(layout)
        plotext.scatter([-9], [-9], marker=" ")
        for layer in layers:
            across, down = (1, 1) if layer.mark else (2, 4)
            x = layer.columns * ((layout.width - 1) / (across * layout.width - 1))
            y = (layout.height - 1) - layer.rows * ((layout.height - 1) / (down * layout.height - 1))
            plotext.scatter(x.tolist(), y.tolist(), marker=layer.mark or "braille", color=layer.colour)
        return str(plotext.build()).split("\n")[:-1]


def _draw_axes(layout: Layout) -> int:
    """Begin plotext's figure anew with the axes of a layout; return the cells at its left."""
    import plotext

    width, height, x_ticks, y_ticks = layout
    left = max((len(label) for _, label in y_ticks), default=0) + 1
    below = 2 if x_ticks is not None else 0
    columns = () if x_ticks is None else _apart(x_ticks, left, width) or OUTSIDE
    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plot_size(left + width, height + below)
    plotext.theme("clear")
    plotext.xaxes(x_ticks is not None, False)
    plotext.yaxes(True, False)
    plotext.grid(height >= 6, False)
    plotext.xlim(0, width - 1)
    plotext.ylim(0, height - 1)
    plotext.xticks([column for column, _ in columns], [label for _, label in columns])
    plotext.yticks([height - 1 - row for row, _ in y_ticks], [label for _, label in y_ticks])
    return left


@dataclass(frozen=True, slots=True)
class _Label:
    """Where plotext puts a label of the lower axis: in the middle of the cells around its tick that are free."""

    first: int
    last: int
    length: int

    @property
    def start(self) -> int:
        return (self.first + self.last - self.length + 1) // 2

    @property
    def end(self) -> int:
        return self.start + self.length - 1

    def is_clear_of(self, before: _Label) -> bool:
        """Return whether neither is moved by the other, whichever is put first, and a cell is left between them."""
        after = replace(self, first=max(self.first, before.end + 1))
        other = replace(before, last=min(before.last, self.start - 1))
        return (after.start, other.start) == (self.start, before.start) and self.start > before.end + 1


def _apart(ticks: Ticks, left: int, width: int) -> Ticks:
    """Return the ticks whose labels are clear of the one before, from the left: plotext takes them in any order."""
    chosen: list[tuple[int, str]] = []
    before: _Label | None = None
    for column, text in ticks:
        reach = len(text) - 1
        label = _Label(max(column - reach, -left), min(column + reach, width - 2), len(text))
        if before is None or label.is_clear_of(before):
            chosen.append((column, text))
            before = label
    return tuple(chosen)


_figure = Lock()
"""Held while plotext's figure is used."""
