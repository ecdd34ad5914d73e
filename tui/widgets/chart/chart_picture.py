"""The whole picture of a chart, from curves to strips, without a widget around it.

    ╭─ test/f1 ──────────────────────────╮   the box, with the title
    │ 0.60┤┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈⣀⣀⡠⠤⠤⠒⠒⠒⠉◆ │   plotext_frame.py: the frame
    │ 0.40┤      ⢀⣀⠤⠤⠒⠒⠉⠉⠁             │   braille_canvas.py: curves
    │ 0.20┤⣀⠤⠒⠉⠁      ◆ ViT-B…7  0.615 │   legend.py: which is which
    │     └┬──────┬──────┬──────┬─────── │
    │      1      3      5      7        │
    ╰──────────────────────────── epoch ─╯

What does not fit is left out: first the x axis (its ends move into the box) and the legend (it moves there
too), then the y axis, then the box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from engine.analysis.curves import alike, band_words
from tui import axis_ticks
from tui.widgets.chart.axis_limits import window_of, x_limits
from tui.widgets.chart.braille_canvas import Canvas, CellGrid, Layer
from tui.widgets.chart.dot_spans import Bools, Window
from tui.widgets.chart.inks_and_glyphs import ASCII, UNICODE, Ink, Tone, ink_of, marks_of
from tui.widgets.chart.legend import Legend, LegendEntry, arrange, arrange_reading, fit, legend_row, plain
from tui.widgets.chart.plotext_frame import Frame, frame_for
from tui.widgets.chart.series import Series, drawable
from tui.widgets.chart.value_text import ValueTexts

if TYPE_CHECKING:
    from tui.state.chart_line import ChartLine


_PLACES = {"step": "steps", "epoch": "epochs", "time": "times"}
"""What a run lacks that has no place on an axis; of other axes it is their name."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything but the data and the cursor that a picture depends on; sizes in cells."""

    metric: str
    width: int
    height: int
    x_label: str = "step"
    log_y: bool = False
    view: tuple[float, float] | None = None
    ascii_only: bool = False
    colourless: bool = False
    smoothing: float = 0.0
    """How much the curves were smoothed: said beside the axis."""


class Plot:
    """A chart drawn for one setting. What moves with the cursor is added by `draw`."""

    def __init__(
        self,
        lines: Sequence[ChartLine],
        setting: Setting,
        legend_at: tuple[int, int] | None = None,
        before: tuple[float, float] | None = None,
    ) -> None:
        """Draw everything that does not move with the cursor.

        Args:
            lines: What to draw; later ones over earlier ones, pinned ones over all.
            setting: Size and axes.
            legend_at: Where the legend of the last picture was; it stays there if it can.
            before: The ends of the x axis in the last picture, if it was of these curves when they were shorter.
        """
        self.setting = setting
        self.legend_at = legend_at
        self._glyphs = ASCII if setting.ascii_only else UNICODE
        self._unit = axis_ticks.unit_of(setting.metric)
        self._x_unit = axis_ticks.unit_of_axis(setting.x_label)
        self._lines = lines
        self._curves = alike([line.curve for line in lines])
        self._series = [Series.of(curve) for curve in self._curves]
        self._texts = ValueTexts(self._curves, self._series, self._unit, self._glyphs)
        self._labels = [plain(line.name) for line in lines]
        self._marks = marks_of(lines, ascii_only=setting.ascii_only)
        self._sheet = CellGrid(setting.width, setting.height, Ink.NOTE)
        self._boxed = setting.width >= 12 and setting.height >= 4
        self._origin = (0, 0)
        self._canvas: Canvas | None = None
        self._foot = 0
        self._covered: Bools = np.zeros((0, 0), np.bool_)
        self.limits = x_limits(self._series, self._x_unit, before)
        self.window = (
            window_of(self._series, self.limits, self._unit, view=setting.view, log_y=setting.log_y)
            if self.limits is not None
            else None
        )
        if self._boxed:
            self._draw_box()
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
        sheet = self._sheet.copy()
        titles: list[str] = []
        if self._canvas is not None and self.window is not None:
            reading = cursor is not None and bool(np.isfinite(cursor))
            if cursor is not None and reading:
                slack = (self.window.right - self.window.left) / self._canvas.width
                at = [series.nearest(cursor, slack) for series in self._series]
                values = [self._texts.at(index, point) for index, point in enumerate(at)]
                self._draw_cursor(sheet, self._canvas, cursor, at)
                titles.append(f"{plain(self.setting.x_label)} {self._x_unit.exact(cursor)}")
            else:
                room = self.setting.width - cell_len(plain(self.setting.metric))
                values, titles = self._texts.outcomes(room)
            below = False
            if len(self._curves) == 1:
                titles.append(values[0])
            else:
                below = self._draw_legend(sheet, self._canvas, values, cursor if reading else None)
            if not below:
                self._draw_band_words(sheet)
        self._draw_title(sheet, titles)
        return sheet.strips(styles)

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

    def column_of(self, x: float) -> int | None:
        """The column of the picture that shows an x."""
        if self._canvas is None:
            return None
        dot = float(self._canvas.window.columns(np.array([x], np.float64), 2 * self._canvas.width)[0])
        inside = -0.5 <= dot < 2 * self._canvas.width - 0.5
        return self._origin[1] + int(np.rint(dot)) // 2 if inside else None

    # ---- the box

    def _draw_box(self) -> None:
        width, height, glyphs = self.setting.width, self.setting.height, self._glyphs
        line = glyphs.across * (width - 2)
        self._sheet.write(0, 0, glyphs.corners[0] + line + glyphs.corners[1], Ink.BORDER)
        self._sheet.write(height - 1, 0, glyphs.corners[2] + line + glyphs.corners[3], Ink.BORDER)
        self._sheet.codes[1:-1, [0, -1]] = ord(glyphs.down)
        self._sheet.inks[1:-1, [0, -1]] = Ink.BORDER

    def _draw_title(self, sheet: CellGrid, values: Sequence[str]) -> None:
        """The metric at the left, whose it is behind it, as many of the last values at the right as fit."""
        width, dots = self.setting.width, self._glyphs.dots
        metric = plain(self.setting.metric)
        if not self._boxed:
            sheet.write(0, 0, fit(metric, width, dots), Ink.TITLE)
            return
        column = sheet.write(0, 2, f" {fit(metric, width - 6, dots)} ", Ink.TITLE)
        end = width - 2
        for first in range(len(values)):
            value = self._glyphs.between.join(values[first:])
            if column + cell_len(value) + 2 <= end:
                end -= cell_len(value) + 2
                sheet.write(0, end, f" {value} ", Ink.VALUE)
                break
        note = self._labels[0] if len(self._curves) == 1 else ""
        note = f"{note} log".strip() if self.setting.log_y else note
        if note and end - column - 2 >= 4:
            sheet.write(0, column, fit(note, end - column - 2, dots) + " ", Ink.NOTE)

    def _draw_foot(self, window: Window, labelled: bool) -> int:
        """The x axis in the lower edge of the box: its name, and its ends where it is not drawn.

        Returns:
            The first column that is taken, from the right.
        """
        row, end = self.setting.height - 1, self.setting.width - 2
        smoothed = f"smoothed {self.setting.smoothing:g}, " if self.setting.smoothing else ""
        text = fit(smoothed + plain(self.setting.x_label), end - 4, self._glyphs.dots)
        if not labelled:
            ends = " – ".join(self._x_unit.labels([window.left, window.right])).replace(
                "–", self._glyphs.none
            )
            text = f"{ends} {text}" if cell_len(ends) + cell_len(text) + 3 <= end - 2 else text
        start = end - cell_len(text) - 2
        self._sheet.write(row, start, f" {text} ", Ink.AXIS)
        return start

    def _draw_band_words(self, sheet: CellGrid) -> None:
        """What bands mean, in as many words as fit, before the name of the x axis in the lower edge of the box."""
        words = band_words(self._curves).replace("±", self._glyphs.spread)
        short = "lowest to highest" if "lowest" in words else f"{self._glyphs.spread} sd"
        for text in (f"band: {words}", f"band: {short}", short) if words else ():
            start = self._foot - cell_len(text) - 2
            if start >= self.setting.width // 3:
                sheet.write(self.setting.height - 1, start, f" {text},", Ink.AXIS)
                break

    def _say_nothing(self) -> None:
        text = "no data yet"
        if self._series and not any(len(series.x) for series in self._series):
            text = f"no {_PLACES.get(self.setting.x_label, self.setting.x_label)}: x for another axis"
        elif any(bool(drawable(series.y, log_y=False).any()) for series in self._series):
            text = "nothing above zero" if self.setting.log_y else "nothing in this range"
        text = fit(text, max(self.setting.width - 2, 0), self._glyphs.dots)
        column = (self.setting.width - cell_len(text)) // 2
        self._sheet.write(self.setting.height // 2, column, text, Ink.NOTE)

    # ---- axes and curves

    def _draw_inside(self, window: Window) -> None:
        top, edge = 1, int(self._boxed)
        width, height = self.setting.width - 2 * edge, self.setting.height - top - edge
        if self._boxed and width >= 40:
            edge, width = edge + 1, width - 2
        if width < 2 or height < 1:
            return
        frame = frame_for(window, width, height, self._unit, self.setting.x_label) if self._boxed else None
        left = 0
        if frame is not None:
            self._paste(frame, top, edge)
            left, width, height = frame.left, frame.width, frame.height
        self._origin = (top, edge + left)
        self._canvas = Canvas(width, height, window)
        if self._boxed:
            self._foot = self._draw_foot(window, frame is not None and frame.labelled)
        self._draw_curves(self._canvas)

    def _paste(self, frame: Frame, top: int, column: int) -> None:
        table = str.maketrans(*self._glyphs.axes)
        self._sheet.paste(top, column, [row.translate(table) for row in frame.rows], Ink.AXIS)
        for offset, text in enumerate(frame.rows[: frame.height], top):
            if not text[frame.left :].isspace():
                self._sheet.write(offset, column + frame.left, self._glyphs.grid * frame.width, Ink.GRID)

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
            for cell in self._mark_cells(canvas, index):
                self._write_mark(self._sheet, cell, index)
                self._covered[cell] = True
            for point in self._curves[index].crosses:
                if (cross := canvas.cell(*point)) is not None:
                    self._write(self._sheet, cross, self._glyphs.lost, index)
                    self._covered[cross] = True

    def _rule(self, sheet: CellGrid, column: int, glyph: str, ink: int) -> None:
        """A vertical line over the whole height."""
        rows = slice(self._origin[0], self._origin[0] + self.area[3])
        sheet.codes[rows, column] = ord(glyph)
        sheet.inks[rows, column] = ink

    def _mark_cells(self, canvas: Canvas, index: int) -> list[tuple[int, int]]:
        """Where a curve wears its mark: at its end, and along the way where there is no colour."""
        series, window = self._series[index], canvas.window
        part = series.within(window.left, window.right)
        x, y = series.x[part], series.y[part]
        finite = drawable(y, log_y=window.log_y)
        x, y = x[finite], y[finite]
        if not x.size:
            return []
        chosen = [x.size - 1]
        if self.setting.colourless and len(self._curves) > 1:
            apart = max(canvas.width // 4, 8)
            targets = np.arange(apart * index / len(self._curves), canvas.width - 3, apart)
            near = np.searchsorted(window.columns(x, canvas.width), targets)
            chosen += near[near < x.size].tolist()
        cells = (canvas.cell(float(x[at]), float(y[at])) for at in chosen)
        return [cell for cell in cells if cell is not None]

    def _write_mark(self, sheet: CellGrid, cell: tuple[int, int], index: int) -> None:
        self._write(sheet, cell, self._marks[index], index)

    def _write(self, sheet: CellGrid, cell: tuple[int, int], glyph: str, index: int) -> None:
        sheet.write(self._origin[0] + cell[0], self._origin[1] + cell[1], glyph, ink_of(index))

    # ---- cursor and legend

    def _draw_cursor(self, sheet: CellGrid, canvas: Canvas, x: float, at: Sequence[int | None]) -> None:
        column = self.column_of(x)
        if column is None:
            return
        free = ~self._covered[:, column - self._origin[1]]
        rows = self._origin[0] + np.flatnonzero(free)
        sheet.codes[rows, column] = ord(self._glyphs.down)
        sheet.inks[rows, column] = Ink.CURSOR
        for index, point in enumerate(at):
            series = self._series[index]
            cell = canvas.cell(float(series.x[point]), float(series.y[point])) if point is not None else None
            if cell is not None:
                self._write_mark(sheet, cell, index)

    def _draw_legend(
        self, sheet: CellGrid, canvas: Canvas, values: Sequence[str], cursor: float | None
    ) -> bool:
        """The curves' names and values where they hide nothing, or in the lower edge of the box.

        A reading at a cursor is shown even where it hides something.

        Returns:
            Whether it stands in the lower edge.
        """
        entries = [
            LegendEntry(self._marks[index], self._labels[index], value, ink_of(index), line.pinned)
            for index, (line, value) in enumerate(zip(self._lines, values, strict=True))
        ]
        if canvas.height < 3 or canvas.width < 12:
            return False
        dots, row = self._glyphs.dots, []
        if cursor is not None:
            cursor_column = self.column_of(cursor)
            column = cursor_column - self._origin[1] if cursor_column is not None else 0
            covered = self._covered.copy()
            covered[:, column] = True
            self._write_legend(sheet, arrange_reading(entries, covered, column, dots=dots))
            return False
        legend = arrange(entries, self._covered, previous=self.legend_at, dots=dots)
        if legend is None and self._boxed:
            row = legend_row(entries, self._foot - 4, dots)
        if legend is None and len(row) != len(entries) and canvas.height >= 8:
            legend = arrange(entries, self._covered, previous=self.legend_at, whole=False, dots=dots)
            row = row if legend is None else []
        if legend is not None:
            self.legend_at = (legend.row, legend.column)
            self._write_legend(sheet, legend)
        self._write_row(sheet, row)
        return bool(row)

    def _write_row(self, sheet: CellGrid, entries: Sequence[LegendEntry]) -> None:
        row, column = self.setting.height - 1, 2
        for entry in entries:
            column = sheet.write(row, column, f" {entry.mark}", entry.ink if entry.label else Ink.NOTE)
            column = sheet.write(row, column, f" {entry.label}".rstrip() + " ", Ink.LEGEND)

    def _write_legend(self, sheet: CellGrid, legend: Legend) -> None:
        column = self._origin[1] + legend.column
        for row, entry in enumerate(legend.entries, self._origin[0] + legend.row):
            sheet.write(row, column, " " * legend.width, Ink.LEGEND)
            sheet.write(row, column + 1, entry.mark, entry.ink)
            end = sheet.write(row, column + 3, entry.label, Ink.TITLE if entry.strong else Ink.LEGEND)
            sheet.write(row, end, entry.value, Ink.VALUE)
