"""The whole picture of a chart, from curves to strips, without a widget around it.

    ╭ test/f1 ─────────────── 0.612 ╮    title, in the border
    │ 0.6┤┈┈┈┈┈┈┈┈┈┈┈┈┈⣀⡠⠤⠒⠒⠉●      │    frame (plotext), curves (canvas), marks
    │ 0.4┤      ⣀⠤⠒⠉   ● ViT  0.612 │    legend, where no curve goes
    │    └┬───────┬───────┬─────    │
    ╰───────────────────── epoch ───╯

What does not fit is left out: first the labels of the x axis (its ends move into the border), then the legend, then
the y axis, then the border.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from tui.palette import markers_for
from tui.widgets import ticks
from tui.widgets.canvas import Canvas, Floats, Layer, Sheet, Window
from tui.widgets.frame import Frame, draw_frame
from tui.widgets.legend import Entry, fit, place, plain, shorten

if TYPE_CHECKING:
    from tui.widgets.chart import Curve


class Ink(IntEnum):
    """The styles of a chart; each curve has three more behind these."""

    BORDER = 0
    TITLE = 1
    NOTE = 2
    AXIS = 3
    GRID = 4
    LEGEND = 5
    VALUE = 6
    CURSOR = 7


class Tone(IntEnum):
    """The three styles of a curve."""

    CURVE = 0
    FAINT = 1
    BAND = 2


def ink_of(index: int, tone: Tone = Tone.CURVE) -> int:
    """The ink of curve `index`."""
    return len(Ink) + len(Tone) * index + tone


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


@dataclass(frozen=True, slots=True)
class Series:
    """A curve's columns: of one length, ascending in x, and within what a window can hold."""

    x: Floats
    y: Floats
    raw: Floats | None
    low: Floats | None
    high: Floats | None

    @classmethod
    def of(cls, curve: Curve) -> Series:
        """Bring any columns into this form."""
        x = _column(curve.x)
        columns = [_column(c) if c is not None else None for c in (curve.y, curve.raw, curve.lo, curve.hi)]
        size = min(x.size, *(c.size for c in columns if c is not None))
        x = x[:size]
        order = None
        if not (np.isfinite(x).all() and (x[1:] >= x[:-1]).all()):
            known = np.flatnonzero(np.isfinite(x))
            order = known[np.argsort(x[known], kind="stable")]
        y, *others = (c if c is None else c[:size] if order is None else c[order] for c in columns)
        assert y is not None
        return cls(x if order is None else x[order], y, *others)

    def within(self, left: float, right: float) -> tuple[slice, Floats]:
        """The points in a window, and their values including raw ones and bounds."""
        first = int(np.searchsorted(self.x, left, "left"))
        last = int(np.searchsorted(self.x, right, "right"))
        if first == last and 0 < first < self.x.size:
            first, last = first - 1, last + 1  # a line may cross the window between two points
        part = slice(first, last)
        columns = [c[part] for c in (self.y, self.raw, self.low, self.high) if c is not None]
        return part, np.concatenate(columns)


def _column(values: object) -> Floats:
    column = np.asarray(values, np.float64).ravel()
    if column.size and bool((np.abs(column) > ticks.BIGGEST).any()):
        column = np.where(np.isfinite(column), np.clip(column, -ticks.BIGGEST, ticks.BIGGEST), column)
    return column


class Plot:
    """A chart drawn for one setting; `draw` adds the legend, or the readout at a cursor."""

    def __init__(
        self, curves: Sequence[Curve], setting: Setting, legend_at: tuple[int, int] | None = None
    ) -> None:
        """Draw everything that does not move with the cursor.

        Args:
            curves: What to draw; later ones over earlier ones, pinned ones over all.
            setting: Size and axes.
            legend_at: Where the legend of the last picture was; it stays there if it can.
        """
        self.setting = setting
        self.unit = ticks.unit_of(setting.metric)
        self.legend_at = legend_at
        self.curves = curves
        self._series = [Series.of(curve) for curve in curves]
        self._labels = [plain(curve.label) for curve in curves]
        self._marks = markers_for((curve.colour for curve in curves), ascii_only=setting.ascii_only)
        self._sheet = Sheet(setting.width, setting.height, Ink.NOTE)
        self._boxed = setting.width >= 12 and setting.height >= 4
        self._origin = (0, 0)
        self.window: Window | None = self._find_window()
        self._canvas: Canvas | None = None
        self._draw_border()
        if self.window is None:
            self._say_nothing()
        else:
            self._draw_inside(self.window)

    # ---- where things are

    @property
    def area(self) -> tuple[int, int, int, int]:
        """Left column, top row, width and height of the cells that curves are drawn in."""
        width, height = (self._canvas.width, self._canvas.height) if self._canvas else (0, 0)
        return self._origin[1], self._origin[0], width, height

    def x_at(self, column: int) -> float | None:
        """The x in the middle of a column of the picture; beyond the axes that of their end. None without axes."""
        if self._canvas is None or self.window is None:
            return None
        dots = 2 * self._canvas.width - 1
        share = min(max((2 * (column - self._origin[1]) + 0.5) / dots, 0.0), 1.0)
        return self.window.left * (1 - share) + self.window.right * share

    @property
    def full_view(self) -> tuple[float, float] | None:
        """The x limits that show everything."""
        return self._x_limits()

    # ---- limits

    def _x_limits(self) -> tuple[float, float] | None:
        ends = [(float(s.x[0]), float(s.x[-1])) for s in self._series if s.x.size]
        if not ends:
            return None
        low, high = ticks.apart(min(a for a, _ in ends), max(b for _, b in ends))
        return ticks.limits(low, high, ticks.unit_of_axis(self.setting.x_label), ticks=6)

    def _find_window(self) -> Window | None:
        span = self._x_limits()
        if span is None:
            return None
        left, right = span
        if self.setting.view is not None and np.isfinite(self.setting.view).all():
            left, right = ticks.apart(*sorted(self.setting.view))
        lows, highs = [], []
        for series in self._series:
            _, values = series.within(left, right)
            shown = np.isfinite(values) & (values > 0) if self.setting.log_y else np.isfinite(values)
            if shown.any():
                values = values[shown] if not shown.all() else values
                lows.append(float(values.min()))
                highs.append(float(values.max()))
        if not lows:
            return None
        if self.setting.log_y:
            return Window(left, right, *ticks.log_limits(min(lows), max(highs)), log_y=True)
        return Window(left, right, *ticks.limits(min(lows), max(highs), self.unit))

    # ---- border

    def _draw_border(self) -> None:
        if not self._boxed:
            return
        width, height = self.setting.width, self.setting.height
        corners, across, down = ("++++", "-", "|") if self.setting.ascii_only else ("╭╮╰╯", "─", "│")
        sheet = self._sheet
        sheet.write(0, 0, corners[0] + across * (width - 2) + corners[1], Ink.BORDER)
        sheet.write(height - 1, 0, corners[2] + across * (width - 2) + corners[3], Ink.BORDER)
        sheet.codes[1:-1, [0, -1]] = ord(down)
        sheet.inks[1:-1, [0, -1]] = Ink.BORDER

    def _draw_title(self, sheet: Sheet, value: str) -> None:
        """The metric at the left, what it is a chart of behind it, a value at the right; dropped in that order."""
        width = self.setting.width
        if not self._boxed:
            sheet.write(0, 0, fit(plain(self.setting.metric), width, self._dots), Ink.TITLE)
            return
        room = width - 6
        title = fit(plain(self.setting.metric), room, self._dots)
        column = sheet.write(0, 2, f" {title} ", Ink.TITLE)
        if value and cell_len(value) + 2 <= width - column - 2:
            sheet.write(0, width - 3 - cell_len(value) - 1, f" {value} ", Ink.VALUE)
            width -= cell_len(value) + 2
        note = self._labels[0] if len(self.curves) == 1 else ""
        if self.setting.log_y:
            note = f"{note} log".strip()
        room = width - column - 4
        if note and room >= 3:
            sheet.write(0, column, fit(note, room, self._dots) + " ", Ink.NOTE)

    def _draw_foot(self, window: Window, labelled: bool) -> None:
        """The name of the x axis in the lower border, and the ends of the axis where that has no labels."""
        if not self._boxed:
            return
        width, row = self.setting.width, self.setting.height - 1
        name = fit(plain(self.setting.x_label), width - 6, self._dots)
        start = width - 3 - cell_len(name) - 1
        self._sheet.write(row, start, f" {name} ", Ink.AXIS)
        if not labelled:
            unit = ticks.unit_of_axis(self.setting.x_label)
            ends = unit.labels([window.left, window.right])
            text = f" {ends[0]} {'-' if self.setting.ascii_only else '–'} {ends[1]} "
            if 2 + cell_len(text) < start:
                self._sheet.write(row, 2, text, Ink.AXIS)

    def _say_nothing(self) -> None:
        text = "no data yet"
        if any(series.x.size for series in self._series):
            values = np.concatenate([s.y for s in self._series if s.x.size])
            if np.isfinite(values).any():
                text = "nothing above zero" if self.setting.log_y else "nothing in this range"
        text = fit(text, max(self.setting.width - 2, 0), self._dots)
        row = self.setting.height // 2
        self._sheet.write(row, (self.setting.width - cell_len(text)) // 2, text, Ink.NOTE)

    @property
    def _dots(self) -> str:
        return ".." if self.setting.ascii_only else "…"

    # ---- frame and curves

    def _draw_inside(self, window: Window) -> None:
        edge = 1 if self._boxed else 0
        top = edge if self._boxed or self.setting.height < 2 else 1
        width, height = self.setting.width - 2 * edge, self.setting.height - top - edge
        if self._boxed and width >= 40:
            edge, width = edge + 1, width - 2
        frame, labelled = self._frame(window, width, height)
        if frame is None:
            left, cells, rows = 0, width, height
        else:
            left, cells, rows = frame.left, frame.width, frame.height
            self._paste(frame, top, edge)
        if cells < 1 or rows < 1:
            return
        self._origin = (top, edge + left)
        self._canvas = Canvas(cells, rows, window)
        self._draw_foot(window, labelled)
        self._draw_curves(self._canvas)

    def _frame(self, window: Window, width: int, height: int) -> tuple[Frame | None, bool]:
        """The axes for an area, and whether the x axis is labelled."""
        labelled = height >= 7 and width >= 24
        rows = height - 2 if labelled else height
        count = min(max(rows // 4, 2), 8)
        if window.log_y:
            places = ticks.log_ticks(window.bottom, window.top, max(rows // 2, 2))
            labels = self.unit.each(places)
        else:
            places = ticks.linear_ticks(window.bottom, window.top, count, self.unit)
            labels = self.unit.labels(places)
        down = np.rint(window.rows(np.array(places, np.float64), 4 * rows)).astype(int) // 4
        y_ticks = tuple((int(row), label) for row, label in zip(down, labels, strict=True) if 0 <= row < rows)
        cells = width - max((len(label) for _, label in y_ticks), default=0) - 1
        if cells < 12 or rows < 2 or cells < width // 3:
            return None, False
        x_ticks = self._x_ticks(window, cells) if labelled else None
        return draw_frame(cells, rows, x_ticks, y_ticks, grid=rows >= 6), labelled

    def _x_ticks(self, window: Window, cells: int) -> tuple[tuple[int, str], ...]:
        unit = ticks.unit_of_axis(self.setting.x_label)
        count = min(max(cells // 9, 2), 12)
        whole = self.setting.x_label in ("epoch", "step", "samples") and window.right - window.left > 2
        places = ticks.linear_ticks(window.left, window.right, count, unit, whole=whole)
        across = np.rint(window.columns(np.array(places, np.float64), 2 * cells)).astype(int) // 2
        labels = unit.labels(places)
        return tuple((int(c), label) for c, label in zip(across, labels, strict=True) if 0 <= c < cells)

    def _paste(self, frame: Frame, top: int, column: int) -> None:
        table = str.maketrans("┤┼│└┬─", "++|++-") if self.setting.ascii_only else str.maketrans("┼", "┤")
        line = "." if self.setting.ascii_only else "┈"
        for offset, text in enumerate(frame.rows[: self._sheet.height - top]):
            axis, inside = text[: frame.left].translate(table), text[frame.left :]
            self._sheet.write(top + offset, column, axis, Ink.AXIS)
            if offset < frame.height:
                if inside.strip():
                    self._sheet.write(top + offset, column + frame.left, line * frame.width, Ink.GRID)
            else:
                self._sheet.write(top + offset, column + frame.left, inside.translate(table), Ink.AXIS)

    def _draw_curves(self, canvas: Canvas) -> None:
        order = sorted(range(len(self.curves)), key=lambda index: self.curves[index].pinned)
        for index in order:
            series = self._series[index]
            if series.low is not None and series.high is not None:
                canvas.band(series.x, series.low, series.high, ink_of(index, Tone.BAND))
            if series.raw is not None:
                canvas.curve(series.x, series.raw, ink_of(index, Tone.FAINT), Layer.FAINT)
            canvas.curve(series.x, series.y, ink_of(index))
        codes, inks = canvas.cells(ascii_only=self.setting.ascii_only)
        self._covered = canvas.covered()
        for index in order:
            self._draw_seams(canvas, index)
        row, column = self._origin
        part = np.s_[row : row + canvas.height, column : column + canvas.width]
        np.copyto(self._sheet.codes[part], codes, where=self._covered)
        np.copyto(self._sheet.inks[part], inks, where=self._covered)
        for index in order:
            for cell in self._mark_cells(canvas, index):
                self._write_mark(self._sheet, cell, index)
                self._covered[cell] = True

    def _draw_seams(self, canvas: Canvas, index: int) -> None:
        for x in self.curves[index].seams:
            column = self._column_of(canvas, x)
            if column is not None:
                code = ord(":" if self.setting.ascii_only else "┊")
                part = np.s_[self._origin[0] : self._origin[0] + canvas.height, self._origin[1] + column]
                self._sheet.codes[part] = code
                self._sheet.inks[part] = ink_of(index, Tone.FAINT)

    def _column_of(self, canvas: Canvas, x: float) -> int | None:
        dot = float(canvas.window.columns(np.array([x], np.float64), 2 * canvas.width)[0])
        return int(np.rint(dot)) // 2 if -0.5 <= dot < 2 * canvas.width - 0.5 else None

    def _mark_cells(self, canvas: Canvas, index: int) -> list[tuple[int, int]]:
        """Where a curve wears its mark: at its end, and along the way where colour cannot tell curves apart."""
        series, window = self._series[index], canvas.window
        part, _ = series.within(window.left, window.right)
        x, y = series.x[part], series.y[part]
        shown = np.isfinite(y) & (y > 0) if window.log_y else np.isfinite(y)
        x, y = x[shown], y[shown]
        if not x.size:
            return []
        chosen = [-1]
        if self.setting.colourless and len(self.curves) > 1:
            apart = max(canvas.width // 4, 8)
            across = window.columns(x, canvas.width)
            offset = apart * index / len(self.curves)
            wanted = np.arange(offset, canvas.width - 3, apart)
            chosen = [*np.unique(np.minimum(np.searchsorted(across, wanted), x.size - 1)).tolist(), -1]
        cells = (canvas.cell(float(x[at]), float(y[at])) for at in chosen)
        return [cell for cell in cells if cell is not None]

    def _write_mark(self, sheet: Sheet, cell: tuple[int, int], index: int) -> None:
        sheet.write(self._origin[0] + cell[0], self._origin[1] + cell[1], self._marks[index], ink_of(index))

    # ---- legend and cursor

    def draw(self, cursor: float | None, styles: Sequence[Style]) -> list[Strip]:
        """The finished picture, one strip a row.

        Args:
            cursor: An x to read all curves at, in data units, or None.
            styles: A style for each `Ink`, then three for each curve, see `ink_of`.
        """
        sheet = self._sheet.copy()
        title = ""
        if self._canvas is not None:
            reading = cursor is not None and np.isfinite(cursor)
            at = [self._nearest(index, cursor if reading else None) for index in range(len(self.curves))]
            if reading and cursor is not None:
                self._draw_cursor(sheet, self._canvas, cursor, at)
                title = f"{plain(self.setting.x_label)} {self._x_text(cursor)}"
            if len(self.curves) == 1:
                title = " · ".join(filter(None, (title, self._value(0, at[0]))))
                if self.setting.ascii_only:
                    title = title.replace("·", "|")
            else:
                self._draw_legend(
                    sheet, self._canvas, at, self._column_of(self._canvas, cursor or 0) if reading else None
                )
        self._draw_title(sheet, title)
        return sheet.strips(styles)

    def _x_text(self, x: float) -> str:
        return ticks.unit_of_axis(self.setting.x_label).format(x)

    def _nearest(self, index: int, x: float | None) -> int | None:
        """The point of a curve that is read: the one nearest to x, or the last one. None beyond its ends."""
        series = self._series[index]
        known = np.flatnonzero(np.isfinite(series.y))
        if not known.size:
            return None
        if x is None:
            return int(known[-1])
        xs = series.x[known]
        assert self.window is not None
        assert self._canvas is not None
        slack = (self.window.right - self.window.left) / self._canvas.width
        if not xs[0] - slack <= x <= xs[-1] + slack:
            return None
        after = min(int(np.searchsorted(xs, x)), xs.size - 1)
        before = max(after - 1, 0)
        return int(known[before if abs(xs[before] - x) <= abs(xs[after] - x) else after])

    def _value(self, index: int, at: int | None) -> str:
        if at is None:
            return "-" if self.setting.ascii_only else "–"
        series = self._series[index]
        text = self.unit.format(float(series.y[at]))
        if series.low is not None and series.high is not None:
            spread = float(series.high[at] - series.low[at]) / 2
            if np.isfinite(spread):
                text += f" {'+-' if self.setting.ascii_only else '±'}{self.unit.format(spread)}"
        return text

    def _draw_cursor(self, sheet: Sheet, canvas: Canvas, x: float, at: Sequence[int | None]) -> None:
        column = self._column_of(canvas, x)
        if column is None:
            return
        free = ~self._covered[:, column]
        part = np.s_[self._origin[0] : self._origin[0] + canvas.height, self._origin[1] + column]
        sheet.codes[part][free] = ord("|" if self.setting.ascii_only else "│")
        sheet.inks[part][free] = Ink.CURSOR
        for index, point in enumerate(at):
            series = self._series[index]
            cell = canvas.cell(float(series.x[point]), float(series.y[point])) if point is not None else None
            if cell is not None:
                self._write_mark(sheet, cell, index)

    def _draw_legend(
        self, sheet: Sheet, canvas: Canvas, at: Sequence[int | None], cursor: int | None
    ) -> None:
        """The curves' names and values, where nothing is hidden; a readout is shown even if something is."""
        entries = [
            Entry(self._marks[i], self._labels[i], self._value(i, at[i]), ink_of(i), curve.pinned)
            for i, curve in enumerate(self.curves)
        ]
        if canvas.height < 4 or canvas.width < 20 or not entries:
            return
        room = canvas.width - 5
        names = max(cell_len(entry.label) for entry in entries)
        bare = [Entry(e.mark, e.label, "", e.ink, e.strong) for e in entries]
        rows = max(canvas.height // 2, 2)
        tries = [(entries, room), (entries, min(room, names)), (bare, room), (bare, min(room, 14)), (bare, 9)]
        covered = self._covered
        if cursor is not None:
            covered = covered.copy()
            covered[:, cursor] = True
            tries = tries[:2]
        for kind, width in tries:
            lines = shorten(kind, min(width, max(canvas.width // 2, 24)), rows, self._dots)
            wide = cell_len(lines[0][1]) + 4
            spot = place(covered, len(lines), wide, self.legend_at if cursor is None else None)
            if spot is not None:
                break
        else:
            if cursor is None:
                return
            spot = (0, 0 if cursor > canvas.width // 2 else canvas.width - wide)
        if cursor is None:
            self.legend_at = spot
        self._write_legend(sheet, lines, spot, wide)

    def _write_legend(
        self, sheet: Sheet, lines: Sequence[tuple[Entry, str]], spot: tuple[int, int], wide: int
    ) -> None:
        row, column = self._origin[0] + spot[0], self._origin[1] + spot[1]
        for offset, (entry, text) in enumerate(lines):
            sheet.write(row + offset, column, " " * wide, Ink.LEGEND)
            ink = entry.ink if entry.ink >= 0 else Ink.LEGEND
            sheet.write(row + offset, column + 1, entry.mark, ink)
            name = (
                text[: len(text) - len(entry.value)] if entry.value and text.endswith(entry.value) else text
            )
            end = sheet.write(row + offset, column + 3, name, Ink.TITLE if entry.strong else Ink.LEGEND)
            sheet.write(row + offset, end, text[len(name) :], Ink.VALUE)
