"""Curves as braille, in any number of points: each dot column shows the lowest and highest value that falls in it.

    points ──▶ Window ──▶ Spans (top and bottom dot of each dot column) ──▶ Canvas (2 x 4 dots a cell) ──▶ CellGrid

A spike of one point in a million keeps its dot at every zoom, because a column's span is taken over the raw points.
Neighbouring columns are joined by a line one dot thin; values that are not finite make a gap. A cell has room for one
colour, an "ink": a whole number that the caller later maps to a style.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len, get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.terminal.ascii_filter import ascii_shape

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

BLANK = 0x20
BRAILLE = 0x2800
NO_INK = -1
FINENESS = 16
"""Parts of a dot column whose lowest and highest points stand for all of their many points."""
_TAIL = 0  # stands in the second cell of a wide character
_TOP_DOWN = np.array([15, 14, 12, 8], np.uint8)  # from dot r of a cell to its last; bit r is dot r
_UP_TO = np.array([1, 3, 7, 15], np.uint8)  # from the first dot of a cell to dot r
_LEFT = np.array([sum(b for r, b in enumerate((1, 2, 4, 64)) if m >> r & 1) for m in range(16)], np.uint8)
_RIGHT = np.array([sum(b for r, b in enumerate((8, 16, 32, 128)) if m >> r & 1) for m in range(16)], np.uint8)


class Layer(IntEnum):
    """What hides what: a curve hides a faint one below it, and both hide a band."""

    BAND = 0
    FAINT = 1
    CURVE = 2


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


class Canvas:
    """A raster of `width` x `height` cells, each of 2 x 4 dots and one ink; what is drawn later wins a cell."""

    def __init__(self, width: int, height: int, window: Window) -> None:
        self.width, self.height, self.window = width, height, window
        self._dots = np.zeros((len(Layer), height, width), np.uint8)
        self._inks = np.full((len(Layer), height, width), NO_INK, np.int16)

    def curve(
        self, x: Floats, y: Floats, ink: int, layer: Layer = Layer.CURVE, *, dashed: bool = False
    ) -> None:
        """Draw points joined by lines.

        Args:
            x: Positions (N,), ascending.
            y: Values (N,); a gap where not finite.
            ink: The number of the style to draw in.
            layer: Which layer it lies on.
            dashed: Whether every second cell stays empty.
        """
        spans = self._spans(x, y)
        self._fill(spans.dashed() if dashed else spans, ink, layer)

    def band(self, x: Floats, low: Floats, high: Floats, ink: int) -> None:
        """Fill lightly between two curves.

        Args:
            x: Positions (N,), ascending.
            low: The lower curve (N,).
            high: The upper curve (N,).
            ink: The number of the style to draw in.
        """
        area = self._spans(x, high).between(self._spans(x, low))
        self._fill(area, ink, Layer.BAND)

    def cell(self, x: float, y: float) -> tuple[int, int] | None:
        """The (row, column) of the cell that shows a point, if it is in the window."""
        with np.errstate(all="ignore"):
            column = float(self.window.columns(np.array([x], np.float64), 2 * self.width)[0])
            row = float(self.window.rows(np.array([y], np.float64), 4 * self.height)[0])
        if -0.5 <= column < 2 * self.width - 0.5 and -0.5 <= row < 4 * self.height - 0.5:
            return int(np.rint(row)) // 4, int(np.rint(column)) // 2
        return None

    def cells(self, *, ascii_only: bool = False) -> tuple[NDArray[np.uint32], NDArray[np.int16]]:
        """What is drawn: a code point and an ink for each cell, (height, width) each; `NO_INK` where it is empty."""
        dots, inks = self._dots[Layer.BAND].copy(), self._inks[Layer.BAND].copy()
        for layer in (Layer.FAINT, Layer.CURVE):
            drawn = self._dots[layer] != 0
            np.copyto(dots, self._dots[layer], where=drawn)
            np.copyto(inks, self._inks[layer], where=drawn)
        if ascii_only:
            codes = _ascii_shapes()[dots]
            codes[(self._dots[Layer.BAND] != 0) & (self._dots[1:] == 0).all(axis=0)] = ord(":")
            return codes, inks
        codes = dots.astype(np.uint32) + np.uint32(BRAILLE)
        codes[dots == 0] = BLANK
        return codes, inks

    def covered(self) -> Bools:
        """The cells that a curve goes through, faint ones and bands included; (height, width)."""
        covered: Bools = (self._dots != 0).any(axis=0)
        return covered

    def _spans(self, x: Floats, y: Floats) -> Spans:
        return Spans.of(x, y, self.window, 2 * self.width, 4 * self.height)

    def _fill(self, spans: Spans, ink: int, layer: Layer) -> None:
        column = np.flatnonzero(spans.top <= spans.bottom)
        if not column.size:
            return
        top, bottom = spans.top[column], spans.bottom[column]
        first, last = top >> 2, bottom >> 2
        count = last - first + 1
        at = np.repeat(np.arange(column.size), count)
        row = np.arange(at.size) - np.repeat(np.cumsum(count) - count - first, count)
        halves = np.full(at.size, 15, np.uint8)
        halves[row == first[at]] = _TOP_DOWN[top & 3]
        halves[row == last[at]] &= _UP_TO[bottom & 3]
        if layer is Layer.BAND:
            halves &= np.where(column[at] & 1, 10, 5).astype(np.uint8)
        columns = np.zeros((self.height, 2 * self.width), np.uint8)
        columns[row, column[at]] = halves
        dots = _LEFT[columns[:, 0::2]] | _RIGHT[columns[:, 1::2]]
        self._dots[layer] |= dots
        self._inks[layer][dots != 0] = ink


def _ascii_shapes() -> NDArray[np.uint32]:
    """The ASCII character closest to each of the 256 braille patterns, as code points."""
    return np.array([ord(ascii_shape(pattern)) for pattern in range(256)], np.uint32)


class CellGrid:
    """A grid of characters with an ink each: the last step before the screen."""

    def __init__(self, width: int, height: int, ink: int = 0) -> None:
        self.width, self.height = width, height
        self.codes = np.full((height, width), BLANK, np.uint32)
        self.inks = np.full((height, width), ink, np.int16)

    def copy(self) -> CellGrid:
        """A sheet that can be written on without changing this one."""
        other = CellGrid(0, 0)
        other.width, other.height = self.width, self.height
        other.codes, other.inks = self.codes.copy(), self.inks.copy()
        return other

    def write(self, row: int, column: int, text: str, ink: int) -> int:
        """Write text from a cell on, cut at the right edge, and return the column after it.

        A character that is two cells wide takes two.

        Args:
            row: The row; outside the sheet nothing is written.
            column: The first column.
            text: Characters of one or two cells each.
            ink: The number of the style to draw in.
        """
        if not 0 <= row < self.height:
            return column
        if column >= 0 and cell_len(text) == len(text):
            text = text[: max(self.width - column, 0)]
            end = column + len(text)
            self.codes[row, column:end] = np.frombuffer(text.encode("utf-32-le", "replace"), "<u4")
            self.inks[row, column:end] = ink
            return end
        for character in text:
            size = get_character_cell_size(character)
            if column < 0 or column + size > self.width:
                break
            self.codes[row, column] = ord(character)
            self.codes[row, column + 1 : column + size] = _TAIL
            self.inks[row, column : column + size] = ink
            column += size
        return column

    def paste(self, row: int, column: int, lines: Sequence[str], ink: int) -> None:
        """Write a block of lines, which has to fit.

        Args:
            row: The first row.
            column: The first column.
            lines: Lines of equal length, each character one cell wide.
            ink: The number of the style to draw in.
        """
        codes = np.frombuffer("".join(lines).encode("utf-32-le"), "<u4").reshape(len(lines), -1)
        part = np.s_[row : row + codes.shape[0], column : column + codes.shape[1]]
        self.codes[part], self.inks[part] = codes, ink

    def strips(self, styles: Sequence[Style]) -> list[Strip]:
        """One strip a row; ink i is drawn in `styles[i]`."""
        if not self.width or not self.height:
            return [Strip([], self.width) for _ in range(self.height)]
        seen = self.codes != BLANK
        nearest = np.maximum.accumulate(np.where(seen, np.arange(self.width), 0), axis=1)
        inks = np.take_along_axis(
            self.inks, nearest, axis=1
        )  # a blank takes its left neighbour's ink: fewer segments
        starts = np.ones(inks.shape, np.bool_)
        starts[:, 1:] = inks[:, 1:] != inks[:, :-1]
        flat = np.flatnonzero(starts)
        bounds = [*flat.tolist(), inks.size]
        colours = inks.ravel()[flat].tolist()
        text = self.codes.astype("<u4").tobytes().decode("utf-32-le", "replace")
        rows: list[list[Segment]] = [[] for _ in range(self.height)]
        for index, ink in enumerate(colours):
            start = bounds[index]
            run = text[start : bounds[index + 1]]
            rows[start // self.width].append(Segment(run.replace("\0", ""), styles[ink]))
        return [Strip(segments, self.width) for segments in rows]
