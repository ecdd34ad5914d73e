"""The columns to choose from, the shown ones first and in order; changes are posted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive

from tui.keymap.bindings import bindings
from tui.text import Line, shorten
from tui.views.run_list_columns import Column, find_column
from tui.views.run_list_row import Row
from tui.widgets.runs.shown_columns import DEFAULT
from tui.widgets.styled_lines import StyledLines

NAME_WIDTH = 26


class ColumnList(StyledLines):
    """Lists columns with a cursor.

    Args:
        columns: Those that the run list shows, in their order.
        available: All columns.
        order: The name of the column that the run list is sorted by; empty for none.
        row: A row whose values stand beside the names.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("ColumnList")

    cursor: reactive[int] = reactive(0)
    """The index of the column under the cursor, among those that match."""

    @dataclass
    class Arranged(Message):
        """Other columns are shown, or the list is sorted by another one."""

    def __init__(
        self, columns: Sequence[Column], available: Sequence[Column], order: str, row: Row | None
    ) -> None:
        super().__init__(id="column-list")
        self.columns = list(columns)
        self.order = order
        self.text = ""
        """What the names of the listed columns contain."""
        self._available, self._row = list(available), row

    @property
    def listed(self) -> list[Column]:
        """The columns that match, the shown ones first."""
        names = {column.name for column in self.columns}
        all_of_them = [*self.columns, *(column for column in self._available if column.name not in names)]
        words = self.text.casefold().split()
        return [
            column
            for column in all_of_them
            if all(word in f"{column.name} {column.title}".casefold() for word in words)
        ]

    @property
    def column(self) -> Column | None:
        """The column under the cursor."""
        listed = self.listed
        return listed[self.cursor] if self.cursor < len(listed) else None

    def on_mount(self) -> None:
        """Show them."""
        self._draw()

    def lines(self, width: int) -> Sequence[Line]:
        """Return a line for each column: whether it is shown, its name, what the row has."""
        names = {column.name for column in self.columns}
        lines = []
        for column in self.listed:
            inside = column.name in names
            sorted_by = ", sorted by" if column.name == self.order else ""
            value = column.text(self._row) if self._row is not None else ""
            title = shorten(f"{column.title}{sorted_by}", NAME_WIDTH)
            line = [("● " if inside else "  ", "good"), (title, "name" if inside else "quiet")]
            lines.append([*line, (f"  {shorten(value, max(1, width - NAME_WIDTH - 4))}", "quiet")])
        return lines or [[(f"no column is called {self.text!r}", "quiet")]]

    def search(self, text: str) -> None:
        """List only columns whose names contain these words."""
        self.text, self.cursor = text, 0
        self._draw()

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a column."""
        return max(0, min(cursor, len(self.listed) - 1))

    def watch_cursor(self) -> None:
        """Bring the column into view."""
        self._draw()
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self.cursor += rows

    def action_put(self) -> None:
        """Show the column behind the others, or hide it; the cursor goes on to the next."""
        column = self.column
        if column is None:
            self.app.bell()
            return
        if any(other.name == column.name for other in self.columns):
            self.columns = [other for other in self.columns if other.name != column.name]
        else:
            self.columns.append(column)
            self.cursor += 1
        self._changed()

    def action_carry(self, places: int) -> None:
        """Move a shown column to the right or to the left."""
        names, column = [other.name for other in self.columns], self.column
        if column is None or column.name not in names:
            self.app.bell()
            return
        index = names.index(column.name)
        self.columns.insert(index + places if index + places >= 0 else 0, self.columns.pop(index))
        self.cursor = next(i for i, other in enumerate(self.listed) if other.name == column.name)
        self._changed()

    def action_sort(self) -> None:
        """Sort the run list by the column, or as configured if it is already."""
        if (column := self.column) is None:
            self.app.bell()
            return
        self.order = "" if self.order == column.name else column.name
        self._changed()

    def action_reset(self) -> None:
        """Show the columns that are shown by themselves, and sort by none of those that are hidden so."""
        self.columns = [column for name in DEFAULT if (column := find_column(name)) is not None]
        self.order = self.order if self.order in DEFAULT else ""
        self._changed()

    def on_click(self, event: events.Click) -> None:
        """Take in or leave out the column that is clicked."""
        index = event.y + int(self.scroll_offset.y)
        if 0 <= index < len(self.listed):
            self.cursor = index
            self.action_put()

    def _changed(self) -> None:
        self._draw()
        self.post_message(self.Arranged())

    def _draw(self) -> None:
        self._cursor = self.cursor if self.listed else None
        self.lay_out()
