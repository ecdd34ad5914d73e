"""A picture of curves -> a matplotlib figure for papers -> the bytes of a file.

The same picture makes the same bytes: fonts come with matplotlib, the user's matplotlibrc is left out,
and the only date in it is the data's own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from engine.analysis.curves import (
    FEW,
    LARGEST,
    Array,
    Bools,
    Curve,
    alike,
    band_words,
    bounds_of,
    curve_of,
    mean_over_seeds,
)
from engine.analysis.memory_curves import is_memory
from engine.catalog.metrics import Axis
from engine.history.reader import History
from engine.history.x_axes import TIMELESS
from tui.axis_ticks import PLAIN, Unit, linear_ticks, log_limits, log_ticks, x_ends
from tui.curve_palette import markers_for
from tui.figures import line_labels
from tui.figures.axis_titles import Scale, time_scale, x_title, y_scale
from tui.figures.experiment_in_figure import Reading, Source
from tui.figures.figure_sheet import (
    TITLE,
    FigureSheet,
    plain,
    seeds_in_words,
    with_counts,
    wrap,
    write_notes,
)
from tui.figures.style import PAPER, Look, Width
from tui.figures.style import style as style
from tui.state.chart_line import ChartLine

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST_NAME = 40
LETTERS = 5.8
"""Letters of a name beside the axes for each inch of a figure's width: a third of it."""
MANY = 16
"""So many names fit beside the axes of a figure as high as others."""
DENSE = 30
"""A curve of up to so many points, or epochs, shows each of them."""

SHAPES = dict(zip("●▲■◆▼★○△□◇▽☆", "o^sDv*o^sDv*", strict=True))
SIZES = {"★": 5.5, "☆": 5.0, "▲": 4.2, "▼": 4.2, "●": 3.8}
"""Points: the height of a mark that differs from the usual one. Stars and triangles have less area."""
HOLLOW = "○△□◇▽☆"
"""Marks that are drawn as outlines."""
REST = (0, (2.2, 1.6))
"""Dashes of the part of a mean that is of fewer than all seeds."""
_DASHES: tuple[Any, ...] = ("solid", (0, (4, 1.6)), (0, (1.2, 1.4)), (0, (5, 1.4, 1.2, 1.4)))


@dataclass(frozen=True, eq=False)
class Picture:
    """All that a figure shows."""

    title: str
    """Empty for a figure whose title stands above it in a text."""
    metric: str
    axis: Axis
    lines: tuple[ChartLine, ...]
    y_label: str = ""
    smoothing: float = 0.0
    notes: tuple[str, ...] = ()
    """Small print: what the reader has to know, one sentence each."""
    view: tuple[float, float] | None = None
    """The ends of the x axis; None for all of the lines."""
    log_y: bool = False


def read(source: Source) -> Reading[ChartLine]:
    """Return the line that the runs of an experiment make."""
    definition = source.figure
    axis = cast("Axis", definition.x)
    only, highest = definition.y if axis in TIMELESS else None, is_memory(definition.y)
    histories = [source.history(run.run.path, only) for run in source.choice.runs]
    curves = [
        curve_of(run.run.id, *history.series(definition.y, axis), definition.smoothing, highest=highest)
        for run, history in zip(source.choice.runs, histories, strict=True)
    ]
    if not curves:
        return Reading(None)
    mean = mean_over_seeds(curves, bounds_of(definition.y), definition.smoothing)
    if not np.isfinite(mean.y).any():
        return Reading(None)
    epochs = frozenset(
        place for history in histories for place in _ends_of_epochs(history, definition.y, axis)
    )
    return Reading(ChartLine(source.experiment.name, source.colour, mean, epochs=epochs))


def _ends_of_epochs(history: History, metric: str, axis: Axis) -> list[float]:
    """Return where on an axis a metric was measured at the end of an epoch."""
    (places, _), (epochs, _) = history.series(metric, axis), history.series(metric, "epoch")
    ends: list[float] = places[_is_whole(epochs)].tolist()
    return ends


def draw(sheet: FigureSheet, lines: Sequence[ChartLine]) -> Figure:
    """Draw lines, at least one."""
    picture = Picture(
        sheet.title, sheet.y, cast("Axis", sheet.x), tuple(lines), sheet.y_label, sheet.smoothing, sheet.notes
    )
    return draw_picture(picture, sheet.look, sheet.width)


def draw_picture(picture: Picture, look: Look = PAPER, width: Width | None = None) -> Figure:
    """Draw a picture of at least one line; None as width makes it as wide as it needs."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    picture = _as_drawn(picture)
    wide = len(picture.lines) > 3 if width is None else width == "page"
    size, dpi = _size(picture, look, wide=wide)
    figure = Figure(figsize=size, dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.grid(axis="y")
    scale = y_scale(picture.metric, [line.curve.y for line in picture.lines])
    _set_x(axes, picture)
    _set_y(axes, picture, scale)
    ends = [_draw_line(axes, line, kind, scale, look, picture.axis) for line, kind in _kinds(picture)]
    longest = LONGEST_NAME if not wide else min(LONGEST_NAME, int(LETTERS * size[0]))
    names = line_labels.shorten_all([plain(line.name) for line in picture.lines], longest)
    names = with_counts(names, [line.curve.n for line in picture.lines])
    title = picture.title and figure.suptitle(
        wrap(picture.title, round(13.2 * size[0]) if look.aspect else 96 if wide else 43),
        ha="left", x=0.01, fontsize=TITLE, fontweight="bold",
    )  # fmt: skip
    write_notes(figure, [*_legend_notes(picture), *picture.notes], look, grows=True)
    line_labels.label(figure, axes, ends, names, wide=wide)
    if title:
        title.set_x(axes.get_position().x0)
    return figure


def _size(picture: Picture, look: Look, *, wide: bool) -> tuple[tuple[float, float], float]:
    """Return the inches of a figure, so high that a legend of all its lines fits, and its dots an inch."""
    count, longest = len(picture.lines), max(len(line.name) for line in picture.lines)
    beside = 0.7 + 0.145 * count + 0.1 * len(picture.notes) if count > MANY else 0.0
    names = 0.13 * (count if longest > 20 else math.ceil(count / 2))
    height = max(2.9, beside) if wide else max(2.4, 2.1 + names if count > 3 else 0.0)
    inches, high = look.size("page" if wide else "column", height)
    larger = 1.0 if look.aspect is None else max(1.0, (beside if wide else (0.85 + names) / 0.6) / high)
    return (inches * larger, high * larger), look.dpi / larger


def _kinds(picture: Picture) -> Iterator[tuple[ChartLine, tuple[str, Any]]]:
    """Give each line its marker and dashes: the dashes differ where the colour does not."""
    seen: dict[str, int] = {}
    marks = [line.mark for line in picture.lines]
    if not all(marks):
        marks = markers_for([line.colour for line in picture.lines])
    for line, mark in zip(picture.lines, marks, strict=True):
        turn = seen[line.colour] = seen.get(line.colour, -1) + 1
        yield line, (mark, _DASHES[turn % len(_DASHES)])


def _draw_line(
    axes: Axes, line: ChartLine, kind: tuple[str, Any], scale: Scale, look: Look, axis: Axis
) -> line_labels.End:
    mark, dashes = kind[0][:1], kind[1]  # the shape of an experiment; dashes tell its seeds apart
    curve, colour = line.curve, line.colour
    if curve.low is not None and curve.high is not None:
        low, high = curve.low / scale.size, curve.high / scale.size
        axes.fill_between(curve.x, low, high, color=colour, alpha=0.18, linewidth=0)
    for thin in _thin(curve):
        axes.plot(curve.x, thin / scale.size, color=colour, alpha=0.3, linewidth=0.5)
    for x, y in curve.crosses:
        axes.plot(x, y / scale.size, "x", color=colour, markersize=4.5, markeredgewidth=1.0, zorder=3)
    kind_of_line: dict[str, Any] = {
        "color": colour, "linewidth": 1.2 if np.isfinite(curve.y).sum() <= DENSE else 0.9, "clip_on": False,
        "marker": SHAPES[mark], "markersize": SIZES.get(mark, 3.6), "markeredgewidth": 0.5,
        "markerfacecolor": look.ground if mark in HOLLOW else colour,
        "markeredgecolor": colour if mark in HOLLOW else look.ground,
    }  # fmt: skip
    at_epochs = _is_whole(curve.x) if axis == "epoch" else np.isin(curve.x, list(line.epochs))
    if curve.rest is not None:
        rest = curve.rest / scale.size
        axes.plot(curve.x, rest, linestyle=REST, markevery=_marked(rest, at_epochs), **kind_of_line)
    whole = curve.whole / scale.size
    (artist,) = axes.plot(
        curve.x, whole, linestyle=dashes, markevery=_marked(whole, at_epochs), **kind_of_line
    )
    last = np.flatnonzero(np.isfinite(curve.y))[-1]
    return line_labels.End(artist, colour, float(curve.x[last]), float(curve.y[last]) / scale.size)


def _thin(curve: Curve) -> Sequence[Array]:
    """Return what is drawn faintly: each of a few seeds, else the values before they were smoothed."""
    if curve.seeds is not None and curve.n <= FEW:
        return list(curve.seeds)
    return [] if curve.raw is None else [curve.raw]


def _as_drawn(picture: Picture) -> Picture:
    """Return a picture with bands of one meaning and values that can be drawn: what is not finite is a gap."""
    lines = []
    for line, curve in zip(picture.lines, alike([line.curve for line in picture.lines]), strict=True):
        y, raw, seeds = (
            _drawable(values, positive=picture.log_y) for values in (curve.y, curve.raw, curve.seeds)
        )
        low, high = _drawable(curve.low), _drawable(curve.high)
        drawn = replace(curve, y=curve.y if y is None else y, raw=raw, seeds=seeds, low=low, high=high)
        lines.append(replace(line, curve=drawn))
    return replace(picture, lines=tuple(lines))


def _drawable(values: Array | None, *, positive: bool = False) -> Array | None:
    if values is None:
        return None
    there = np.isfinite(values) & ((values > 0) | (not positive))
    return np.where(there, np.clip(values, -LARGEST, LARGEST), np.nan)


def _marked(y: Array, at_epochs: Bools) -> list[int]:
    """Return which points to mark: the ends of epochs, where there are few; all of a few points beside no epoch's end.

    Points alone between gaps, where no line would show them, are marked too.

    Args:
        y: Values (N,).
        at_epochs: Which of them were measured at the end of an epoch (N,).
    """
    there = np.isfinite(y)
    around = np.concatenate(([False], there, [False]))
    alone = there & ~around[:-2] & ~around[2:]
    ends = there & at_epochs
    chosen = ends if ends.any() else there
    return [int(i) for i in np.flatnonzero(alone | (chosen & (chosen.sum() <= DENSE)))]


def _is_whole(epochs: Array) -> Bools:
    """Return which epochs (N,) are whole: steps of a share of one add up to nearly that."""
    return np.abs(epochs - np.round(epochs)) < 1e-6


def _set_x(axes: Axes, picture: Picture) -> None:
    ends = [line.curve.x[np.isfinite(line.curve.y)] for line in picture.lines]
    low, high = min(float(x.min()) for x in ends), max(float(x.max()) for x in ends)
    low, high = x_ends(low, high)
    size, unit = time_scale(high) if picture.axis == "time" else (1.0, "")
    if picture.view is not None:
        low, high = picture.view
    elif picture.axis == "epoch" and math.ceil(high) - high < 0.05 * (high - low):
        high = math.ceil(high)  # the last values of an epoch are logged a little before its end
    margin = 0.02 * (high - low)
    axes.set_xlim(low - margin, high + margin)
    ticks = linear_ticks(
        low / size, high / size, 7, PLAIN, whole=picture.axis in ("epoch", "step", "samples")
    )
    axes.set_xticks([tick * size for tick in ticks], Unit(kind="count").labels(ticks))
    axes.set_xlabel(x_title(picture.axis, unit))


def _set_y(axes: Axes, picture: Picture, scale: Scale) -> None:
    curves = [line.curve for line in picture.lines]
    columns = [[curve.y, curve.low, curve.high, *_thin(curve)] for curve in curves]
    values = [column for of_curve in columns for column in of_curve if column is not None]
    values += [np.array([y]) for curve in curves for _, y in curve.crosses]
    drawn = np.concatenate(values) / scale.size
    drawn = drawn[np.isfinite(drawn) & ((drawn > 0) | (not picture.log_y))]
    low, high = float(drawn.min()), float(drawn.max())
    if picture.log_y:
        axes.set_yscale("log")
        axes.minorticks_off()
        low, high = log_limits(low, high)
        ticks = log_ticks(low, high, 5)
        written = scale.unit.log_labels(ticks)
    else:
        low, high = scale.limits(low, high)
        ticks = linear_ticks(low, high, 5, scale.unit)
        written = scale.unit.labels(ticks)
    axes.set_ylim(low, high)
    axes.set_yticks(ticks, written)
    axes.set_ylabel(plain(picture.y_label) or plain(scale.title))


def _legend_notes(picture: Picture) -> list[str]:
    """Return what the drawing itself has to explain."""
    curves = [line.curve for line in picture.lines]
    counts = [curve.n for curve in curves]
    notes = []
    if max(counts) > 1:
        notes.append(f"Lines: mean over {seeds_in_words(counts)}.")
    else:
        notes.append(f"{seeds_in_words(counts)}{' each' * (len(counts) > 1)}.")
    if words := band_words(curves):
        thin = " Thin lines: the seeds." if any(1 < curve.n <= FEW for curve in curves) else ""
        notes.append(f"Bands: {words}.{thin}")
    if fewer := [(line.name, line.curve.fewer) for line in picture.lines if line.curve.fewer]:
        notes.append(f"Dashed: the mean of fewer seeds ({_listed(picture, fewer)}).")
    if lost := [
        (line.name, f"{line.curve.lost} of {line.curve.n}") for line in picture.lines if line.curve.lost
    ]:
        notes.append(f"Crosses: seeds that diverged, where the mean ends ({_listed(picture, lost)}).")
    if picture.smoothing:
        notes.append(f"Smoothed: exponential moving average, weight {picture.smoothing:g}.")
    return [" ".join(notes)]


def _listed(picture: Picture, lacks: Sequence[tuple[str, str]]) -> str:
    """Return what the seeds of lines lack, with the lines' names where a picture has several."""
    several = len(picture.lines) > 1
    return "; ".join(f"{name} {words}" if several else words for name, words in lacks)
