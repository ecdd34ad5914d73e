"""Keys and what they do, in sections one below the other, one of them chosen."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from textual import events
from textual.geometry import Region
from textual.message import Message

from tui.text import Line, shorten
from tui.widgets.styled_lines import StyledLines

MIN_WIDTH = 10
"""Cells that what keys do has at least, before it is continued on the next line."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A line of the page: keys as they are written there, and what they do."""

    keys: str
    words: str


class KeyList(StyledLines, can_focus=False):
    """Shows sections of keys.

    Args:
        keys_width: Cells of the column of keys.
    """

    @dataclass
    class Picked(Message):
        """A line was clicked."""

        row: KeyRow

    def __init__(self, keys_width: int) -> None:
        super().__init__()
        self._keys_width = keys_width
        self._sections: Mapping[str, Sequence[KeyRow]] = {}
        self._needles: Sequence[str] = ()
        self._rows: list[KeyRow | None] = []
        """The row of each line; None for heads."""

    @property
    def chosen(self) -> KeyRow | None:
        """The row that is chosen; None where nothing is listed."""
        return self._rows[self._cursor] if self._cursor is not None else None

    def show(self, sections: Mapping[str, Sequence[KeyRow]], needles: Sequence[str]) -> None:
        """Show other sections, with the words that they were found by; the first row is chosen."""
        self._sections, self._needles = sections, needles
        self._cursor = None
        self.lay_out()
        self.scroll_to(y=0, animate=False, force=True)

    def move(self, rows: int) -> None:
        """Choose another row, so many further down."""
        places = self._places()
        if not places or self._cursor is None:
            return
        at = max(0, min(places.index(self._cursor) + rows, len(places) - 1))
        self._cursor = places[at]
        top = 0 if at == 0 else self._cursor
        end = places[at + 1] if at + 1 < len(places) else len(self._rows)
        self.scroll_to_region(Region(0, top, 1, end - top), animate=False, force=True)
        self.refresh()

    def _places(self) -> list[int]:
        """Return the first line of each row."""
        rows = self._rows
        return [at for at, row in enumerate(rows) if row is not None and (at == 0 or rows[at - 1] is not row)]

    def lines(self, width: int) -> Sequence[Line]:
        """Return the sections, each under its head."""
        chosen = self.chosen
        lines: list[Line] = []
        self._rows = []
        for section, rows in self._sections.items():
            lines.append(self._marked(section, "busy"))
            self._rows.append(None)
            for row in rows:
                keys = shorten(f"  {row.keys}", self._keys_width)
                for part in wrap(row.words, max(width - self._keys_width, MIN_WIDTH)):
                    lines.append([*self._marked(keys, "wait"), *self._marked(part, "name")])
                    keys = " " * self._keys_width
                    self._rows.append(row)
        places = self._places()
        self._cursor = next((at for at in places if self._rows[at] is chosen), next(iter(places), None))
        return lines

    def _marked(self, text: str, tone: str) -> Line:
        """Return a text with what was searched for in a tone of its own."""
        if not self._needles:
            return [(text, tone)]
        parts = re.split(f"({'|'.join(map(re.escape, self._needles))})", text, flags=re.IGNORECASE)
        return [(part, "good" if at % 2 else tone) for at, part in enumerate(parts)]

    def on_click(self, event: events.Click) -> None:
        """Choose what is clicked, and do it."""
        at = event.y + int(self.scroll_offset.y)
        if 0 <= at < len(self._rows) and (row := self._rows[at]) is not None:
            event.stop()
            self._cursor = self._rows.index(row)
            self.refresh()
            self.post_message(self.Picked(row))
