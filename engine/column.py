"""One metric over a run, in a form that grows cheaply and is looked at without a copy."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[tuple[int], np.dtype[np.float64]]
    Table = np.ndarray[tuple[int, int], np.dtype[np.float64]]

FIELDS = ("step", "epoch", "time", "value")


class Column:
    """Where and what: steps, epochs, times and values, in order of step.

    New points wait in arrays; whoever looks has them moved behind the others. What was looked at once stays as it is:
    later points stand behind it, and dropping some leaves the old table to those who hold it.
    """

    __slots__ = ("_count", "_new", "_table")

    def __init__(self) -> None:
        self._new = tuple(array("d") for _ in FIELDS)
        self._table: Table | None = None
        """(4, N) with N at least ``_count``."""
        self._count = 0

    def __len__(self) -> int:
        return self._count + len(self._new[0])

    def append(self, step: float, epoch: float, time: float, value: float) -> None:
        """Add a point."""
        steps, epochs, times, values = self._new
        steps.append(step)
        epochs.append(epoch)
        times.append(time)
        values.append(value)

    def extend(
        self, steps: array[float], epochs: array[float], times: array[float], values: array[float]
    ) -> None:
        """Add points, all arrays of one length."""
        for field, more in zip(self._new, (steps, epochs, times, values), strict=True):
            field.extend(more)

    def table(self) -> Table:
        """Return all points (4, N): steps, epochs, times and values. A view; not to be written to."""
        import numpy as np

        more = len(self._new[0])
        if self._table is None or self._count + more > self._table.shape[1]:
            grown = np.empty((len(FIELDS), max(64, 2 * (self._count + more))))
            if self._table is not None:
                grown[:, : self._count] = self._table[:, : self._count]
            self._table = grown
        if more:
            for row, field in zip(self._table, self._new, strict=True):
                row[self._count : self._count + more] = field
                del field[:]
            self._count += more
        return self._table[:, : self._count]

    def truncate(self, step: float) -> None:
        """Drop the points after ``step``: a resumed run measures them anew."""
        import numpy as np

        table = self.table()
        before = np.flatnonzero(table[0] <= step)
        keep = int(before[-1]) + 1 if len(before) else 0
        self._table, self._count = table[:, :keep].copy(), keep
