"""The curves of `vitui plot`: the events of its runs, read on from call to call, as lines of charts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from engine.analysis.curves import Curve, bounds_of, curve_of, mean_over_seeds
from engine.analysis.memory_curves import is_memory
from engine.catalog.metrics import Axis
from engine.history.reader import History
from engine.history.x_axes import TIMELESS
from engine.runs.store import Store
from tui.app_options import theme_of
from tui.commands.plotted_runs import PlottedCurve, PlottedRuns
from tui.curve_palette import shown_in
from tui.state.chart_line import ChartLine

USUAL: Axis = "epoch"
OTHERWISE: Axis = "step"
"""The axis of runs that count no epochs."""


class Chart(NamedTuple):
    """What one metric's chart shows."""

    metric: str
    axis: Axis
    lines: tuple[ChartLine, ...]
    remarks: tuple[str, ...]
    """What is not drawn, and why."""


class CurveReader:
    """Keeps what it has read of each run.

    Args:
        store: The folder of runs.
        axis: What is drawn over; None for epochs, or steps where no run counts epochs.
    """

    def __init__(self, store: Store, axis: Axis | None) -> None:
        self._store = store
        self._axis = axis
        self._theme = theme_of(os.environ)
        self._histories: dict[tuple[str, tuple[str, ...]], History] = {}

    def charts(self, plotted: PlottedRuns) -> list[Chart]:
        """Return a chart for each metric, of what its runs have said by now."""
        axis = self._axis or self._usual_axis(plotted)
        return [self._chart(plotted, metric, axis) for metric in plotted.metrics]

    def _usual_axis(self, plotted: PlottedRuns) -> Axis:
        drawn = [plotted.runs[run].status for curve in plotted.curves for run in curve.runs]
        return (
            USUAL
            if any(status.epoch > 0 for status in drawn) or not any(s.step for s in drawn)
            else OTHERWISE
        )

    def _chart(self, plotted: PlottedRuns, metric: str, axis: Axis) -> Chart:
        curves = {each: self._curve(plotted, each, metric, axis) for each in plotted.curves}
        lines, remarks = [], []
        for each, curve in curves.items():
            if curve is not None and _has_something(curve):
                lines.append(
                    ChartLine(each.name, shown_in(each.sign.colour, self._theme), curve, each.sign.mark)
                )
            else:
                remarks.append(f"not drawn: {each.name}, {_why_not(plotted, each, curve, metric, axis)}")
            if curve is not None and curve.missing:
                remarks.append(f"{each.name}: {curve.missing}")
        return Chart(metric, axis, tuple(lines), tuple(remarks))

    def _curve(self, plotted: PlottedRuns, curve: PlottedCurve, metric: str, axis: Axis) -> Curve | None:
        """Return the mean over the runs of a curve that have measured a metric, None where none has."""
        only = plotted.metrics if axis in TIMELESS else ()
        points = {run: self._history(run, only).series(metric, axis) for run in curve.runs}
        highest = is_memory(metric)
        members = [curve_of(run, *xy, highest=highest) for run, xy in points.items() if len(xy[0])]
        if not members:
            return None
        finished = {run for run in curve.runs if plotted.runs[run].status.state == "finished"}
        return mean_over_seeds(members, bounds_of(metric), finished=finished)

    def _history(self, run: str, only: Sequence[str]) -> History:
        """Return what a run has said by now: the metrics of ``only``, or all of it."""
        key = (run, tuple(only))
        if (history := self._histories.get(key)) is None:
            history = self._histories[key] = History(self._store.root / run, key[1] or None)
        history.update()
        return history


def _has_something(curve: Curve) -> bool:
    """Return whether there is a point to draw, or of seeds that diverged what came of the others."""
    there = bool((np.isfinite(curve.x) & np.isfinite(curve.values)).any())
    return there or (curve.outcome is not None and curve.n > 1 and bool(np.isfinite(curve.x).any()))


def _why_not(plotted: PlottedRuns, each: PlottedCurve, curve: Curve | None, metric: str, axis: Axis) -> str:
    if curve is None:
        states: Mapping[str, None] = dict.fromkeys(plotted.runs[run].status.state for run in each.runs)
        return f"no {metric} ({', '.join(states)})"
    return f"no finite {metric}" if len(curve.x) else f"its runs do not know {axis}"
