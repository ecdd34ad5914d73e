"""A range of columns that is marked with the mouse in a picture, to be seen whole afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip

LEAST = 2
"""Columns that a range has to have: a click that trembles marks none."""


@dataclass(frozen=True)
class RangeSelection:
    """From where the mouse went down to where it is, both within the columns that curves are drawn in."""

    start: int
    end: int

    @property
    def columns(self) -> tuple[int, int] | None:
        """The first and the last column; None while they are too few."""
        first, last = sorted((self.start, self.end))
        return (first, last) if last - first >= LEAST - 1 else None

    def on(self, strips: Sequence[Strip], top: int, height: int, style: Style) -> list[Strip]:
        """Return a picture with the range in a style.

        Args:
            strips: The picture, a strip a row.
            top: The first row that curves are drawn in.
            height: How many rows those are.
            style: Laid over what stands there.
        """
        if self.columns is None:
            return list(strips)
        first, last = self.columns
        return [
            _styled(strip, first, last + 1, style) if top <= y < top + height else strip
            for y, strip in enumerate(strips)
        ]


def marks(event: events.MouseDown, *, whole: bool) -> bool:
    """Return whether a press of the mouse begins to mark: the right button and shift do; any, where all is in view."""
    return event.button == 3 or (event.button == 1 and (event.shift or whole))


def _styled(strip: Strip, first: int, end: int, style: Style) -> Strip:
    if first >= (width := strip.cell_length):  # the terminal has just become narrower
        return strip
    before, inside, *after = strip.divide([first, min(end, width), width])
    painted = [Segment(text, (own or Style()) + style) for text, own, _ in inside]
    return Strip.join([before, Strip(painted, inside.cell_length), *after])
