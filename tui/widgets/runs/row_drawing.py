"""The rows of the run list, drawn line by line: of ten thousand rows only the visible ones cost time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.analysis.alarms import KINDS
from tui.app_options import ascii_only
from tui.curve_palette import Sign, shown_in
from tui.text import shorten
from tui.views.colours_by_experiment import sign_of_row
from tui.views.run_list_columns import Column
from tui.views.run_list_row import Row
from tui.widgets.runs.column_layout import (
    LEAST_NOTE,
    PREFIX,
    Sized,
    badge_of,
    chips_of,
    count_of,
    heading_of,
    mark_of,
    name_overflow,
    note_growth,
    note_place,
    placed,
    tone_of,
    total,
    without_last_cells,
)
from tui.widgets.runs.shown_columns import ListColumns
from tui.widgets.styled_lines import lit


class RunRows(ScrollView):
    """Draws rows under the headings of columns: what is marked, overlaid and under the cursor of them."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "run-list--heading",
        "run-list--cursor",
        "run-list--name",
        "run-list--quiet",
        "run-list--good",
        "run-list--busy",
        "run-list--bad",
        "run-list--wait",
    }
    DEFAULT_CSS = """
    RunRows {
        scrollbar-size-horizontal: 0;
        scrollbar-size-vertical: 1;
        & > .run-list--heading { color: $foreground 66%; }
        & > .run-list--cursor { background: $foreground 10%; }
        &:focus > .run-list--cursor { background: $primary 20%; }
        & > .run-list--name { color: $foreground; }
        & > .run-list--quiet { color: $foreground 66%; }
        & > .run-list--good { color: $success; }
        & > .run-list--busy { color: $success; text-style: bold; }
        & > .run-list--bad { color: $error; }
        & > .run-list--wait { color: $accent; }
    }
    """

    cursor: reactive[int] = reactive(0)
    """The index of the row under the cursor."""
    overlaid: reactive[frozenset[str]] = reactive(frozenset[str]())
    """The runs that the charts show beside the one under the cursor."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._rows: list[Row] = []
        self.unfolded: set[str] = set()
        self.marked: set[str] = set()
        """The keys of the rows that verbs mean in the place of the one under the cursor."""
        self._signs: Mapping[str, Sign] = {}
        self._columns = ListColumns()
        self._drawn = 0.0
        self._pinned: str | None = None

    @property
    def rows(self) -> Sequence[Row]:
        """All rows."""
        return self._rows

    @property
    def visible_columns(self) -> Sequence[Column]:
        """The columns that are shown where there is room."""
        return self._columns.visible

    @property
    def shown_columns(self) -> list[Column]:
        """The columns that have room."""
        return [column for column, _ in self._fitting()]

    @property
    def hidden_columns(self) -> int:
        """How many columns have no room."""
        return len(self.visible_columns) - len(self._fitting())

    @property
    def lacking(self) -> tuple[str, int] | None:
        """The first column chosen by hand that has no room, and how many cells it lacks; None if all have it."""
        return self._columns.lacking(self.scrollable_content_region.width)

    def _fitting(self) -> list[Sized]:
        return self._columns.fitting(self.scrollable_content_region.width)

    def choose(
        self, columns: Sequence[Column], *, by_hand: bool, arrows: Mapping[str, str] | None = None
    ) -> None:
        """Show these columns, as far as there is room for them.

        Args:
            by_hand: Whether a user has chosen them: then those that are not there by themselves come before all others.
            arrows: What stands behind the heading of a column: how the list is sorted by it.
        """
        self._columns.choose(columns, by_hand, arrows or {})
        self._columns.judge(self._rows)
        self._widen()
        self.refresh()

    def _widen(self) -> None:
        first = int(self.scroll_offset.y)
        self._columns.widen(self._rows[first : first + self.size.height])

    def render_line(self, y: int) -> Strip:
        """One row; the first line of the widget is the heading."""
        width = self.scrollable_content_region.width
        fitting = self._fitting()
        if y == 0:
            self._drawn = time.monotonic()
            heading = Segment(heading_of(width, fitting, self._columns.arrows), self._style("heading"))
            return Strip([heading]).adjust_cell_length(width).apply_style(self.rich_style)
        index = y - 1 + self.scroll_offset.y
        if index >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        strip = Strip(self._segments(self._rows[index], width, fitting)).adjust_cell_length(width)
        base = self.rich_style
        if index == self.cursor:
            strip = lit(strip, self._style("quiet"), self._style("name"))
            base += Style(bgcolor=self.get_component_rich_style("run-list--cursor").bgcolor)
        return strip.apply_style(base)

    def _segments(self, row: Row, width: int, fitting: Sequence[Sized]) -> list[Segment]:
        room = width - PREFIX - total(fitting)
        quiet, name = self._style("quiet"), self._style("name" if row.state else "quiet")
        tone = self._style(tone_of(row))
        mark = Segment("*" if row.key in self.marked else " ", self._style("wait"))
        segments = [mark, self._swatch(row), Segment(f"{mark_of(row, self.unfolded)} ", tone)]
        label, count = "  " * row.depth + row.label, count_of(row)
        used = cell_len(label) + len(count)
        tag_cells = cell_len(chips_of(row, width))
        columns = Strip(self._columns_of(row, fitting, max(0, room - used), used + tag_cells - room))
        room = width - PREFIX - columns.cell_length
        over = name_overflow(columns.text, used - room, tag_cells)
        room += over
        chips = chips_of(row, room - used)
        room -= len(count) + cell_len(chips)
        is_run = bool(row.depth and row.parent and not row.folds)
        segments.append(Segment(shorten(label, room, end=is_run), quiet if is_run else name))
        segments.append(Segment(chips, quiet))
        segments.append(Segment(count, quiet))
        return [*segments, *columns.crop(over)]

    def _columns_of(self, row: Row, fitting: Sequence[Sized], free: int, tag_cells: int) -> list[Segment]:
        """Return the cells of the columns: values, or a reason in their place, or what is wrong with the run.

        Args:
            free: Cells before the columns that a reason may take too.
            tag_cells: Cells of the columns that tags take where a reason leaves them.
        """
        quiet, name = self._style("quiet"), self._style("name" if row.state else "quiet")
        texts = [column.text(row) for column, _ in fitting]
        note, badge, place = "", badge_of(row, total(fitting)), range(0)
        if row.note and not any(
            column.spread and text for (column, _), text in zip(fitting, texts, strict=True)
        ):
            badge, place = "", note_place(fitting, self._columns.by_hand) or range(0)
            note = row.note if place or free > LEAST_NOTE else ""
        elif badge:
            kept = without_last_cells(fitting, cell_len(badge))
            badge, fitting = badge.rjust(total(fitting) - total(kept)), kept
        segments = []
        if note and not place:  # before the columns, where the name leaves room
            segments.append(self._note(row, note, min(free, cell_len(note) + 1)))
        for index, ((column, size), text) in enumerate(zip(fitting, texts, strict=False)):
            if index not in place:
                segments.append(Segment(" " + placed(text, column, size), name if column.spread else quiet))
            elif index == place.start:
                cells = total(fitting[place.start : place.stop])
                if index == 0:
                    cells += note_growth(cell_len(note) + 1 - cells, free, tag_cells)
                segments.append(self._note(row, note, cells))
        if badge:
            grave = row.alarm == KINDS[0] and not row.stops
            segments.append(Segment(badge, self._style("bad" if grave else "wait")))
        return segments

    def _note(self, row: Row, note: str, cells: int) -> Segment:
        """Return the reason of a row in so many cells."""
        words = f" {shorten(note, cells - 1, end=True)}"
        tone = self._style("bad" if row.state in ("failed", "crashed") else "quiet")
        return Segment(words + " " * (cells - cell_len(words)), tone)

    def _swatch(self, row: Row) -> Segment:
        """The colour and sign of the row's curve, where it has one; a bar before it when it is overlaid.

        The bar is broken where only some of its runs are overlaid.
        """
        chosen = self.overlaid.intersection(row.runs)
        overlaid = "┃" if len(chosen) == len(row.runs) else "┆"
        before = "⚑" if row.run is not None and row.run == self._pinned else overlaid if chosen else " "
        sign = sign_of_row(self._signs, row.run or "", chosen)
        if sign is None:
            return Segment(f"{before}  ", self._style("quiet") if before != " " else None)
        mark = sign.drawn(ascii_only=ascii_only(self.app))
        theme = self.app.current_theme
        own = Style(color=shown_in(sign.colour, theme.name, dark=theme.dark))
        return Segment(f"{before}{mark:2}", self._style("name") if self.app.no_color else own)

    def _style(self, name: str) -> Style:
        style = self.get_component_rich_style(f"run-list--{name}")
        return Style(color=style.color, bold=style.bold)
