"""The curves of the watched runs: reads their events on, a piece at a time, and keeps the curves that have no news."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping
from typing import Any

from engine.catalog.metrics import AXES, Axis
from engine.history.reader import CHUNK, History
from engine.runs.store import Run
from tui.feed import refresh_rate
from tui.feed.lazy_curves import LazyCurves
from tui.feed.measured_columns import RunColumns
from tui.state.snapshot import Watch

LONG_FILE = 8 * 1024 * 1024
"""Unread bytes of a run from which a preview of it is shown first: reading them takes a tenth of a second."""


class CurveReader:
    """Reads the events of the watched runs, and makes curves of their columns."""

    def __init__(self) -> None:
        self._until = math.inf
        self.histories: dict[str, History] = {}
        """The watched runs' events, as far as they were read."""
        self._previews: dict[str, History] = {}
        """What is shown of runs while their long files are read."""
        self._columns: dict[str, RunColumns] = {}
        """What the runs of the last look had measured."""
        self._curves: LazyCurves | None = None
        """The curves of the last look."""

    def stop_at(self, moment: float) -> None:
        """Read no further than to a moment, in seconds since the epoch."""
        self._until = moment
        for history in self.histories.values():
            history.stop_at(moment)

    def _history(self, run: Run) -> History:
        history = History(run.path)
        history.stop_at(self._until)
        return history

    def read(self, runs: Mapping[str, Run], watch: Watch) -> tuple[set[str], bool]:
        """Read on in the watched runs, for ``READ_BUDGET_S``.

        Returns:
            The runs with news, and whether there is more to read than the time allowed.
        """
        watched = [name for name in dict.fromkeys((*watch.runs, watch.focus)) if name in runs]
        self.histories = {
            name: self.histories.get(name) or self._history(runs[name]) for name in watched if name
        }
        runs_read, deadline = set(), time.monotonic() + refresh_rate.READ_BUDGET_S
        if self._until == math.inf and (previewed := self._preview(runs)):
            return previewed, True
        for name, history in self.histories.items():
            while history.update(CHUNK):
                runs_read.add(name)
                if time.monotonic() > deadline:
                    return runs_read, True
            self._previews.pop(name, None)
        return runs_read, False

    def _preview(self, runs: Mapping[str, Run]) -> set[str]:
        """Make a preview of each run of which much is unread; return which have a new one."""
        self._previews = {name: preview for name, preview in self._previews.items() if name in self.histories}
        long = {
            name
            for name, history in self.histories.items()
            if name not in self._previews and history.behind > LONG_FILE
        }
        if long:
            from engine.history.preview import sketch

            self._previews |= {name: sketch(runs[name].path) for name in long}
        return long

    def curves(self, watch: Watch, finished: Collection[str]) -> LazyCurves:
        """Return the curves by metric; one without news is the same object as before, and its chart is not redrawn.

        Args:
            watch: Which runs, over which axis, how smooth, and which of them are one curve.
            finished: The runs that have finished.
        """
        before = self._columns
        self._columns = {}
        for name in watch.runs:
            if (history := self._previews.get(name) or self.histories.get(name)) is None:
                continue
            columns = before.get(name)
            if columns is None or not columns.is_current(history, watch.axis):
                columns = RunColumns(name, history, watch.axis)
            self._columns[name] = columns
        runs = tuple(self._columns.values())
        self._curves = LazyCurves(runs, watch.smoothing, watch.folds, finished, self._curves)
        return self._curves

    def axes(self, watch: Watch) -> frozenset[Axis]:
        """Return the axes on which one of the watched runs at least can be drawn; all, where nothing is read yet."""
        histories = (self._previews.get(name) or self.histories.get(name) for name in watch.runs)
        found = [history.axes for history in histories if history is not None and history.columns]
        return frozenset().union(*found) if found else frozenset(AXES)

    def config(self, run: str) -> Mapping[str, Any]:
        """Return the settings with which a run's last attempt began; empty where its events do not tell them."""
        history = self.histories.get(run)
        return history.starts[-1].config if history and history.starts else {}
