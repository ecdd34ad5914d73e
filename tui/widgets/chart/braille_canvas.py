"""Curves as braille, in any number of points, in cells of 2 x 4 dots.

    Spans (dot_spans.py) ──▶ Canvas (2 x 4 dots a cell) ──▶ CellGrid

A cell has room for one colour, an "ink": a whole number that the caller later maps to a style.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len, get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.terminal.ascii_text import ascii_shape
from tui.widgets.chart.dot_spans import Bools, Floats, Spans, Window

BLANK = 0x20
BRAILLE = 0x2800
NO_INK = -1
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
