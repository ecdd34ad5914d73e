"""Metrics that are measured together, as columns that grow cheaply and are read without a copy."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[tuple[int], np.dtype[np.float64]]
    Table = np.ndarray[tuple[int, int], np.dtype[np.float64]]

PLACE = ("step", "epoch", "time")
"""What says where a point is: the first rows of a block, which its metrics share."""
LEAST = 64
LARGE = 16 * 1024
"""Points from which a table grows by a quarter of itself, not to twice: room that stands empty is memory too."""


class Block:
    """Steps, epochs, times, and the values of each of its metrics, in the order in which they came.

    New points wait in arrays and move behind the others at the next reading. Views that were handed out stay valid:
    later points are added behind them, and dropping points makes a new table.

    Args:
        width: How many metrics.
    """

    __slots__ = ("_count", "_new", "_table")

    def __init__(self, width: int) -> None:
        self._new = [array("d") for _ in range(len(PLACE) + width)]
        self._table: Table | None = None
        """(3 + width, N) with N at least ``_count``."""
        self._count = 0

    def __len__(self) -> int:
        return self._count + len(self._new[0])

    @property
    def width(self) -> int:
        """How many metrics there are."""
        return len(self._new) - len(PLACE)

    def append(self, step: float, epoch: float, time: float, values: Sequence[float]) -> None:
        """Add a point of each metric.

        Args:
            step: Optimizer steps so far.
            epoch: Epochs so far.
            time: Seconds since the epoch, UTC.
            values: One value for each metric, in the block's order.
        """
        for field, number in zip(self._new, (step, epoch, time, *values), strict=True):
            field.append(number)

    def extend(
        self,
        steps: array[float],
        epochs: array[float],
        times: array[float],
        values: Sequence[array[float]],
    ) -> None:
        """Add points; all arrays have one length (N,).

        Args:
            steps: Optimizer steps so far.
            epochs: Epochs so far.
            times: Seconds since the epoch, UTC.
            values: An array (N,) for each metric, in the block's order.
        """
        for field, more in zip(self._new, (steps, epochs, times, *values), strict=True):
            field.extend(more)

    def table(self) -> Table:
        """Return all points (3 + width, N): steps, epochs, times and the metrics. A view; not to be written to."""
        import numpy as np

        more = len(self._new[0])
        count = self._count + more
        if self._table is None or count > self._table.shape[1]:
            room = count // 4 if count > LARGE else max(LEAST, count)
            grown = np.empty((len(self._new), count + room))
            if self._table is not None:
                grown[:, : self._count] = self._table[:, : self._count]
            self._table = grown
        if more:
            for row, field in zip(self._table, self._new, strict=True):
                row[self._count : count] = field
                del field[:]
            self._count = count
        return self._table[:, : self._count]

    def truncate(self, step: float) -> None:
        """Drop the points after ``step``: a resumed run measures them anew."""
        import numpy as np

        table = self.table()
        before = np.flatnonzero(table[0] <= step)
        keep = int(before[-1]) + 1 if len(before) else 0
        self._table, self._count = table[:, :keep].copy(), keep

    def of(self, metrics: Sequence[int]) -> Block:
        """Return a block of its own with all points of some metrics, by their indices in this one."""
        block = Block(len(metrics))
        rows = [*range(len(PLACE)), *(len(PLACE) + metric for metric in metrics)]
        block._table, block._count = self.table()[rows], len(self)
        return block


class Column:
    """One metric: its index in the block of those that were always measured together with it."""

    __slots__ = ("block", "index")

    def __init__(self, block: Block, index: int) -> None:
        self.block = block
        self.index = index

    def __len__(self) -> int:
        return len(self.block)

    def points(self) -> tuple[Array, Array, Array, Array]:
        """Return steps, epochs, times and values, all (N,). Views; not to be written to."""
        table = self.block.table()
        return table[0], table[1], table[2], table[len(PLACE) + self.index]
