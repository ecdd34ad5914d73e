"""The queue on a common axis of time; on a screen of its own with a cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region
from textual.reactive import reactive

from tui.keymap.bindings import bindings
from tui.state.snapshot import Snapshot
from tui.text import Line
from tui.views.queue_gantt import Bar, bars, gantt
from tui.widgets.styled_lines import StyledLines


class QueueList(StyledLines):
    """Shows the runs that live or wait; the cursor stays on its run wherever that goes.

    Args:
        cursor: Whether it has one.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("QueueList")
    heading = 1

    cursor: reactive[int] = reactive(0)
    """The index of the run under the cursor."""

    def __init__(self, *, cursor: bool = False, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._with_cursor = cursor
        self.bars: list[Bar] = []
        self._now = 0.0
        self._run: str | None = None

    @property
    def bar(self) -> Bar | None:
        """The run under the cursor."""
        return self.bars[self.cursor] if self.cursor < len(self.bars) else None

    def show(self, snapshot: Snapshot) -> None:
        """Show this moment."""
        new_bars, now = bars(snapshot), snapshot.now
        if new_bars == self.bars and now == self._now:
            return
        self.bars, self._now = new_bars, now
        index = next((i for i, bar in enumerate(new_bars) if bar.run == self._run), None)
        self.cursor = index if index is not None else min(self.cursor, max(0, len(new_bars) - 1))
        self._run = self.bar.run if self.bar else None
        self.lay_out()

    def lines(self, width: int) -> Sequence[Line]:
        """Return the axis and the bars."""
        self._cursor = self.cursor + self.heading if self._with_cursor and self.bars else None
        if not self.bars:
            return [[("nothing runs and nothing waits; r queues an experiment", "quiet")]]
        return gantt(self.bars, self._now, width)

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a run."""
        return max(0, min(cursor, len(self.bars) - 1))

    def watch_cursor(self) -> None:
        """Bring the run into view."""
        self._run = self.bar.run if self.bar else None
        self._cursor = self.cursor + self.heading if self._with_cursor and self.bars else None
        self.scroll_to_region(Region(0, self.cursor, 1, 2), animate=False, force=True)
        self.refresh()

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self.cursor += rows

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to what is clicked."""
        index = event.y + self.scroll_offset.y - self.heading
        if self._with_cursor and 0 <= index < len(self.bars):
            self.cursor = index
