"""Lines of words in a few tones, drawn line by line; the base of lists, gauges and the plan of the queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.text import Line

TONES = ("name", "quiet", "busy", "good", "wait", "bad")


def lit(strip: Strip, quiet: Style, plain: Style) -> Strip:
    """Return a line as the cursor shows it: grey words, which its ground would swallow, are like all others."""
    segments = [Segment(text, plain if style == quiet else style) for text, style, _ in strip]
    return Strip(segments, strip.cell_length)


class StyledLines(ScrollView):
    """Shows the lines that a class of its kind makes for a width; a cursor is on one of them, or on none."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"styled-lines--cursor"} | {
        f"styled-lines--{tone}" for tone in TONES
    }
    DEFAULT_CSS = """
    StyledLines {
        scrollbar-size-horizontal: 0;
        scrollbar-size-vertical: 1;
        & > .styled-lines--name { color: $foreground; }
        & > .styled-lines--quiet { color: $foreground 66%; }
        & > .styled-lines--busy { color: $primary; }
        & > .styled-lines--good { color: $success; }
        & > .styled-lines--wait { color: $accent; }
        & > .styled-lines--bad { color: $error; }
        & > .styled-lines--cursor { background: $foreground 10%; }
        &:focus > .styled-lines--cursor { background: $primary 20%; }
    }
    """

    heading = 0
    """How many lines stay at the top while the others scroll."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines: Sequence[Line] = ()
        self._cursor: int | None = None

    def lines(self, width: int) -> Sequence[Line]:
        """Return what is shown in that many cells."""
        raise NotImplementedError

    def lay_out(self) -> None:
        """Make the lines anew."""
        self._lines = self.lines(self.scrollable_content_region.width)
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._lines))
        self.refresh()

    def on_resize(self) -> None:
        """Fit the lines to the width."""
        self.lay_out()

    def watch_show_vertical_scrollbar(self) -> None:
        """Fit the lines to the width beside the bar, which comes and goes with them."""
        self.lay_out()

    def render_line(self, y: int) -> Strip:
        """One line."""
        width = self.scrollable_content_region.width
        index = y if y < self.heading else y + self.scroll_offset.y
        if index >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[index]
        strip = Strip([Segment(text, self._tone(tone)) for text, tone in line]).adjust_cell_length(width)
        base = self.rich_style
        if index == self._cursor:
            strip = lit(strip, self._tone("quiet"), self._tone("name"))
            base += Style(bgcolor=self.get_component_rich_style("styled-lines--cursor").bgcolor)
        return strip.apply_style(base)

    def _tone(self, tone: str) -> Style:
        return Style(color=self.get_component_rich_style(f"styled-lines--{tone}").color)
