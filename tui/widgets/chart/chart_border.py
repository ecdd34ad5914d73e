"""The box around a chart: what it shows and over which x above, the curves' signs and values below.

╭─ test/f1 ──────────────────── epoch 5 ─╮
╰─ ▲.296±.005 ●.208±.004 ── smoothed .9 ─╯
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from tui.widgets.chart.braille_canvas import CellGrid
from tui.widgets.chart.inks_and_glyphs import ASCII, UNICODE, Glyphs, Ink
from tui.widgets.chart.legend import (
    SPREAD_FROM,
    LegendEntry,
    LegendRow,
    fit,
    legend_row,
    named_rows,
    plain,
    write_row,
)

LEAST_METRIC = 12
"""Cells that a metric's name keeps beside the place where it is read."""


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
    """How much the curves were smoothed."""
    named: bool = False
    """Whether the names of the curves are written."""

    @property
    def boxed(self) -> bool:
        """Whether there is room for a box."""
        return self.width >= 12 and self.height >= 4

    @property
    def glyphs(self) -> Glyphs:
        """The characters that it is drawn with."""
        return ASCII if self.ascii_only else UNICODE


def draw_box(sheet: CellGrid, glyphs: Glyphs) -> None:
    """Draw the lines around a whole sheet."""
    line = glyphs.across * (sheet.width - 2)
    sheet.write(0, 0, glyphs.corners[0] + line + glyphs.corners[1], Ink.BORDER)
    sheet.write(sheet.height - 1, 0, glyphs.corners[2] + line + glyphs.corners[3], Ink.BORDER)
    sheet.codes[1:-1, [0, -1]] = ord(glyphs.down)
    sheet.inks[1:-1, [0, -1]] = Ink.BORDER


def draw_top(sheet: CellGrid, setting: Setting, places: Sequence[str]) -> None:
    """Write the metric at the left and what is known of x at the right: the first of some texts that fits.

    Args:
        sheet: Is written on.
        setting: Of the chart.
        places: The name of the x axis, or where the curves are read, in more and less words.
    """
    width, dots = setting.width, setting.glyphs.dots
    metric = plain(setting.metric)
    if not setting.boxed:
        sheet.write(0, 0, fit(metric, width, dots), Ink.TITLE)
        return
    beside = min(map(cell_len, places), default=0) + 2
    metric = fit(metric, width - 6 - (beside if width - beside >= LEAST_METRIC + 6 else 0), dots)
    column, end = sheet.write(0, 2, f" {metric} ", Ink.TITLE), width - 2
    for place in places:
        start = end - cell_len(place) - 2
        if place and start >= column:
            sheet.write(0, start, f" {place} ", Ink.AXIS)
            end = start
            break
    if setting.log_y and column + 6 <= end:
        sheet.write(0, column, "log ", Ink.NOTE)


def legend_of(setting: Setting, entries: Sequence[LegendEntry], rows: int) -> list[LegendRow]:
    """Return what is written of the curves, the last row of it in the lower border.

    Args:
        setting: Of the chart.
        entries: Of each curve, in the order in which they are written.
        rows: How many rows there are at most; only names take more than one.
    """
    room = setting.width - 6
    if setting.named and any(entry.name for entry in entries):
        return named_rows(entries, room, max(rows, 1), setting.glyphs.dots)
    bare = [LegendEntry(e.mark, e.value, e.ink, e.spread, e.moving, "", e.strong) for e in entries]
    return [legend_row(bare, room - _reserved(setting), spread=setting.width >= SPREAD_FROM)]


def draw_bottom(sheet: CellGrid, setting: Setting, rows: Sequence[LegendRow], notes: Sequence[str]) -> None:
    """Write the signs and values of the curves, and at the right how they were smoothed or what bands mean.

    Args:
        sheet: Is written on.
        setting: Of the chart.
        rows: As ``legend_of`` returns them.
        notes: What bands mean, in more and less words.
    """
    column = 2
    for row, entries in enumerate(rows, setting.height - len(rows)):

        def write(at: int, text: str, ink: int, row: int = row) -> int:
            return sheet.write(row, at, text, ink)

        if entries.entries or entries.left_out:
            column = write_row(write, entries, 2, Ink.VALUE)
    end = setting.width - 2
    smoothed = f"smoothed {setting.smoothing:g}".replace(" 0.", " .") if setting.smoothing else ""
    for note in (smoothed, next(iter([n for n in notes if _fits(n, smoothed, end - column)]), "")):
        if note and end - cell_len(note) - 2 > column:
            end -= cell_len(note) + 2
            sheet.write(setting.height - 1, end, f" {note} ", Ink.AXIS)
            end -= 1


def _reserved(setting: Setting) -> int:
    """Return the cells that how curves are smoothed takes from their values."""
    return len("smoothed .95") + 3 if setting.smoothing and setting.width >= SPREAD_FROM else 0


def _fits(note: str, beside: str, room: int) -> bool:
    return cell_len(note) + 4 + (len(beside) + 3 if beside else 0) <= room
