"""Bars: an experiment's final score, with its interval and each of its seeds; they lie, so that long names fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tui.figures import line_labels
from tui.figures.axis_titles import Scale, y_scale
from tui.figures.figure_sheet import NAMES, FigureSheet, begin, is_wide, name_rows, plain, room_of
from tui.figures.final_scores import Scored, counted, drawable, meanings, read_score, ticks_of, written
from tui.figures.source import Reading, Source
from tui.figures.style import Width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW, LEAST_ROW = 0.24, 0.09
"""Inches of a row: the preferred height, and the least."""


def read(source: Source) -> Reading[Scored]:
    """Return the bar of an experiment."""
    return read_score(source)


def draw(sheet: FigureSheet, parts: Sequence[Scored]) -> Figure:
    """Draw bars, at least one."""
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
    size = name_rows(axes, counted(names, parts), room_of(figure) - 0.45)
    for row, part in enumerate(parts):
        _draw_bar(axes, row, part, scale, sheet, size / line_labels.SIZE)
    _set_value_axis(axes, sheet, scale, 6 if wide else 4)
    for row, part in enumerate(parts):
        _write_value(axes, row, part, scale, size)
    _make_room(figure, axes)
    return figure


def _draw_bar(axes: Axes, row: int, part: Scored, scale: Scale, sheet: FigureSheet, size: float) -> None:
    """Draw a bar; ``size`` is that of its marks, 1 where rows are as high as they should be."""
    mean, low, high = drawable((part.score.mean, *part.ends), scale)
    axes.barh(row, mean, 0.62, color=part.colour, linewidth=0)
    if part.score.interval is not None:
        axes.errorbar(
            mean, row, xerr=[[mean - low], [high - mean]], color=sheet.look.ink, elinewidth=0.9, capsize=2.2 * size,
            capthick=0.9,
        )  # fmt: skip
    if len(part.score.values) > 1:
        axes.plot(
            drawable(part.score.values, scale), np.full(len(part.score.values), row + 0.17), "o", markersize=2.4 * size,
            markerfacecolor=sheet.look.ground, markeredgecolor=sheet.look.ink, markeredgewidth=0.5,
        )  # fmt: skip


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


def _make_room(figure: Figure, axes: Axes) -> None:
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
