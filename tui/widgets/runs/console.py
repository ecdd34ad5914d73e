"""The last lines that a run has said, as many as fit; text as text."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from tui.text import shorten


class Console(Widget):
    """Shows the end of a list of clean lines."""

    DEFAULT_CSS = """
    Console { color: $foreground 75%; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines: Sequence[str] = ()

    def show(self, lines: Sequence[str]) -> None:
        """Show these lines from now on."""
        if tuple(lines) != self._lines:
            self._lines = tuple(lines)
            self.refresh(self.content_size.region)

    def render_line(self, y: int) -> Strip:
        """One of the last lines."""
        visible = self._lines[-self.size.height :]
        text = visible[y] if y < len(visible) else ""
        return Strip([Segment(_cut(text, self.size.width), self.rich_style)]).adjust_cell_length(
            self.size.width, self.rich_style
        )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width and text.isascii() else shorten(text, width, end=True)
