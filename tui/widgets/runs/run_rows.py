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
from tui.palette import Sign, shown_in
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

    cursor: reactive[int] = reactive(0)
    """The index of the row under the cursor."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._rows: list[Row] = []
        self.unfolded: set[str] = set()
        self.overlaid: set[str] = set()
        """The runs that the charts show beside the one under the cursor."""
        self.marked: set[str] = set()
        """The keys of the rows that verbs mean in the place of the one under the cursor."""
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
        self._pinned: str | None = None

    @property
    def rows(self) -> Sequence[Row]:
        """All rows."""
        return self._rows

    @property
    def column_names(self) -> list[str]:
        """The columns that it has, those too for which there is no room."""
        return [column.name for column in self._columns]

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
        """The colour and sign of the row's curve, where it has one; a bar before it when it is overlaid.

        The bar is broken where only some of its runs are overlaid.
        """
        chosen = self.overlaid.intersection(row.runs)
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
