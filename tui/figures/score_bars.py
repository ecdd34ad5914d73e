"""Bars: an experiment's final score, with its interval and each of its seeds; they lie, so that long names fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.analysis.curves import Array
from tui.figures import line_labels
from tui.figures.axis_titles import Scale, y_scale
from tui.figures.experiment_in_figure import Reading, Source
from tui.figures.figure_sheet import (
    NAMES,
    FigureSheet,
    begin,
    is_wide,
    name_rows,
    plain,
    room_of,
    with_counts,
)
from tui.figures.final_scores import (
    Scored,
    best_first,
    dashes_of,
    drawable,
    meanings,
    read_score,
    seeds_of,
    ticks_of,
    written,
)
from tui.figures.style import Width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

ROW, LEAST_ROW = 0.24, 0.09
"""Inches of a row: the preferred height, and the least."""
DOT = 2.4
"""Points: the size of a seed's dot where rows are as high as they should be."""
LANES = (0.17, -0.17, 0.0, 0.34, -0.34)
"""Where in a row dots stand that would lie on each other, in heights of a row: first off the interval's line."""


def read(source: Source) -> Reading[Scored]:
    """Return the bar of an experiment."""
    return read_score(source)


def draw(sheet: FigureSheet, parts: Sequence[Scored]) -> Figure:
    """Draw bars, at least one, the best at the top."""
    parts = best_first(parts, sheet.y)
    longest = max(len(part.name) for part in parts)
    fitting: Width = "page" if longest > NAMES[1] else "column"
    wide = is_wide(sheet, fitting)
    figure = begin(
        sheet,
        fitting,
        0.5 + ROW * len(parts),
        [" ".join(meanings("Bars", parts))],
        least=0.45 + LEAST_ROW * len(parts),
    )
    axes = figure.add_subplot()
    scale = y_scale(sheet.y, [np.asarray(part.score.values) for part in parts])
    names = line_labels.shorten_all([plain(part.name) for part in parts], NAMES[not wide])
    size = name_rows(axes, with_counts(names, seeds_of(parts)), room_of(figure) - 0.45)
    dots = [
        _draw_bar(axes, row, part, scale, sheet, size / line_labels.SIZE) for row, part in enumerate(parts)
    ]
    _set_value_axis(axes, sheet, scale, 6 if wide else 4)
    for row, part in enumerate(parts):
        _write_value(axes, row, part, scale, size)
    make_room(figure, axes)
    width = (DOT + 0.5) * size / line_labels.SIZE * figure.dpi / 72  # pixels
    for row, line in enumerate(dots):
        places = axes.transData.transform(np.asarray(line.get_xydata()))[:, 0]
        line.set_ydata(row + lanes(places, width))
    return figure


def lanes(places: Array, width: float) -> Array:
    """Return how far from the middle of a row its dots stand (N,), so that each is seen.

    Args:
        places: Where along the row the dots stand (N,), in pixels.
        width: Of a dot, in pixels.
    """
    ends: list[float] = []  # of the last dot of each lane
    lane = np.zeros(len(places), dtype=int)
    for index in np.argsort(places, kind="stable"):
        free = (number for number, end in enumerate(ends) if places[index] - end >= width)
        lane[index] = number = next(free, len(ends))
        ends[number : number + 1] = [float(places[index])]
    offsets = LANES if len(ends) <= len(LANES) else np.linspace(min(LANES), max(LANES), len(ends))
    return np.asarray(offsets)[lane]


def _draw_bar(axes: Axes, row: int, part: Scored, scale: Scale, sheet: FigureSheet, size: float) -> Line2D:
    """Draw a bar and return its dots; ``size`` is that of its marks, 1 where rows are as high as they should be."""
    mean, low, high = drawable((part.score.mean, *part.ends), scale)
    axes.barh(row, mean, 0.62, color=part.colour, linewidth=0)
    if part.score.interval is not None:
        line = axes.errorbar(
            mean, row, xerr=[[mean - low], [high - mean]], color=sheet.look.ink, elinewidth=0.9, capsize=2.2 * size,
            capthick=0.9,
        )  # fmt: skip
        line[2][0].set_linestyle(dashes_of(part.score))
    (dots,) = axes.plot(
        drawable(part.score.values, scale), np.full(len(part.score.values), float(row)), "o", markersize=DOT * size,
        markerfacecolor=sheet.look.ground, markeredgecolor=sheet.look.ink, markeredgewidth=0.5, zorder=3, label="seeds",
    )  # fmt: skip
    return dots


def _set_value_axis(axes: Axes, sheet: FigureSheet, scale: Scale, count: int) -> None:
    """Let the axis begin at zero: a bar's length is its value."""
    low, high = axes.dataLim.intervalx
    low, high = min(0.0, float(low)), max(0.0, float(high))
    if low == high:
        high = 1.0
    axes.set_xlim(low, high)
    axes.set_xticks(*ticks_of(low, high, count, scale))
    axes.set_xlabel(plain(sheet.y_label) or plain(scale.title))
    axes.grid(axis="x")
    axes.axvline(0, color=sheet.look.ink, linewidth=0.6)


def _write_value(axes: Axes, row: int, part: Scored, scale: Scale, size: float) -> None:
    mean, low, high = drawable((part.score.mean, *part.ends), scale)
    values = drawable(part.score.values, scale)
    left = mean < 0
    end = min(low, values.min()) if left else max(high, values.max())
    axes.annotate(
        written(float(mean), scale), (float(end), row), (-4 if left else 4, 0), textcoords="offset points",
        ha="right" if left else "left", va="center_baseline", fontsize=size, annotation_clip=False,
    )  # fmt: skip


def make_room(figure: Figure, axes: Axes) -> None:
    """Widen the axis until the values that are written at the bars' ends stand within it."""
    low, high = axes.get_xlim()
    figure.draw_without_rendering()
    boxes = [text.get_window_extent().transformed(axes.transAxes.inverted()) for text in axes.texts]
    right = max(0.0, *(box.x1 - 1 for box in boxes))
    left = max(0.0, *(-box.x0 for box in boxes))
    # written text keeps its size while the axis widens: its share of the new width is what it was of the old
    span = (high - low) / max(0.3, 1 - right - left)
    axes.set_xlim(low - left * span, high + right * span)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
