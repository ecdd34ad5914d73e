"""The screen in ASCII alone."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from tui.terminal.ascii_text import plain_line


class AsciiFilter(LineFilter):
    """Replaces what is not ASCII in all that is drawn."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """Return the segments with other text and the same styles."""
        if all(segment.control or segment.text.isascii() for segment in segments):
            return segments
        texts = plain_line(tuple("" if segment.control else segment.text for segment in segments))
        return [
            segment if segment.control else Segment(text, segment.style)
            for segment, text in zip(segments, texts, strict=True)
        ]
