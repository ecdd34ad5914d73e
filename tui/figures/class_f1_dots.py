"""Classes: each class's F1 as dots on a row with the range of the seeds, an experiment a mark, the best at the top."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from engine.analysis.confusion_scores import finite_mean
from engine.analysis.curves import Array
from tui.axis_ticks import FRACTION, limits, linear_ticks
from tui.curve_palette import markers_for
from tui.figures import line_labels
from tui.figures.experiment_in_figure import Reading, Source
from tui.figures.figure_sheet import (
    FigureSheet,
    begin,
    is_wide,
    name_rows,
    plain,
    room_of,
    seeds_in_words,
    with_counts,
)
from tui.figures.last_confusion import last_matrices
from tui.figures.style import Width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

ROW, LEAST_ROW = 0.135, 0.07
"""Inches of a class's row: the preferred height, and the least where the figure's height is given."""
HIGHEST = 4.6
"""Inches of rows beyond which a further group stands beside the first."""
LONGEST = 16
"""Characters of a class's name."""
ASIDE = 0.6
"""The share of a row's height over which experiments stand, so that no range of seeds lies on another."""
SIDES: Mapping[Width, int] = {"column": 2, "page": 4}
"""How many groups of rows stand side by side at most."""


@dataclass(frozen=True, eq=False)
class ByClass:
    """What an experiment reaches on each class."""

    name: str
    colour: str
    f1: Mapping[str, float]
    """By class, a mean over seeds; NaN for a class that no seed has seen."""
    seeds: int
    spread: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """By class, the lowest and the highest of several seeds that have seen it."""


def read(source: Source) -> Reading[ByClass]:
    """Return an experiment's F1 by class."""
    matrices, remarks = last_matrices(source)
    if not matrices:
        return Reading(None, remarks)
    scores = np.stack([matrix.by_class.f1 for matrix in matrices])  # (seeds, C)
    names = line_labels.shorten_all(matrices[0].labels, 60)  # so that no two are alike
    means = dict(zip(names, finite_mean(scores).tolist(), strict=True))
    spread = {
        name: (float(seen.min()), float(seen.max()))
        for name, column in zip(names, scores.T, strict=True)
        if len(seen := column[np.isfinite(column)]) > 1
    }
    return Reading(ByClass(source.experiment.name, source.colour, means, len(matrices), spread), remarks)


def draw(sheet: FigureSheet, parts: Sequence[ByClass]) -> Figure:
    """Draw dots, for at least one experiment."""
    classes, values = _sorted(parts)
    fitting: Width = "page" if len(classes) * ROW > HIGHEST else "column"
    width = sheet.width or fitting
    _, high = sheet.look.size(width, 0.0)
    most = SIDES[width] * int((high - 1.0) / LEAST_ROW if high else 8.5 / ROW)
    notes = []
    if len(classes) > most:
        notes.append(f"Shown: the {most} classes of the lowest F1, of {len(classes)}.")
        classes, values = classes[-most:], values[:, -most:]
    lowest = math.ceil(len(classes) / SIDES[width])
    per_side = max(lowest, int((high - 1.0) / ROW) if high else int(HIGHEST / ROW))
    sides = math.ceil(len(classes) / per_side)
    rows = math.ceil(len(classes) / sides)
    notes.insert(0, _meaning(parts, turns=sides > 1))
    key = _key(sheet, parts, 40 if is_wide(sheet, fitting) else 34)
    figure = begin(sheet, fitting, rows * ROW + 0.42, notes, key, least=rows * LEAST_ROW + 0.42)
    room = room_of(figure) - 0.4
    low, high_value = _limits(values)
    ticks = _ticks(low, high_value, figure.get_size_inches()[0] / sides - 0.75)
    title = plain(sheet.y_label) or f"{plain(sheet.y.partition('/')[0]).capitalize()} F1 of each class"
    for side, axes in enumerate(figure.subplots(1, sides, squeeze=False).flat):
        side_rows = slice(side * rows, (side + 1) * rows)
        _draw_rows(axes, classes[side_rows], values[:, side_rows], [line for line, _ in key], rows, room)
        axes.set_xlim(low, high_value)
        axes.set_xticks(ticks, FRACTION.labels(ticks))
        axes.set_xlabel(title if side == sides // 2 else "")
    return figure


def _sorted(parts: Sequence[ByClass]) -> tuple[list[str], Array]:
    """Return the classes, those of the highest mean first, and their F1 (experiments, C, 3).

    That is the mean over seeds, the lowest and the highest; NaN where there is none.
    """
    classes = list(dict.fromkeys(name for part in parts for name in part.f1))
    none = math.nan, math.nan
    values = np.array(
        [[(part.f1.get(name, math.nan), *part.spread.get(name, none)) for name in classes] for part in parts]
    )
    means = finite_mean(values[..., 0])
    order = [int(index) for index in np.argsort(-means, kind="stable") if math.isfinite(means[index])]
    return [classes[index] for index in order], values[:, order]


def _limits(values: Array) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    low, high = limits(float(finite.min()), float(finite.max()), FRACTION)
    margin = 0.03 * (high - low)
    return low - margin, high + margin


def _ticks(low: float, high: float, inches: float) -> list[float]:
    """Return the ticks of an axis, as many as can be written along it."""
    most = max(2, int(inches / 0.27))
    for count in range(5, 0, -1):
        ticks = linear_ticks(low, high, count, FRACTION)
        if len(ticks) <= most:
            return ticks
    return [ticks[0], ticks[-1]]


def _meaning(parts: Sequence[ByClass], *, turns: bool) -> str:
    seeds = [part.seeds for part in parts]
    mean = f", {'mean over ' * (max(seeds) > 1)}{seeds_in_words(seeds)}"
    if any(part.spread for part in parts):
        mean += "; lines: from the lowest to the highest seed"
    order = "their mean over experiments" if len(parts) > 1 else "it"
    return f"F1 at the last evaluation{mean}; classes are sorted by {order}." + (
        " Read down, then on to the right." if turns else ""
    )


def _key(sheet: FigureSheet, parts: Sequence[ByClass], longest: int) -> list[tuple[Line2D, str]]:
    """Return the mark of each experiment, and its name."""
    from matplotlib.lines import Line2D

    from tui.figures.curve_figure import HOLLOW, SHAPES, SIZES

    names = line_labels.shorten_all([plain(part.name) for part in parts], longest)
    names = with_counts(names, [part.seeds for part in parts])
    marks = markers_for(part.colour for part in parts)
    lines = [
        Line2D(
            [], [], color=part.colour, marker=SHAPES[mark], markersize=SIZES.get(mark, 3.6) + 0.8, linestyle="none",
            markeredgewidth=0.9 if mark in HOLLOW else 0.5,
            markerfacecolor=sheet.look.ground if mark in HOLLOW else part.colour,
            markeredgecolor=part.colour if mark in HOLLOW else sheet.look.ground,
        )
        for part, mark in zip(parts, marks, strict=True)
    ]  # fmt: skip
    return list(zip(lines, names, strict=True))


def _draw_rows(
    axes: Axes, classes: Sequence[str], values: Array, marks: Sequence[Line2D], rows: int, room: float
) -> None:
    names = line_labels.shorten_all([plain(name) for name in classes], LONGEST)
    name_rows(axes, names, room * len(names) / rows)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.grid(axis="both", linewidth=0.4)
    aside = ASIDE / len(marks) if np.isfinite(values[..., 1]).any() else 0.0
    for number, (mark, scores) in enumerate(zip(marks, values, strict=True)):
        places = np.arange(len(names)) + aside * (number - (len(marks) - 1) / 2)
        axes.hlines(places, scores[:, 1], scores[:, 2], color=mark.get_color(), linewidth=0.7)
        axes.plot(
            scores[:, 0], places, color=mark.get_color(), marker=mark.get_marker(), markersize=mark.get_markersize(),
            linestyle="none", markeredgewidth=mark.get_markeredgewidth(),
            markerfacecolor=mark.get_markerfacecolor(), markeredgecolor=mark.get_markeredgecolor(),
        )  # fmt: skip
