"""The whole picture of a chart, from curves to strips, without a widget around it.

    ╭─ test/f1 ───────────────── epoch ─╮   chart_border.py: the box
    │.60┤┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈⣀⣀⡠⠤⠤⠒⠒⠒⠉◆│   plotext_frame.py: the frame
    │.30┤      ⢀⣀⠤⠤⠒⠒⠉⠉⠁             │   braille_canvas.py: curves
    │.00┤⣀⠤⠒⠉⠁                        │
    │   └┬──────┬──────┬──────┬───────│
    │    1      3      5      7       │
    ╰─ ◆.615 ───────────────────────────╯   legend.py: which is which

What does not fit is left out: first the x axis (its ends move into the box), then the y axis, then the box.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from engine.analysis.curves import alike, band_words
from tui import axis_ticks
from tui.widgets.chart.axis_limits import window_of, x_limits
from tui.widgets.chart.braille_canvas import Canvas, CellGrid, Layer
from tui.widgets.chart.chart_border import Setting, draw_bottom, draw_box, draw_top, legend_of
from tui.widgets.chart.dot_spans import Bools, Floats, Window
from tui.widgets.chart.inks_and_glyphs import Ink, Tone, ink_of, marks_of
from tui.widgets.chart.legend import LegendEntry, fit, plain
from tui.widgets.chart.measured_points import places_of
from tui.widgets.chart.plotext_frame import Frame, frame_for
from tui.widgets.chart.series import Series, drawable
from tui.widgets.chart.value_text import BorderTexts

if TYPE_CHECKING:
    from tui.state.chart_line import ChartLine

ASIDE = 3
"""How many signs further a sign may stand, where others stand at its place."""


class Plot:
    """A chart drawn for one setting. What moves with the cursor is added by `draw`."""

    def __init__(
        self, lines: Sequence[ChartLine], setting: Setting, before: tuple[float, float] | None = None
    ) -> None:
        """Draw everything that does not move with the cursor.

        Args:
            lines: What to draw; later ones over earlier ones, pinned ones over all.
            setting: Size and axes.
            before: The ends of the x axis in the last picture, if it was of these curves when they were shorter.
        """
        self.setting = setting
        self._glyphs = setting.glyphs
        self._x_unit = axis_ticks.unit_of_axis(setting.x_label)
        self._lines = lines
        self._curves = alike([line.curve for line in lines])
        self._series = [Series.of(curve) for curve in self._curves]
        self._unit = axis_ticks.unit_of(setting.metric)
        self._texts = BorderTexts(setting.metric, self._unit, self._curves, self._series, self._glyphs)
        self._names = [plain(line.name) for line in lines]
        self._marks = marks_of(lines, ascii_only=setting.ascii_only)
        self._sheet = CellGrid(setting.width, setting.height, Ink.NOTE)
        self._origin = (0, 0)
        self._canvas: Canvas | None = None
        self._ends = ""
        """The ends of the x axis where it is not drawn."""
        self._covered: Bools = np.zeros((0, 0), np.bool_)
        self._crosses: set[tuple[int, int]] = set()
        """The cells that show where seeds diverged."""
        self.limits = x_limits(self._series, before)
        self.window = (
            window_of(self._series, self.limits, self._unit, view=setting.view, log_y=setting.log_y)
            if self.limits is not None
            else None
        )
        if setting.boxed:
            draw_box(self._sheet, self._glyphs)
        self._legend = legend_of(setting, self._entries(self._at_signs()), max(setting.height // 5, 1))
        if self.window is None:
            self._say_nothing()
        else:
            self._draw_inside(self.window)

    def draw(self, cursor: float | None, styles: Sequence[Style]) -> list[Strip]:
        """The finished picture, one strip a row.

        Args:
            cursor: An x to read all curves at, in data units, or None.
            styles: A style for each `Ink`, then three for each curve.
        """
        sheet, x_label, legend = self._sheet.copy(), plain(self.setting.x_label), self._legend
        places = [f"{self._ends} {x_label}".strip(), x_label]
        if (
            cursor is not None
            and np.isfinite(cursor)
            and self._canvas is not None
            and self.window is not None
        ):
            at = [series.at(cursor) for series in self._series]
            found = [
                float(s.x[point]) for s, point in zip(self._series, at, strict=True) if point is not None
            ]
            place = max(found, default=cursor)
            self._draw_cursor(sheet, place)
            self._draw_signs(sheet, self._canvas, at)
            texts = [self._texts.at(index, point) for index, point in enumerate(at)]
            legend = legend_of(self.setting, self._entries(texts), len(legend))
            places = [f"{x_label} {self._x_unit.exact(place)}"]
        elif self._canvas is not None:
            self._draw_signs(
                sheet, self._canvas, [self._last_seen(index) for index in range(len(self._lines))]
            )
        draw_top(sheet, self.setting, places)
        if self.setting.boxed:
            draw_bottom(sheet, self.setting, legend, self._band_words() if self._canvas is not None else ())
        return sheet.strips(styles)

    def _at_signs(self) -> list[tuple[str, str]]:
        """Return each curve's value where it has its sign, and the spread of its seeds there."""
        return [self._texts.at_sign(index, self._last_seen(index)) for index in range(len(self._lines))]

    def _last_seen(self, index: int) -> int | None:
        """Return the last point of a curve that is in view."""
        if self.window is None:
            return None
        series = self._series[index]
        part = series.within(self.window.left, self.window.right)
        seen = np.flatnonzero(drawable(series.y[part], log_y=self.window.log_y))
        return part.start + int(seen[-1]) if seen.size else None

    def _entries(self, texts: Sequence[tuple[str, str]]) -> list[LegendEntry]:
        """Return what is said of the curves, in the order of the list."""
        order = sorted(range(len(self._lines)), key=lambda index: self._lines[index].place)
        return [
            LegendEntry(
                self._marks[index], value, ink_of(index), spread,
                self._glyphs.moving if self._lines[index].live else "", self._names[index], self._lines[index].pinned,
                self._series[index].raw is not None and value != self._glyphs.none, self._is_point(index),
            )
            for index in order for value, spread in [texts[index]]
        ]  # fmt: skip

    def _is_point(self, index: int) -> bool:
        """Return whether a curve was measured once and goes on no more, beside one that is a line: where is its own?"""
        alone = len(self._series[index].x) == 1 and not self._lines[index].live
        return alone and any(len(series.x) > 1 for series in self._series)

    # ---- where things are

    @property
    def area(self) -> tuple[int, int, int, int]:
        """Left column, top row, width and height of the cells that curves are drawn in."""
        width, height = (self._canvas.width, self._canvas.height) if self._canvas else (0, 0)
        return self._origin[1], self._origin[0], width, height

    def x_at(self, column: int) -> float | None:
        """The x in the middle of a column of the picture, at most that of an end; None without curves."""
        if self._canvas is None or self.window is None:
            return None
        dots = 2 * self._canvas.width - 1
        share = min(max((2 * (column - self._origin[1]) + 0.5) / dots, 0.0), 1.0)
        return self.window.left * (1 - share) + self.window.right * share

    @cached_property
    def places(self) -> Floats:
        """The places in view where a curve was measured, ascending."""
        return places_of(self._series, self.window) if self.window is not None else np.zeros(0)

    def without_value(self, x: float) -> str | None:
        """Return the sign of the first curve, in the order of the list, that has no value at an x; None for none."""
        if self._canvas is None:
            return None
        order = sorted(range(len(self._lines)), key=lambda index: self._lines[index].place)
        return next((self._marks[index] for index in order if self._series[index].at(x) is None), None)

    def column_of(self, x: float) -> int | None:
        """The column of the picture that shows an x."""
        if self._canvas is None:
            return None
        dot = float(self._canvas.window.columns(np.array([x], np.float64), 2 * self._canvas.width)[0])
        inside = -0.5 <= dot < 2 * self._canvas.width - 0.5
        return self._origin[1] + int(np.rint(dot)) // 2 if inside else None

    # ---- words

    def _band_words(self) -> list[str]:
        """Return what bands mean, in more and less words."""
        if not (words := band_words(self._curves).replace("±", self._glyphs.spread)):
            return []
        short = "lowest to highest" if "lowest" in words else f"{self._glyphs.spread} sd"
        return [f"band: {words}", f"band: {short}", short]

    def _say_nothing(self) -> None:
        text = "no data yet"
        if self._series and not any(len(series.x) for series in self._series):
            text = f"no {axis_ticks.places_on(self.setting.x_label)}: x for another axis"
        elif any(bool(drawable(series.y, log_y=False).any()) for series in self._series):
            text = "nothing above zero" if self.setting.log_y else "nothing in this range"
        text = fit(text, max(self.setting.width - 2, 0), self._glyphs.dots)
        column = (self.setting.width - cell_len(text)) // 2
        self._sheet.write(self.setting.height // 2, column, text, Ink.NOTE)

    # ---- axes and curves

    def _draw_inside(self, window: Window) -> None:
        boxed = self.setting.boxed
        top, edge = 1, int(boxed)
        width, height = self.setting.width - 2 * edge, self.setting.height - top - edge
        height -= len(self._legend) - 1
        if width < 2 or height < 1:
            return
        frame = frame_for(window, width, height, self._unit, self.setting.x_label) if boxed else None
        left = 0
        if frame is not None:
            self._paste(frame, top, edge)
            left, width, height = frame.left, frame.width, frame.height
        self._origin = (top, edge + left)
        self._canvas = Canvas(width, height, window)
        if frame is None or not frame.labelled:
            self._ends = self._glyphs.none.join(self._x_unit.labels([window.left, window.right]))
        self._draw_curves(self._canvas)

    def _paste(self, frame: Frame, top: int, column: int) -> None:
        table, window = str.maketrans(*self._glyphs.axes), self.window
        at_zero = window is not None and window.bottom == 0 and not window.log_y
        zero = frame.height - 1 if at_zero else None  # values of zero lie on the lowest dots of their cells
        self._sheet.paste(top, column, [row.translate(table) for row in frame.rows], Ink.AXIS)
        for offset, text in enumerate(frame.rows[: frame.height], top):
            if not text[frame.left :].isspace():
                rule = self._glyphs.zero if offset - top == zero else self._glyphs.grid
                self._sheet.write(offset, column + frame.left, rule * frame.width, Ink.GRID)

    def _draw_curves(self, canvas: Canvas) -> None:
        order = sorted(range(len(self._curves)), key=lambda index: self._lines[index].pinned)
        for index in order:
            series = self._series[index]
            if series.low is not None and series.high is not None:
                canvas.band(series.x, series.low, series.high, ink_of(index, Tone.BAND))
            if series.raw is not None:
                canvas.curve(series.x, series.raw, ink_of(index, Tone.FAINT), Layer.FAINT)
            canvas.curve(series.x, series.solid, ink_of(index))
            if series.dashed is not None:
                canvas.curve(series.x, series.dashed, ink_of(index), dashed=True)
            for x in self._curves[index].seams:
                column = self.column_of(x)
                if column is not None:
                    self._rule(self._sheet, column, self._glyphs.seam, ink_of(index, Tone.FAINT))
        codes, inks = canvas.cells(ascii_only=self.setting.ascii_only)
        self._covered = canvas.covered()
        row, column = self._origin
        part = np.s_[row : row + canvas.height, column : column + canvas.width]
        np.copyto(self._sheet.codes[part], codes, where=self._covered)
        np.copyto(self._sheet.inks[part], inks, where=self._covered)
        for index in order:
            for row, column in self._signs_on_the_way(canvas, index) if self.setting.colourless else ():
                self._write(self._sheet, (row, column), self._marks[index], index)
                self._covered[row, column : column + len(self._marks[index])] = True
            for point in self._curves[index].crosses:
                if (cross := canvas.cell(*point)) is not None:
                    self._write(self._sheet, cross, self._glyphs.lost, index)
                    self._covered[cross] = True
                    self._crosses.add(cross)

    def _draw_signs(self, sheet: CellGrid, canvas: Canvas, at: Sequence[int | None]) -> None:
        """Give each curve its sign at one of its points, a little aside where a curve over it has its own."""
        taken = set(self._crosses)
        for index in sorted(range(len(at)), key=lambda each: (self._lines[each].pinned, each), reverse=True):
            series, point = self._series[index], at[index]
            cell = canvas.cell(float(series.x[point]), float(series.y[point])) if point is not None else None
            size = len(self._marks[index])
            place = _beside(cell, taken, canvas.width, size) if cell is not None else None
            if place is not None:
                taken |= {(place[0], place[1] + letter) for letter in range(size)}
                self._write(sheet, place, self._marks[index], index)

    def _rule(self, sheet: CellGrid, column: int, glyph: str, ink: int) -> None:
        """A vertical line over the whole height."""
        rows = slice(self._origin[0], self._origin[0] + self.area[3])
        sheet.codes[rows, column] = ord(glyph)
        sheet.inks[rows, column] = ink

    def _signs_on_the_way(self, canvas: Canvas, index: int) -> list[tuple[int, int]]:
        """Where a curve among others wears its sign besides its end, to be told from them without colour."""
        series, window = self._series[index], canvas.window
        part = series.within(window.left, window.right)
        points = part.start + np.flatnonzero(drawable(series.y[part], log_y=window.log_y))
        if not points.size or len(self._curves) < 2:
            return []
        apart = max(canvas.width // 4, 8)
        targets = np.arange(apart * index / len(self._curves), canvas.width - 3, apart)
        near = np.searchsorted(window.columns(series.x[points], canvas.width), targets)
        chosen = points[near[near < points.size]].tolist()
        cells = (canvas.cell(float(series.x[at]), float(series.y[at])) for at in chosen)
        last = max(canvas.width - len(self._marks[index]), 0)
        return [(cell[0], min(cell[1], last)) for cell in cells if cell is not None]

    def _write(self, sheet: CellGrid, cell: tuple[int, int], glyph: str, index: int) -> None:
        sheet.write(self._origin[0] + cell[0], self._origin[1] + cell[1], glyph, ink_of(index))

    # ---- cursor

    def _draw_cursor(self, sheet: CellGrid, x: float) -> None:
        """Draw a line at an x where no curve goes."""
        column = self.column_of(x)
        if column is None:
            return
        free = ~self._covered[:, column - self._origin[1]]
        rows = self._origin[0] + np.flatnonzero(free)
        sheet.codes[rows, column] = ord(self._glyphs.down)
        sheet.inks[rows, column] = Ink.CURSOR


def changed_cells(before: Strip, after: Strip) -> tuple[int, int]:
    """Return the first cell of a row that looks different now, and the one after the last."""
    old, new = list(before), list(after)
    first = 0
    while old and new and old[0] == new[0]:
        first += new[0].cell_length
        del old[0], new[0]
    last = after.cell_length
    while old and new and old[-1] == new[-1]:
        last -= new[-1].cell_length
        del old[-1], new[-1]
    return first, last


def _beside(
    cell: tuple[int, int], taken: Collection[tuple[int, int]], width: int, size: int
) -> tuple[int, int] | None:
    """Return where a sign of so many cells begins: at a cell, or near it where that is taken; None without room."""
    row, column = cell[0], max(min(cell[1], width - size), 0)
    for step in (0, *(way * step for step in range(1, 1 + ASIDE * size) for way in (-1, 1))):
        first = column + step
        if 0 <= first <= width - size and not any((row, first + at) in taken for at in range(size)):
            return row, first
    return None
