"""Scatters: an experiment's final score against what it took, and which experiments no other one beats in both.

::

    ┤      ┌────── ● BiT      The front: for each cost the best score to be had for it. What lies on it is filled,
    ┤ ●────┘                  what another experiment beats in one without losing in the other is hollow.
    ┤ ViT      ○ hybrid
    └────────────────────
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.analysis.curves import LARGEST, Array
from engine.analysis.results import Result, read_gpu_hours
from tui.axis import PLAIN, Unit, limits, log_limits, log_ticks
from tui.figures import line_labels
from tui.figures.axis_titles import Scale, time_scale, y_scale
from tui.figures.final_scores import Scored, counted, drawable, meanings, read_score, ticks_of
from tui.figures.page import Sheet, begin, is_wide, plain
from tui.figures.point_labels import name_points
from tui.figures.source import Reading, Source
from tui.figures.style import Width
from tui.palette import markers_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

FAR = 10.0
"""The largest cost over the least from which their axis is logarithmic."""
LESS = frozenset({"loss", "ece", "power", "temperature", "energy", "grad_norm"})
"""Metrics of which less is better; so it is of memory and of times."""


class Cost(NamedTuple):
    """What stands on the x axis: how it is read, and how it is written."""

    words: str
    of: Callable[[Result], float | None]
    scale: Callable[[float], tuple[float, str]] = lambda _: (1.0, "")
    """Returns what costs up to ``largest`` are divided by, and the unit they are then in."""
    meaning: str = "mean over seeds"
    less: bool = True
    """Whether less of it is better."""


def _bytes(_largest: float) -> tuple[float, str]:
    return 2.0**30, "GiB"


COSTS = {
    "parameters": Cost("Parameters", lambda row: row.parameters, lambda _: (1e6, "M"), ""),
    "gpu-memory": Cost("GPU memory", lambda row: row.gpu_memory, _bytes, "the most of any seed"),
    "host-memory": Cost("Host memory", lambda row: row.host_memory, _bytes, "the most of any seed"),
    "images-per-s": Cost("Throughput", lambda row: row.images_per_s, lambda _: (1.0, "images/s"), less=False),
    "gpu-hours": Cost("GPU-hours", lambda row: row.gpu_hours),
    "energy": Cost("Energy", lambda row: row.joules, lambda most: (1e6, "MJ") if most >= 1e6 else (1e3, "kJ")),
    "time": Cost("Training time", lambda row: row.train_s, time_scale),
}  # fmt: skip


class Point(NamedTuple):
    """An experiment of a scatter."""

    scored: Scored
    cost: float


def read(source: Source) -> Reading[Point]:
    """Return the point of an experiment; it takes a score and a cost."""
    axis = source.figure.x
    found = read_score(source, read_gpu_hours) if axis == "gpu-hours" else read_score(source)
    if found.part is None:
        return Reading(None, found.remarks)
    cost = COSTS[axis].of(found.part.result)
    if cost is None or cost <= 0:
        lack = f"{found.part.name} is not shown: no run of it has measured {axis}."
        return Reading(None, (*found.remarks, lack))
    return Reading(Point(found.part, cost), found.remarks)


def draw(sheet: Sheet, parts: Sequence[Point]) -> Figure:
    """Draw points, at least one: their names beside them, or above the axes where they do not fit."""
    scored = [part.scored for part in parts]
    names = counted(line_labels.shorten_all([plain(part.name) for part in scored], 32), scored)
    figure, axes, marks, places = _draw(sheet, parts)
    if not name_points(figure, axes, places, names, [part.colour for part in scored], sheet.look):
        figure, *_ = _draw(sheet, parts, list(zip(marks, names, strict=True)))
    return figure


def _draw(
    sheet: Sheet, parts: Sequence[Point], key: Sequence[tuple[Line2D, str]] = ()
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
    best = front(list(x), list(y), low_x=cost.less, low_y=less_is_better(sheet.y))
    _set_cost_axis(axes, x, cost.words + (f" ({unit})" if unit else ""))
    _set_score_axis(axes, scored, scale, sheet)
    _draw_front(axes, x[best], y[best], sheet, first="post" if cost.less else "pre")
    shapes = markers_for(each.colour for each in scored)
    marks = [
        _draw_point(axes, (x[row], y[row]), scored[row], shapes[row], scale, sheet, filled=bool(best[row]))
        for row in range(len(parts))
    ]
    return figure, axes, marks, np.stack([x, y], axis=1)


def front(x: Sequence[float], y: Sequence[float], *, low_x: bool, low_y: bool) -> NDArray[np.bool_]:
    """Return which points (N,) no other one beats: at least as good in both, and better in one.

    Args:
        x: Of each point.
        y: Of each point.
        low_x: Whether less of x is better.
        low_y: Whether less of y is better.
    """
    good = np.stack([np.asarray(x) * (-1 if low_x else 1), np.asarray(y) * (-1 if low_y else 1)])  # (2, N)
    ahead = (good[:, :, None] >= good[:, None, :]).all(
        0
    )  # (N, N): the first is as good as the second in both
    beats = ahead & (good[:, :, None] > good[:, None, :]).any(0)
    return np.logical_not(beats.any(axis=0), dtype=np.bool_)


def less_is_better(metric: str) -> bool:
    """Return whether less of a metric is better."""
    group, _, name = metric.partition("/")
    name = name.rpartition("/")[2] or group
    return group == "time" or name in LESS or name.startswith("memory")


def _notes(cost: Cost, scored: Sequence[Scored], *, several: bool) -> list[str]:
    notes = list(meanings("Markers", scored))
    if cost.meaning and max(len(part.score.values) for part in scored) > 1:
        notes.append(f"{cost.words}: {cost.meaning}.")
    if several:
        notes.append("Filled markers and the thin line: the Pareto front, by the means; hollow ones are beaten in one"
                     " of both and better in none.")  # fmt: skip
    return [" ".join(notes)]


def _set_cost_axis(axes: Axes, x: Array, title: str) -> None:
    low, high = float(x.min()), float(x.max())
    if high > FAR * low:
        axes.set_xscale("log")
        axes.minorticks_off()
        low, high = log_limits(low / 1.3, high * 1.3)
        ticks = log_ticks(low, high, 6)
        axes.set_xticks(ticks, PLAIN.each(ticks))
    else:
        low, high = limits(low, high, Unit(kind="count"))
        margin = 0.06 * (high - low)
        low, high = max(low - margin, 0.0 if low == 0 else low - margin), high + margin
        axes.set_xticks(*ticks_of(low, high, 6, Scale("", Unit(kind="count"))))
    axes.set_xlim(low, high)
    axes.set_xlabel(title)


def _set_score_axis(axes: Axes, scored: Sequence[Scored], scale: Scale, sheet: Sheet) -> None:
    ends = drawable([end for part in scored for end in (*part.ends, *part.score.values)], scale)
    low, high = scale.limits(float(ends.min()), float(ends.max()))
    axes.set_ylim(low, high)
    axes.set_yticks(*ticks_of(low, high, 5, scale))
    axes.set_ylabel(plain(sheet.y_label) or plain(scale.title))
    axes.grid(axis="y")


def _draw_front(axes: Axes, x: Array, y: Array, sheet: Sheet, first: str) -> None:
    order = np.lexsort((y, x))
    x, y = np.repeat(x[order], 2), np.repeat(y[order], 2)
    x, y = (x[1:], y[:-1]) if first == "post" else (x[:-1], y[1:])
    axes.plot(x, y, color=sheet.look.quiet, linewidth=0.7, zorder=1.5, label="front")


def _draw_point(
    axes: Axes, at: tuple[float, float], part: Scored, mark: str, scale: Scale, sheet: Sheet, *, filled: bool
) -> Line2D:
    from tui.figures.curves import SHAPES

    low, high = drawable(part.ends, scale)
    if part.score.interval is not None:
        axes.errorbar(
            *at, yerr=[[at[1] - low], [high - at[1]]], color=part.colour, elinewidth=0.8, fmt="none"
        )
    if len(part.score.values) > 1:
        axes.plot(
            np.full(len(part.score.values), at[0]), drawable(part.score.values, scale), "o", color=part.colour,
            markersize=2.2, markerfacecolor=sheet.look.ground, markeredgewidth=0.5, zorder=2.5, label="seeds",
        )  # fmt: skip
    (mark_drawn,) = axes.plot(
        *at, SHAPES[mark], color=part.colour, markersize=5.0, markeredgewidth=0.9, clip_on=False, zorder=3,
        markerfacecolor=part.colour if filled else sheet.look.ground,
    )  # fmt: skip
    return mark_drawn
