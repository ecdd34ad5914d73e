"""What a run has measured at one moment: the feed's thread reads on, and nothing here changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine.history.column_store import PLACE
from engine.history.reader import History

if TYPE_CHECKING:
    from engine.analysis.curves import Curve
    from engine.catalog.metrics import Axis
    from engine.history.column_store import Array, Block, Column, Table


class _Place(NamedTuple):
    """Where the points of a metric are."""

    column: Column
    """Says which metric of which reading it is; its own block may be another by now."""
    block: Block
    row: int
    """Of the table of its block."""


class RunColumns:
    """The columns of a run with their places on an axis. They are views: a moment takes next to no memory.

    Args:
        run: Its id.
        history: Its events as far as they are read.
        axis: What x is.
    """

    def __init__(self, run: str, history: History, axis: Axis) -> None:
        self.run = run
        self._state = _state(history, axis)
        self._length = history.offset if axis == "joules" else None
        self._seams = _seams(history, axis)
        self.columns = {
            name: _Place(column, column.block, len(PLACE) + column.index)
            for name, column in history.columns.items()
        }
        """By metric."""
        self._tables: dict[Block, tuple[Array, Table]] = {}
        """The places (N,) and points (3 + width, N) of the metrics that were measured together."""
        self._has_places: dict[Block, bool] = {}
        for name, place in self.columns.items():
            if place.block not in self._tables:
                x, _ = history.series(name, axis)
                self._tables[place.block] = x, place.block.table()

    def is_current(self, history: History, axis: Axis) -> bool:
        """Return whether a run has said nothing since."""
        return self._state == _state(history, axis)

    def source(self, metric: str) -> object:
        """Return what is equal for two moments between which a metric has no news."""
        place = self.columns[metric]
        length = len(self._tables[place.block][0]) if self._length is None else self._length
        return self._state[1:3], place.column, length

    def has_places(self, metric: str) -> bool:
        """Return whether a point of a metric has a place on the axis."""
        import numpy as np

        block = self.columns[metric].block
        if (has_places := self._has_places.get(block)) is None:
            has_places = self._has_places[block] = bool(np.isfinite(self._tables[block][0]).any())
        return has_places

    def curve(self, metric: str, smoothing: float) -> Curve:
        """Return the curve of a metric."""
        from engine.analysis.curves import curve_of
        from engine.analysis.memory_curves import is_memory

        place = self.columns[metric]
        x, table = self._tables[place.block]
        return curve_of(self.run, x, table[place.row], smoothing, self._seams, highest=is_memory(metric))


def _state(history: History, axis: Axis) -> tuple[object, Axis, int, int]:
    return history, axis, len(history.starts), history.offset


def _seams(history: History, axis: Axis) -> tuple[float, ...]:
    """Return where on the x axis a run was resumed."""
    if axis == "step":
        return tuple(float(step) for step in history.seams)
    if axis == "epoch":
        return tuple(start.epoch for start in history.starts[1:] if start.epoch is not None)
    return ()
