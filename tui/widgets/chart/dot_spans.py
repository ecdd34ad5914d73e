"""Where curves fall among the dots of a raster: each dot column has the lowest and highest value that falls in it.

    points ──▶ Window ──▶ Spans (top and bottom dot of each dot column)

A spike of one point in a million keeps its dot at every zoom, because a column's span is taken over the raw points.
Neighbouring columns are joined by a line one dot thin; values that are not finite make a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

FINENESS = 16
"""Parts of a dot column whose lowest and highest points stand for all of their many points."""


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the plane that a canvas shows, in data units; `left < right` and `bottom < top`."""

    left: float
    right: float
    bottom: float
    top: float
    log_y: bool = False

    def columns(self, x: Floats, dots: int) -> Floats:
        """Where each x falls among `dots` columns, from 0 at `left` to dots - 1 at `right`; not rounded."""
        return _scaled(x, self.left, self.right, dots)

    def rows(self, y: Floats, dots: int) -> Floats:
        """Where each y falls among `dots` rows, from 0 at `top`; not finite where y has no place."""
        if self.log_y:
            y = np.log10(np.where(y > 0, y, np.nan))
            return _scaled(y, float(np.log10(self.top)), float(np.log10(self.bottom)), dots)
        return _scaled(y, self.top, self.bottom, dots)


def _scaled(values: Floats, start: float, end: float, dots: int) -> Floats:
    # in halves, so that the whole range of a float can be a window
    with np.errstate(over="ignore"):  # what is too far outside is infinitely far outside
        return (values * 0.5 - start * 0.5) * ((dots - 1) / (end * 0.5 - start * 0.5))


@dataclass(frozen=True, slots=True)
class Spans:
    """The first and last dot row of each dot column; `top > bottom` where a column is empty."""

    top: Ints
    bottom: Ints

    @classmethod
    def of(cls, x: Floats, y: Floats, window: Window, columns: int, rows: int) -> Spans:
        """Return the spans that points reduce to.

        Args:
            x: Positions, ascending.
            y: Values of the same length; a gap where not finite.
            window: What is shown. One point on each side of it still counts, for the line that leaves the picture.
            columns: Dot columns of the picture.
            rows: Dot rows of the picture.
        """
        spans = cls(np.full(columns, rows, np.int64), np.full(columns, -1, np.int64))
        with np.errstate(all="ignore"):
            column, row, piece = _points(x, y, window, columns, rows)
        if not column.size:
            return spans
        start = np.flatnonzero(np.concatenate(([True], column[1:] != column[:-1])))
        end = np.concatenate((start[1:], [column.size])) - 1
        spans.top[column[start]] = np.minimum.reduceat(row, start)
        spans.bottom[column[start]] = np.maximum.reduceat(row, start)
        joined = piece[end[:-1]] == piece[start[1:]]
        before, after = end[:-1][joined], start[1:][joined]
        spans._join(column[before], row[before], column[after], row[after])
        np.maximum(spans.top, 0, out=spans.top)
        np.minimum(spans.bottom, rows - 1, out=spans.bottom)
        return spans

    def between(self, other: Spans) -> Spans:
        """The area from these spans down to `other`, in the columns that both have."""
        both = (self.top <= self.bottom) & (other.top <= other.bottom)
        top, bottom = np.minimum(self.top, other.top), np.maximum(self.bottom, other.bottom)
        return Spans(np.where(both, top, 1), np.where(both, bottom, 0))

    def dashed(self) -> Spans:
        """The spans in every second pair of dot columns, which is a cell."""
        drawn = np.arange(len(self.top)) % 4 < 2
        return Spans(np.where(drawn, self.top, 1), np.where(drawn, self.bottom, 0))

    def _join(self, c0: Ints, r0: Ints, c1: Ints, r1: Ints) -> None:
        """Draw a line from each (c0, r0) to its (c1, r1), so thin that no two columns share a row where it is steep."""
        if not c0.size:
            return
        rise, run = r1 - r0, c1 - c0
        sign = np.sign(rise)
        first = r0 + _share(rise, 1, 2 * run)
        last = r0 + _share(rise, 2 * run - 1, 2 * run)
        self._extend(c0, r0, first)
        self._extend(c1, np.where(last == r1, r1, last + sign), r1)
        wide = np.flatnonzero(run > 1)
        if not wide.size:
            return
        inner = run[wide] - 1
        line = np.repeat(wide, inner)
        step = np.arange(line.size) - np.repeat(np.cumsum(inner) - inner, inner) + 1
        enter = r0[line] + _share(rise[line], 2 * step - 1, 2 * run[line])
        leave = r0[line] + _share(rise[line], 2 * step + 1, 2 * run[line])
        self._extend(c0[line] + step, np.where(enter == leave, leave, enter + sign[line]), leave)

    def _extend(self, column: Ints, a: Ints, b: Ints) -> None:
        self.top[column] = np.minimum(self.top[column], np.minimum(a, b))
        self.bottom[column] = np.maximum(self.bottom[column], np.maximum(a, b))


def _share(rise: Ints, part: Ints | int, whole: Ints) -> Ints:
    """`rise * part / whole`, rounded towards zero."""
    share = np.abs(rise) * part // whole
    return np.where(rise < 0, -share, share)


def _points(x: Floats, y: Floats, window: Window, columns: int, rows: int) -> tuple[Ints, Ints, Ints]:
    """Points as dots: column, row, and the number of the unbroken piece that each belongs to."""
    first = max(int(np.searchsorted(x, window.left, "left")) - 1, 0)
    last = int(np.searchsorted(x, window.right, "right")) + 1
    x, y = x[first:last], y[first:last]
    if y.size > 4 * FINENESS * columns and np.isfinite(y).all() and not (window.log_y and y.min() <= 0):
        x, y = _thin(x, y, FINENESS * columns)
    across, down = window.columns(x, columns), window.rows(y, rows)
    good: Bools = np.isfinite(across) & np.isfinite(down)
    piece: Ints = np.zeros(across.size, np.int64)
    if not good.all():
        piece = np.cumsum(~good, dtype=np.int64)[good]
        across, down = across[good], down[good]
    across, down, piece = _cut(across, down, piece, columns)
    column: Ints = np.rint(across).astype(np.int64)
    row: Ints = np.rint(np.clip(down, -rows, 2 * rows)).astype(np.int64)
    return column, row, piece


def _thin(x: Floats, y: Floats, parts: int) -> tuple[Floats, Floats]:
    """Keep the first point, the last ones, and of each part the lowest and the highest."""
    length = y.size // parts
    table = y[: length * parts].reshape(parts, length)  # (parts, length)
    extremes = np.sort(np.stack((table.argmin(1), table.argmax(1)), 1), 1)  # (parts, 2)
    kept = (extremes + length * np.arange(parts)[:, None]).ravel()
    kept = np.concatenate(([0], kept, np.arange(length * parts - 1, y.size)))
    return x[kept], y[kept]


def _cut(across: Floats, down: Floats, piece: Ints, columns: int) -> tuple[Floats, Floats, Ints]:
    """Move the outer points, one at each end at most, along their lines to the edge; drop one without a line."""
    outside = (across <= -0.5) | (across >= columns - 0.5)
    if not outside.any():
        return across, down, piece
    moved, keep = (across.copy(), down.copy()), ~outside
    for point, neighbour, edge in ((0, 1, 0.0), (across.size - 1, across.size - 2, columns - 1.0)):
        if outside[point] and 0 <= neighbour < across.size and piece[neighbour] == piece[point]:
            way = (edge - across[point]) / (across[neighbour] - across[point])
            moved[0][point], moved[1][point] = edge, down[point] * (1 - way) + down[neighbour] * way
            keep[point] = 0 <= way <= 1
    return moved[0][keep], moved[1][keep], piece[keep]
