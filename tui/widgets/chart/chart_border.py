"""The box around a chart: what it shows, how and over which x above, the curves' signs and values below.

╭─ test/f1 smoothed .9 ──────── epoch 5 ─╮
╰─ ▲~.296 ●~.208 ────────────────────────╯
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    width, dots, ways = setting.width, setting.glyphs.dots, ways_drawn(setting)
    least = cell_len(ways[-1])
    metric = plain(setting.metric)
    if not setting.boxed:
        column = sheet.write(0, 0, fit(metric, max(width - least - 1, 0), dots) + " ", Ink.TITLE)
        sheet.write(0, column, ways[-1], Ink.NOTE)
        return
    beside = min(map(cell_len, places), default=0) + 2
    metric = fit(metric, width - 6 - least - (beside if width - beside >= LEAST_METRIC + 6 else 0), dots)
    column, end = sheet.write(0, 2, f" {metric} ", Ink.TITLE), width - 2
    for place in places:
        start = end - cell_len(place) - 2
        if place and start >= column + least:
            sheet.write(0, start, f" {place} ", Ink.AXIS)
            end = start
            break
    sheet.write(0, column, next((way for way in ways if column + cell_len(way) <= end), ""), Ink.NOTE)


def ways_drawn(setting: Setting) -> list[str]:
    """Return how the values are drawn, in more and less words; that they are smoothed is in all of them."""
    log = "log " if setting.log_y else ""
    if not setting.smoothing:
        return [log, ""]
    weight = f"{setting.smoothing:g}".removeprefix("0")
    return [f"{log}smoothed {weight} ", f"{log}~{weight} ", f"~{weight} "]


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
    bare = [replace(entry, name="") for entry in entries]
    return [legend_row(bare, room, spread=setting.width >= SPREAD_FROM)]


def draw_bottom(sheet: CellGrid, setting: Setting, rows: Sequence[LegendRow], notes: Sequence[str]) -> None:
    """Write the signs and values of the curves, and at the right what bands mean.

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
    for note in notes:
        if cell_len(note) + 4 <= end - column:
            sheet.write(setting.height - 1, end - cell_len(note) - 2, f" {note} ", Ink.AXIS)
            return
