"""What a run has said, as clean lines that grow at the end: written by the feed's thread, shown by a log.

A transcript is columns, not objects: a hundred thousand lines are looked at as quickly as ten. The feed appends; what
the screen holds is a view that ends where the transcript ended when it was made.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from enum import IntEnum

from rich.cells import cell_len

from engine.text import clean

MAX_LINES = 200_000
MAX_CHARACTERS = 8 * 1024 * 1024
"""Of all lines together; beyond either the oldest quarter is forgotten."""
MAX_LINE = 4096
"""Characters of one line."""


class LogLineKind(IntEnum):
    """What a line is, for whoever gives it a colour."""

    PLAIN = 0
    PRINTED = 1
    QUIET = 2
    WARNING = 3
    ERROR = 4
    HEADING = 5


@dataclass(frozen=True, eq=False)
class Lines:
    """The first ``count`` lines of three columns that others may still append to."""

    text: list[str] = field(default_factory=list)
    extents: array[int] = field(default_factory=lambda: array("l"))
    """Each line's length; below 0 where characters are not all one cell wide."""
    kinds: bytearray = field(default_factory=bytearray)
    count: int = 0
    forgotten: int = 0
    """How many lines stood before the first."""


class Transcript:
    """Takes lines, and forgets the oldest when there are too many."""

    def __init__(self, most_lines: int = MAX_LINES, most_characters: int = MAX_CHARACTERS) -> None:
        self._most_lines, self._most_characters = most_lines, most_characters
        self._text: list[str] = []
        self._extents = array("l")
        self._kinds = bytearray()
        self._characters = 0
        self._forgotten = 0
        self._view = Lines()

    def append(self, text: str, kind: LogLineKind = LogLineKind.PLAIN) -> None:
        """Add a line; what a terminal would act on is taken out of it."""
        text = clean(text)[:MAX_LINE]
        narrow = text.isascii() or cell_len(text) == len(text)
        self._text.append(text)
        self._extents.append(len(text) if narrow else -len(text))
        self._kinds.append(kind)
        self._characters += len(text)
        if len(self._text) > self._most_lines or self._characters > self._most_characters:
            self._forget()

    def view(self) -> Lines:
        """Return the lines there are now; the same object as before if nothing was added."""
        last = self._view
        if len(self._text) != last.count or self._forgotten != last.forgotten:
            self._view = Lines(self._text, self._extents, self._kinds, len(self._text), self._forgotten)
        return self._view

    def _forget(self) -> None:
        """Go on in new columns without the oldest quarter: a view may still show the old ones."""
        gone = max(1, len(self._text) // 4)
        self._forgotten += gone
        self._text, self._extents, self._kinds = (
            self._text[gone:],
            self._extents[gone:],
            self._kinds[gone:],
        )
        self._characters = sum(map(abs, self._extents))
