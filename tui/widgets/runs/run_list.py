"""The list of experiments and runs: a cursor, what is overlaid to be looked at, what is marked for verbs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.widgets import Input

from tui.curve_palette import Sign
from tui.keymap.bindings import bindings
from tui.state.messages import CursorMoved, HeadingClicked, ListChanged, MarksHidden, NothingToOverlay, Opened
from tui.views.run_list_row import Row
from tui.widgets.runs.column_layout import heading_at
from tui.widgets.runs.row_drawing import RunRows

AGING_S = 5.0
"""Seconds after which what changes by itself is drawn anew."""

REVEAL_S = 5.0
"""Seconds in which a run that was queued may still take the cursor to it."""


class RunList(RunRows, can_focus=True):
    """Keeps a cursor, what is overlaid and what is marked, whatever rows come and go."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("RunList")

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._key: str | None = None
        self._last_overlaid: int | None = None
        self._last_marked: int | None = None
        self._awaited, self._awaited_until = "", 0.0
        """The key of a row that gets the cursor, if it is listed by then."""

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self.cursor] if self.cursor < len(self._rows) else None

    def reveal(self, run: str, folds: str) -> None:
        """Unfold a row, if one is named, and bring the cursor to a run under it as soon as it is there."""
        self.unfolded |= {folds} if folds else set()
        self._awaited, self._awaited_until = f"run:{run}", time.monotonic() + REVEAL_S

    @property
    def marked_rows(self) -> list[Row]:
        """The marked rows, from top to bottom: all of them are to be seen."""
        return [row for row in self._rows if row.key in self.marked] if self.marked else []

    def show(self, rows: Sequence[Row], signs: Mapping[str, Sign], pinned: str | None = None) -> None:
        """Show these rows; the cursor stays on its row, wherever that is now.

        Args:
            signs: The colour and mark of each run that the charts show.
            pinned: The run that is marked as the baseline.
        """
        if not isinstance(self.screen.focused, Input):  # a filter that is being written
            self.keep_marks(rows)
        if any(column.timed for column in self.visible_columns) and time.monotonic() > self._drawn + AGING_S:
            self.refresh()
        if list(rows) == self._rows and signs == self._signs and pinned == self._pinned:
            return
        before, kept = self._rows, (signs, pinned) == (self._signs, self._pinned)
        self._rows, self._signs, self._pinned = list(rows), dict(signs), pinned
        if len(before) != len(rows):
            self._columns.widths = {}
        self.virtual_size = Size(self.size.width, len(rows) + 1)
        if self._awaited and any(row.key == self._awaited for row in rows):
            if time.monotonic() < self._awaited_until:
                self._key = self._awaited
                self.post_message(CursorMoved(self._key))
            self._awaited = ""
        index = next((i for i, row in enumerate(rows) if row.key == self._key), None)
        self.cursor = index if index is not None else min(self.cursor, max(0, len(rows) - 1))
        if index is None:
            self._tell()
        sized = self._columns.sized()
        self._columns.judge(rows)
        self._widen()
        if self._columns.sized() != sized or not kept or len(before) != len(rows):
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, rows, strict=True), start=1):
            if old != new:
                self.refresh_line(y)

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

    def show_first(self) -> None:
        """Show the first rows; the cursor stays on its row where that is one of them, else it goes to the first."""
        if self.cursor >= self.scrollable_content_region.height - 1:
            self.cursor = 0
        self.scroll_to(y=0, animate=False, force=True)

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
        self.post_message(ListChanged())

    def action_overlay(self) -> None:
        """Overlay what the row stands for, or take it away."""
        row = self.row
        if row is None or not row.runs:
            self.post_message(NothingToOverlay())
            return
        self._last_overlaid = self.cursor
        if self.overlaid.issuperset(row.runs):
            self.overlaid -= set(row.runs)
            self._overlay([])
        else:
            self._overlay([row])

    def action_overlay_range(self) -> None:
        """Overlay the runs from the last row that was overlaid to this one."""
        self._overlay(self._rows_from(self._last_overlaid))

    def action_overlay_all(self) -> None:
        """Overlay the runs of all rows; none, if they are already."""
        there = {run for row in self._rows for run in row.runs}
        if there <= self.overlaid:
            self.overlaid -= there
            self._overlay([])
        else:
            self._overlay(self._rows)

    def action_mark(self) -> None:
        """Mark the row, or take its mark away."""
        if (row := self.row) is None:
            return
        self._last_marked = self.cursor
        self._mark(self.marked ^ {row.key})

    def action_mark_range(self) -> None:
        """Mark the rows from the last one that was marked to this one."""
        self._mark(self.marked | {row.key for row in self._rows_from(self._last_marked)})

    def action_mark_all(self) -> None:
        """Mark all rows that are listed; none, if they are already."""
        there = {row.key for row in self._rows}
        self._mark(set() if there <= self.marked else there)

    def unmark(self) -> None:
        """Take all marks away."""
        self._mark(set())

    def _rows_from(self, last: int | None) -> Sequence[Row]:
        low, high = sorted((last if last is not None else self.cursor, self.cursor))
        return self._rows[low : high + 1]

    def _overlay(self, rows: Iterable[Row]) -> None:
        """Overlay the runs of rows."""
        self.overlaid = self.overlaid.union(*(row.runs for row in rows))
        self.post_message(ListChanged())

    def _mark(self, keys: set[str]) -> None:
        self.marked = keys
        self.refresh()
        self.post_message(ListChanged())

    def keep_marks(self, rows: Sequence[Row] | None = None) -> None:
        """Take the marks away of all but these rows; of all but those that are listed, if none are given."""
        listed = self._rows if rows is None else rows
        if self.marked and (lost := self.marked.difference(row.key for row in listed)):
            self.marked -= lost
            known = {row.key: row.runs for row in self._rows}
            self.post_message(MarksHidden({key: known.get(key, ()) for key in lost}))

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
        if name := heading_at(self._fitting(), x, self.scrollable_content_region.width):
            self.post_message(HeadingClicked(name))
