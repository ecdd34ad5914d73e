"""Commands one below the other: the name left, the key in a column at the right, heads between the groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.geometry import Region
from textual.message import Message

from engine.text import cells, clean
from tui.text import Line, shorten
from tui.views.command_palette.search import Command
from tui.widgets.styled_lines import StyledLines

KEY_SHARE = 3
"""The part of the width that keys take at most, as one part of so many."""


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A line of the list: a head, a command, or a text that goes into the line.

    Args:
        text: What stands at the left.
        key: What stands at the right.
        command: What it does.
        line: What it puts into the line; empty for nothing.
        head: Whether it stands over others, and cannot be chosen.
    """

    text: str
    key: str = ""
    command: Command | None = None
    line: str = ""
    head: bool = False


class CommandList(StyledLines, can_focus=False):
    """Shows rows, one of which is chosen, or none."""

    @dataclass
    class Picked(Message):
        """A row was clicked."""

        row: CommandRow

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.rows: Sequence[CommandRow] = ()

    @property
    def chosen(self) -> CommandRow | None:
        """The row that is chosen."""
        return self.rows[self._cursor] if self._cursor is not None and self._cursor < len(self.rows) else None

    @property
    def is_first(self) -> bool:
        """Whether nothing above the chosen row can be chosen."""
        return self._cursor is None or all(row.head for row in self.rows[: self._cursor])

    def show(self, rows: Sequence[CommandRow], *, choose: bool) -> None:
        """Show other rows, of which the first is chosen, or none."""
        self.rows = rows
        self._cursor = next((at for at, row in enumerate(rows) if not row.head), None) if choose else None
        self.lay_out()
        self.scroll_to(y=0, animate=False, force=True)

    def move(self, rows: int) -> None:
        """Choose another row, so many of those that can be chosen further down; none above the first."""
        places = [at for at, row in enumerate(self.rows) if not row.head]
        if not places:
            return
        at = (
            places.index(self._cursor) + rows
            if self._cursor in places
            else (0 if rows > 0 else len(places) - 1)
        )
        at = max(0, min(at, len(places) - 1))
        self._cursor = places[at]
        top = 0 if at == 0 else self._cursor  # with its head
        self.scroll_to_region(Region(0, top, 1, self._cursor - top + 1), animate=False, force=True)
        self.refresh()

    def lines(self, width: int) -> Sequence[Line]:
        """Return the rows, a line each."""
        return [_line(row, width) for row in self.rows]

    def on_click(self, event: events.Click) -> None:
        """Do what is clicked."""
        at = event.y + int(self.scroll_offset.y)
        if 0 <= at < len(self.rows) and not self.rows[at].head:
            event.stop()
            self._cursor = at
            self.refresh()
            self.post_message(self.Picked(self.rows[at]))


def _line(row: CommandRow, width: int) -> Line:
    if row.head:
        return [(shorten(row.text, width, end=True), "busy")]
    key = shorten(row.key, min(cells(clean(row.key)), width // KEY_SHARE))
    room = max(width - cells(key) - 4, 0)
    quiet = row.command is not None and row.command.useless
    return [
        (f"  {shorten(row.text, room, end=True)} ", "quiet" if quiet else "name"),
        (f"{key} ", "quiet" if quiet or row.command is None else "wait"),
    ]
