"""The most frequent mistakes of a confusion matrix: which class is taken for which, and how often."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.analysis.confusion import Matrix
from engine.text import percent
from tui.text import shorten

NUMBERS = 14
"""Cells of a count and its share."""


class Mistakes(ScrollView):
    """A line for each mistake; a click asks for its cell."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"mistakes--quiet"}
    DEFAULT_CSS = """
    Mistakes {
        scrollbar-size-horizontal: 0;
        scrollbar-gutter: stable;
        & > .mistakes--quiet { color: $foreground 66%; }
    }
    """

    class Clicked(Message):
        """A mistake was clicked."""

        def __init__(self, cell: tuple[int, int]) -> None:
            super().__init__()
            self.cell = cell

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._matrix: Matrix | None = None

    def show(self, matrix: Matrix | None) -> None:
        """Show the mistakes of this matrix."""
        if matrix is not self._matrix:
            self._matrix = matrix
            self.virtual_size = Size(self.size.width, len(matrix.mistakes) + 1 if matrix else 0)
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Say which confusion is clicked."""
        index = event.y - 1 + self.scroll_offset.y
        if self._matrix is not None and event.y and index < len(self._matrix.mistakes):
            mistake = self._matrix.mistakes[index]
            self.post_message(self.Clicked((mistake.true, mistake.taken)))

    def render_line(self, y: int) -> Strip:
        """One mistake; the first line is the heading."""
        width = self.scrollable_content_region.width
        index = y - 1 + self.scroll_offset.y
        if self._matrix is None or (y and index >= len(self._matrix.mistakes)):
            return Strip.blank(width, self.rich_style)
        quiet = self.get_component_rich_style("mistakes--quiet")
        if y == 0:
            none = "" if self._matrix.mistakes else ": none"
            strip = Strip([Segment(f"most confused: true → predicted{none}", quiet)])
        else:
            strip = Strip([Segment(mistake_line(self._matrix, index, min(width, 60)))])
        return strip.adjust_cell_length(width).apply_style(self.rich_style)


def mistake_line(matrix: Matrix, index: int, width: int) -> str:
    """Return a mistake in a width: the classes, how many images, and which share of the true class."""
    mistake = matrix.mistakes[index]
    share = percent(matrix.shares[mistake.true, mistake.taken])
    room = max(2, width - NUMBERS - 3)
    true = matrix.labels[mistake.true]
    left = shorten(true, min(len(true), room // 2)) if true.isascii() else shorten(true, room // 2)
    names = f"{left} → {shorten(matrix.labels[mistake.taken], room - room // 2)}"
    return f"{shorten(names, room + 3)} {mistake.images:>6,} {share:>4} %"
