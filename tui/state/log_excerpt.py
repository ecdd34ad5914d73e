"""What a log shows of its lines: all of them or those that match, with their times or without.

Each grows with the log and looks at a line once; a log that forgets its oldest lines, or is another, is looked at anew.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left

from tui.state.log_buffer import Lines

TIME_CELLS = 10
"""Cells of the time before a line, and of the indent of further lines of a message."""
TIMED = re.compile(rf"\d\d:\d\d:\d\d  | {{{TIME_CELLS}}}")


class UntimedLines:
    """A log without the times before its lines."""

    def __init__(self) -> None:
        self._log: list[str] = []
        self._text: list[str] = []
        self._extents = array("l")

    def of(self, lines: Lines) -> Lines:
        """Return as many lines, each without its time."""
        if lines.text is not self._log:
            self._log, self._text, self._extents = lines.text, [], array("l")
        for text, extent in zip(
            lines.text[len(self._text) : lines.count],
            lines.extents[len(self._text) : lines.count],
            strict=True,
        ):
            cut = TIME_CELLS if TIMED.match(text) else 0
            self._text.append(text[cut:])
            self._extents.append(extent - cut if extent >= 0 else extent + cut)
        return Lines(self._text, self._extents, lines.kinds, lines.count, lines.forgotten)


class ChosenLines:
    """Some lines of a log."""

    def __init__(self) -> None:
        self._log: list[str] = []
        self._numbers = array("l")
        self._lines = Lines()

    def of(self, lines: Lines, numbers: array[int]) -> Lines:
        """Return the lines of these numbers; ``forgotten`` says how many of the numbers have no line any more.

        Args:
            lines: The log.
            numbers: Ascending, counted from the first line that there ever was.
        """
        first = bisect_left(numbers, lines.forgotten)
        if lines.text is not self._log or numbers is not self._numbers:
            self._log, self._numbers, self._lines = lines.text, numbers, Lines(forgotten=first)
        text, extents, kinds = self._lines.text, self._lines.extents, self._lines.kinds
        for number in numbers[first + len(text) :]:
            text.append(lines.text[number - lines.forgotten])
            extents.append(lines.extents[number - lines.forgotten])
            kinds.append(lines.kinds[number - lines.forgotten])
        self._lines = Lines(text, extents, kinds, len(text), first)
        return self._lines
