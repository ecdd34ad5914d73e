"""The list of experiments and runs, drawn line by line: of ten thousand rows only the visible ones cost time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.analysis.alarms import KINDS
from tui.app_options import ascii_only
from tui.keymap.bindings import bindings
from tui.palette import Sign, shown_in
from tui.state.messages import CursorMoved, HeadingClicked, Opened, SelectionChanged
from tui.text import shorten
from tui.views.run_list_columns import DEFAULT, Column, find_column
from tui.views.run_list_row import Row
from tui.widgets.runs.column_layout import (
    NAME_WIDTH,
    PREFIX,
    Sized,
    badge_of,
    chips_of,
    columns_beside_note,
    count_of,
    fitting_in,
    heading_of,
    mark_of,
    name_overflow,
    note_growth,
    placed,
    tone_of,
    total,
    without_last_cells,
)

AGING_S = 5.0
"""Seconds after which what changes by itself is drawn anew."""


class RunList(ScrollView, can_focus=True):
    """Shows rows, keeps a cursor and a selection."""

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
    RunList {
        scrollbar-size-horizontal: 0;
        scrollbar-size-vertical: 1;
        & > .run-list--heading { color: $foreground 55%; }
        & > .run-list--cursor { background: $foreground 10%; }
        &:focus > .run-list--cursor { background: $primary 28%; }
        & > .run-list--name { color: $foreground; }
        & > .run-list--quiet { color: $foreground 55%; }
        & > .run-list--good { color: $success; }
        & > .run-list--busy { color: $success; text-style: bold; }
        & > .run-list--bad { color: $error; }
        & > .run-list--wait { color: $accent; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("RunList")

    cursor: reactive[int] = reactive(0)
    """The index of the row under the cursor."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._rows: list[Row] = []
        self.unfolded: set[str] = set()
        self.selected: set[str] = set()
        self._signs: Mapping[str, Sign] = {}
        self._columns = [column for name in DEFAULT if (column := find_column(name))]
        self._chosen = False
        """Whether the user has chosen the columns: then empty ones are shown too."""
        self.visible_columns: Sequence[Column] = self._columns
        """The columns that are shown where there is room."""
        self._arrows: Mapping[str, str] = {}
        self._widths: dict[str, int] = {}
        """Cells that each column needs for what has been on the screen of it."""
        self._drawn = 0.0
        self._key: str | None = None
        self._pinned: str | None = None
        self._last_overlaid: int | None = None

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self.cursor] if self.cursor < len(self._rows) else None

    @property
    def rows(self) -> Sequence[Row]:
        """All rows."""
        return self._rows

    def show(self, rows: Sequence[Row], signs: Mapping[str, Sign], pinned: str | None = None) -> None:
        """Show these rows; the cursor stays on its row, wherever that is now.

        Args:
            signs: The colour and mark of each run that the charts show.
            pinned: The run that is marked as the baseline.
        """
        if any(column.timed for column in self.visible_columns) and time.monotonic() > self._drawn + AGING_S:
            self.refresh()
        if list(rows) == self._rows and signs == self._signs and pinned == self._pinned:
            return
        before, kept = self._rows, (signs, pinned) == (self._signs, self._pinned)
        self._rows, self._signs, self._pinned = list(rows), dict(signs), pinned
        if len(before) != len(rows):
            self._widths = {}
        self.virtual_size = Size(self.size.width, len(rows) + 1)
        index = next((i for i, row in enumerate(rows) if row.key == self._key), None)
        self.cursor = index if index is not None else min(self.cursor, max(0, len(rows) - 1))
        if index is None:
            self._tell()
        sized = self._sized()
        self._judge()
        self._widen()
        if self._sized() != sized or not kept or len(before) != len(rows):
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, rows, strict=True), start=1):
            if old != new:
                self.refresh_line(y)

    def choose(
        self, columns: Sequence[Column], *, always: bool, arrows: Mapping[str, str] | None = None
    ) -> None:
        """Show these columns, as far as there is room for the first of them.

        Args:
            always: Whether one with nothing in it is shown too.
            arrows: What stands behind the heading of a column: how the list is sorted by it.
        """
        self._columns, self._chosen, self._widths, self._arrows = list(columns), always, {}, arrows or {}
        self._judge()
        self._widen()
        self.refresh()

    @property
    def wanted_width(self) -> int:
        """The cells that all columns need beside a name."""
        return PREFIX + NAME_WIDTH + total(self._sized())

    def _judge(self) -> None:
        """Leave out columns that are empty, unless the user has chosen them."""
        self.visible_columns = [
            column for column in self._columns
            if self._chosen or column.name == "test/f1" or any(column.text(row) for row in self._rows)
        ]  # fmt: skip

    def _widen(self) -> None:
        """Make room for what is on the screen, and is wider than what was before."""
        first = int(self.scroll_offset.y)
        for row in self._rows[first : first + self.size.height]:
            for column in self.visible_columns:
                if (cells := cell_len(column.text(row))) > self._widths.get(column.name, 0):
                    self._widths[column.name] = cells

    def _sized(self) -> list[Sized]:
        """Return the columns that are shown and how wide each is."""
        return [
            (
                column,
                max(
                    column.width,
                    len(column.heading + self._arrows.get(column.name, "")),
                    self._widths.get(column.name, 0),
                ),
            )
            for column in self.visible_columns
        ]

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Make room for what comes onto the screen."""
        super().watch_scroll_y(old_value, new_value)
        self._widen()

    def on_resize(self) -> None:
        """Make room for what comes onto the screen, and keep the cursor on it."""
        self._widen()
        self.call_after_refresh(self._show_cursor)

    def _show_cursor(self) -> None:
        self.scroll_to_region(Region(0, self.cursor, 1, 2), animate=False, force=True)

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a row."""
        return max(0, min(cursor, len(self._rows) - 1))

    def watch_cursor(self, before: int) -> None:
        """Bring the row into view and say which it is."""
        self._tell()
        self._show_cursor()
        for index in (before, self.cursor):
            self.refresh_line(index + 1)

    def _tell(self) -> None:
        key = self.row.key if self.row else None
        if key != self._key:
            self._key = key
            self.post_message(CursorMoved(key))

    # ---- acting

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self.cursor += rows

    def action_fold(self, unfold: bool) -> None:
        """Show or hide the rows under the row; from a row without any go to its parent and hide that one's."""
        row = self.row
        if row is None:
            return
        if unfold:
            self.unfolded |= {row.folds} if row.folds else set()
        elif row.folds in self.unfolded or not row.parent:
            self.unfolded.discard(row.folds)
        else:
            self._key = row.parent
            self.unfolded -= {other.folds for other in self._rows if other.key == row.parent}
        self.post_message(SelectionChanged(frozenset(self.selected)))

    def action_overlay(self) -> None:
        """Overlay what the row stands for, or take it away, and go on to the next row."""
        row = self.row
        if row is None or not row.runs:
            self.app.bell()
            return
        self._last_overlaid = self.cursor
        if self.selected.issuperset(row.runs):
            self.selected -= set(row.runs)
            self._select([])
        else:
            self._select([row])
        self.cursor += 1

    def action_select_range(self) -> None:
        """Overlay the runs from the last one that was overlaid to the row."""
        last = self._last_overlaid if self._last_overlaid is not None else self.cursor
        low, high = sorted((last, self.cursor))
        self._select(self._rows[low : high + 1])

    def action_select_all(self) -> None:
        """Overlay the runs of all rows; none, if they are already."""
        there = {run for row in self._rows for run in row.runs}
        if there <= self.selected:
            self.selected -= there
            self._select([])
        else:
            self._select(self._rows)

    def _select(self, rows: Iterable[Row]) -> None:
        """Overlay the runs of rows."""
        for row in rows:
            self.selected.update(row.runs)
        self.refresh()
        self.post_message(SelectionChanged(frozenset(self.selected)))

    def action_open(self) -> None:
        """Show the row whole."""
        self.post_message(Opened())

    def on_click(self, event: events.Click) -> None:
        """Move to the row that is clicked, open it on a second click, or sort by a heading."""
        index = event.y + self.scroll_offset.y - 1
        if event.y == 0:
            self._click_heading(event.x)
        elif 0 <= index < len(self._rows):
            self.cursor = index
            if event.chain == 2:
                self.action_open()

    def _click_heading(self, x: int) -> None:
        """Say which column's heading is at a place."""
        width = self.scrollable_content_region.width
        fitting = fitting_in(width, self._sized())
        end = width - total(fitting)
        for column, size in fitting:
            if end <= x < end + size + 1:
                self.post_message(HeadingClicked(column.name))
            end += size + 1

    # ---- drawing

    def render_line(self, y: int) -> Strip:
        """One row; the first line of the widget is the heading."""
        width = self.scrollable_content_region.width
        fitting = fitting_in(width, self._sized())
        if y == 0:
            self._drawn = time.monotonic()
            heading = Segment(heading_of(width, fitting, self._arrows), self._style("heading"))
            return Strip([heading]).adjust_cell_length(width).apply_style(self.rich_style)
        index = y - 1 + self.scroll_offset.y
        if index >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        strip = Strip(self._segments(self._rows[index], width, fitting))
        strip = strip.adjust_cell_length(width)
        base = self.rich_style
        if index == self.cursor:
            base += Style(bgcolor=self.get_component_rich_style("run-list--cursor").bgcolor)
        return strip.apply_style(base)

    def _segments(self, row: Row, width: int, fitting: Sequence[Sized]) -> list[Segment]:
        room = width - PREFIX - total(fitting)
        quiet, name = self._style("quiet"), self._style("name" if row.state else "quiet")
        tone = self._style(tone_of(row))
        segments = [self._swatch(row), Segment(f"{mark_of(row, self.unfolded)} ", tone)]
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
        quiet, name, room = (
            self._style("quiet"),
            self._style("name" if row.state else "quiet"),
            total(fitting),
        )
        texts = [column.text(row) for column, _ in fitting]
        note, badge = "", badge_of(row, room)
        if row.note and not any(
            column.spread and text for (column, _), text in zip(fitting, texts, strict=True)
        ):
            kept = columns_beside_note(fitting)
            note, badge = row.note if room > total(kept) else "", ""
            if note:
                fitting = kept
                room += 0 if kept else note_growth(cell_len(note) + 1 - room, free, tag_cells)
        elif badge:
            fitting = without_last_cells(fitting, cell_len(badge))
        segments = [
            Segment(" " + placed(text, column, size), name if column.spread else quiet)
            for (column, size), text in zip(fitting, texts, strict=False)
        ]
        left = room - total(fitting)
        if note:
            tone = self._style("bad" if row.state in ("failed", "crashed") else "quiet")
            segments.append(Segment(" " + shorten(note, left - 1, end=True), tone))
        elif badge:
            segments.append(
                Segment(
                    badge.rjust(left),
                    self._style("bad" if row.alarm == KINDS[0] and not row.stops else "wait"),
                )
            )
        return segments

    def _swatch(self, row: Row) -> Segment:
        """The colour and mark of the row's curve, where it has one; a bar before it when it is overlaid.

        The bar is broken where only some of its runs are.
        """
        chosen = self.selected.intersection(row.runs)
        overlaid = "┃" if len(chosen) == len(row.runs) else "┆"
        before = "⚑" if row.run is not None and row.run == self._pinned else overlaid if chosen else " "
        signs = {self._signs[run] for run in chosen if run in self._signs}
        sign = self._signs.get(row.run or "") or (signs.pop() if len(signs) == 1 else None)
        if sign is None:
            return Segment(f"{before}  ", self._style("quiet") if before != " " else None)
        mark = sign.drawn(ascii_only=ascii_only(self.app))
        theme = self.app.current_theme
        return Segment(f"{before}{mark} ", Style(color=shown_in(sign.colour, theme.name, dark=theme.dark)))

    def _style(self, name: str) -> Style:
        return Style(
            color=(style := self.get_component_rich_style(f"run-list--{name}")).color, bold=style.bold
        )
