"""Scatters: an experiment's final score against what it took, and which experiments are worth that.

::

    ┤        ●░░░░░░░░░░░ BiT       Filled: on the Pareto front, for no cheaper one is told to be as good.
    ┤ ●░░░░░░░░░░░░░░░░░░           Hollow: it may be on it, for seeds or costs do not tell.
    ┤ ViT░░░░░░░░░• hybrid░         Small: dominated, for a cheaper one is told to be better.
    └────────────────────────       Shaded: what the front dominates; a line would run through intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.analysis.conclusions import costs
from engine.analysis.conclusions.evidence import Evidence, by_data
from engine.analysis.conclusions.judged_metrics import judged_metric
from engine.analysis.conclusions.pareto_front import Mark, pareto_front
from engine.analysis.curves import LARGEST, Array
from engine.analysis.memory_curves import is_memory
from engine.analysis.results import Result, read_gpu_hours
from engine.catalog.metrics import metric_of
from tui.axis_ticks import PLAIN, Unit, limits, log_limits, log_ticks
from tui.curve_palette import markers_for
from tui.figures import line_labels
from tui.figures.axis_titles import Scale, time_scale, y_scale
from tui.figures.experiment_in_figure import Reading, Source
from tui.figures.figure_sheet import FigureSheet, begin, is_wide, plain, with_counts
from tui.figures.final_scores import (
    Scored,
    dashes_of,
    drawable,
    meanings,
    read_score,
    seeds_of,
    ticks_of,
)
from tui.figures.point_labels import name_points
from tui.figures.style import Width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

FAR = 10.0
"""The largest cost over the least from which their axis is logarithmic."""
SIZES = {Mark.ON_FRONT: 5.0, Mark.MAY_BE: 5.0, Mark.DOMINATED: 2.6}
"""Of markers, in points."""


class Cost(NamedTuple):
    """What stands on the x axis: how it is read, and how it is written."""

    words: str
    of: Callable[[Result], float | None]
    scale: Callable[[float], tuple[float, str]] = lambda _: (1.0, "")
    """Returns what costs up to ``largest`` are divided by, and the unit they are then in."""
    meaning: str = "median over seeds"
    metric: str = ""
    """The cost that ``cost_of`` reads of each seed; empty where it is exact."""


def _bytes(_largest: float) -> tuple[float, str]:
    return 2.0**30, "GiB"


COSTS = {
    "parameters": Cost("Parameters", lambda row: row.parameters, lambda _: (1e6, "M"), ""),
    "gpu-memory": Cost("GPU memory", lambda row: row.gpu_memory, _bytes, "the most of any seed", "gpu/memory_peak"),
    "host-memory": Cost("Host memory", lambda row: row.host_memory, _bytes, "the most of any seed",
                        "cpu/memory_process"),
    "images-per-s": Cost("Throughput", lambda row: row.images_per_s, lambda _: (1.0, "images/s"),
                         metric="train/images_per_s"),
    "gpu-hours": Cost("GPU-hours", lambda row: row.gpu_hours, metric=costs.TRAINING_TIME),
    "energy": Cost("Energy", lambda row: row.joules, lambda most: (1e6, "MJ") if most >= 1e6 else (1e3, "kJ"),
                   metric="gpu/energy"),
    "time": Cost("Training time", lambda row: row.train_s, time_scale, metric=costs.TRAINING_TIME),
}  # fmt: skip


class Point(NamedTuple):
    """An experiment of a scatter."""

    scored: Scored
    cost: float
    evidence: Evidence
    """All runs."""


def read(source: Source) -> Reading[Point]:
    """Return the point of an experiment; it takes a score and a cost."""
    axis = source.figure.x
    reading = read_score(source, read_gpu_hours) if axis == "gpu-hours" else read_score(source)
    if reading.part is None:
        return Reading(None, reading.remarks)
    cost = COSTS[axis].of(reading.part.result)
    if cost is None or cost <= 0:
        lack = f"{reading.part.name} is not shown: no run of it has measured {axis}."
        return Reading(None, (*reading.remarks, lack))
    return Reading(Point(reading.part, cost, source.evidence), reading.remarks)


def draw(sheet: FigureSheet, parts: Sequence[Point]) -> Figure:
    """Draw points, at least one: their names beside them, or above the axes where they do not fit."""
    scored = [part.scored for part in parts]
    names = with_counts(line_labels.shorten_all([plain(part.name) for part in scored], 32), seeds_of(scored))
    figure, axes, marks, places = _draw(sheet, parts)
    if not name_points(figure, axes, places, names, [part.colour for part in scored], sheet.look):
        figure, *_ = _draw(sheet, parts, list(zip(marks, names, strict=True)))
    return figure


def _draw(
    sheet: FigureSheet, parts: Sequence[Point], key: Sequence[tuple[Line2D, str]] = ()
) -> tuple[Figure, Axes, list[Line2D], Array]:
    """Return a figure without names but those of the key, its axes, the marks, and where they stand (N, 2)."""
    cost, scored = COSTS[sheet.x], [part.scored for part in parts]
    fitting: Width = "page" if len(parts) > 5 else "column"
    wide = is_wide(sheet, fitting)
    figure = begin(sheet, fitting, 2.5 if wide else 2.2, _notes(cost, scored, several=len(parts) > 1), key)
    axes = figure.add_subplot()
    scale = y_scale(sheet.y, [np.asarray(part.score.values) for part in scored])
    size, unit = cost.scale(max(part.cost for part in parts))
    x = np.minimum([part.cost / size for part in parts], LARGEST)
    y = drawable([part.score.mean for part in scored], scale)
    standing = marks_of(sheet.x, sheet.y, parts)
    ranges = [np.asarray(range_of(sheet.x, part)) / size for part in parts]
    _set_cost_axis(axes, np.concatenate([x, *ranges]), cost.words + (f" ({unit})" if unit else ""))
    _set_score_axis(axes, scored, scale, sheet)
    front = np.asarray([mark is Mark.ON_FRONT for mark in standing])
    if Mark.MAY_BE not in standing:
        _shade_front(axes, x[front], y[front], sheet)
    shapes = markers_for(part.colour for part in scored)
    marks = []
    for row, part in enumerate(scored):
        low, high = ranges[row]
        if low < high:
            axes.hlines(y[row], low, high, color=part.colour, linewidth=0.8)
        marks.append(_draw_point(axes, (x[row], y[row]), part, shapes[row], scale, sheet, standing[row]))
    return figure, axes, marks, np.stack([x, y], axis=1)


def marks_of(axis: str, metric: str, parts: Sequence[Point]) -> list[Mark]:
    """Return how experiments stand to the Pareto front; on different data they have fronts of their own.

    Args:
        axis: The cost.
        metric: The score; by one that nothing is judged by every experiment may be on the front.
        parts: The experiments.
    """
    standing = dict.fromkeys((part.scored.name for part in parts), Mark.MAY_BE)
    if judged_metric(metric) is not None:
        for choices in by_data({part.scored.name: part.scored.result.choice for part in parts}).values():
            here = [part for part in parts if part.scored.name in choices]
            cheaper = {part.scored.name: _names(part, here, axis, -1) for part in here}
            maybe = {part.scored.name: _names(part, here, axis, 0) for part in here}
            standing |= pareto_front(here[0].evidence.judge(choices, metric), cheaper, maybe)
    return list(standing.values())


def _names(part: Point, parts: Sequence[Point], axis: str, order: int) -> frozenset[str]:
    """Return the others that cost less than one (-1), or whose costs are not told apart from its cost (0)."""
    others = (other for other in parts if other is not part)
    return frozenset(other.scored.name for other in others if _order(axis, other, part) == order)


def _order(axis: str, one: Point, other: Point) -> int | None:
    """Return -1 where one is told to cost less than another, 1 where more, 0 where that is not told; None if equal."""
    if axis == "parameters":
        return None if one.cost == other.cost else -1 if one.cost < other.cost else 1
    a, b = _cost_of(axis, one), _cost_of(axis, other)
    if not a.values or not b.values:
        return 0
    if is_memory(COSTS[axis].metric):
        return costs.order_of_memory(a, b)
    comparison = costs.ratio_of(a, b)
    if isinstance(comparison, str):
        return 0
    return -1 if (comparison.ratio < 1) != (axis == "images-per-s") else 1


def _cost_of(axis: str, part: Point) -> costs.Cost:
    return costs.cost_of(part.scored.name, part.scored.result.choice, COSTS[axis].metric)


def range_of(axis: str, part: Point) -> tuple[float, float]:
    """Return the least and the most that the seeds of an experiment took; its cost twice where that is not known."""
    values = _cost_of(axis, part).values if COSTS[axis].metric and axis != "gpu-hours" else ()
    return min((*values, part.cost)), max((*values, part.cost))


def _notes(cost: Cost, scored: Sequence[Scored], *, several: bool) -> list[str]:
    notes = list(meanings("Markers", scored))
    if cost.meaning and max(len(part.score.values) for part in scored) > 1:
        notes.append(f"{cost.words}: {cost.meaning}.")
    if several:
        notes.append(
            "Filled: on the Pareto front, which dominates what is shaded; hollow: may be on it, as seeds or costs do "
            "not tell; small: a cheaper one is told to be as good or better. Horizontal lines: from the least to the "
            "most of the seeds."
        )
    return [" ".join(notes)]


def _set_cost_axis(axes: Axes, x: Array, title: str) -> None:
    low, high = float(x.min()), float(x.max())
    if high > FAR * low:
        axes.set_xscale("log")
        axes.minorticks_off()
        low, high = log_limits(low / 1.3, high * 1.3)
        ticks = log_ticks(low, high, 6)
        axes.set_xticks(ticks, PLAIN.log_labels(ticks))
    else:
        low, high = limits(low, high, Unit(kind="count"))
        margin = 0.06 * (high - low)
        low, high = max(low - margin, 0.0 if low == 0 else low - margin), high + margin
        axes.set_xticks(*ticks_of(low, high, 6, Scale("", Unit(kind="count"))))
    axes.set_xlim(low, high)
    axes.set_xlabel(title)


def _set_score_axis(axes: Axes, scored: Sequence[Scored], scale: Scale, sheet: FigureSheet) -> None:
    ends = drawable([end for part in scored for end in (*part.ends, *part.score.values)], scale)
    low, high = scale.limits(float(ends.min()), float(ends.max()))
    axes.set_ylim(low, high)
    axes.set_yticks(*ticks_of(low, high, 5, scale))
    axes.set_ylabel(plain(sheet.y_label) or plain(scale.title))
    axes.grid(axis="y")


def _shade_front(axes: Axes, x: Array, y: Array, sheet: FigureSheet) -> None:
    """Shade what costs no less and scores no better than a point of the front (N,), up to the edges of the axes."""
    left, right = axes.get_xlim()
    order = np.lexsort((y, x))
    x, y = x[order], y[order]
    cheaper_is_right = sheet.x == "images-per-s"
    x = np.append(left, x) if cheaper_is_right else np.append(x, right)
    y = np.append(y[0], y) if cheaper_is_right else np.append(y, y[-1])
    worst = axes.get_ylim()[0 if metric_of(sheet.y).kind.direction == "higher" else 1]
    axes.fill_between(
        x, y, worst, step="pre" if cheaper_is_right else "post", color=sheet.look.quiet, alpha=0.12, linewidth=0,
        zorder=0.5, label="front",
    )  # fmt: skip


def _draw_point(
    axes: Axes,
    at: tuple[float, float],
    part: Scored,
    mark: str,
    scale: Scale,
    sheet: FigureSheet,
    standing: Mark,
) -> Line2D:
    from tui.figures.curve_figure import SHAPES

    low, high = drawable(part.ends, scale)
    if part.score.interval is not None:
        line = axes.errorbar(
            *at, yerr=[[at[1] - low], [high - at[1]]], color=part.colour, elinewidth=0.8, fmt="none"
        )
        line[2][0].set_linestyle(dashes_of(part.score))
    if len(part.score.values) > 1:
        axes.plot(
            np.full(len(part.score.values), at[0]), drawable(part.score.values, scale), "o", color=part.colour,
            markersize=2.2, markerfacecolor=sheet.look.ground, markeredgewidth=0.5, zorder=2.5, label="seeds",
        )  # fmt: skip
    (mark_drawn,) = axes.plot(
        *at, SHAPES[mark], color=part.colour, markersize=SIZES[standing], markeredgewidth=0.9, clip_on=False, zorder=3,
        markerfacecolor=sheet.look.ground if standing is Mark.MAY_BE else part.colour,
    )  # fmt: skip
    return mark_drawn
