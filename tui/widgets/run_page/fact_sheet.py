"""Facts in titled sections, laid out in as many columns as a screen has room for; drawn line by line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.text import Text
from textual.binding import BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.keymap.bindings import bindings
from tui.views.run_page_facts import FactSection

COLUMN = 52
"""Cells that a column has at least."""
MOST_COLUMNS = 3
GAP = 3


Line = tuple[str, str, bool]
"""A name, a value, and whether the name is a title."""


class FactSheet(ScrollView, can_focus=True):
    """Shows sections."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"fact-sheet--title", "fact-sheet--name"}
    DEFAULT_CSS = """
    FactSheet {
        padding: 0 1;
        scrollbar-size-horizontal: 0;
        scrollbar-gutter: stable;
        & > .fact-sheet--title { color: $primary; text-style: bold; }
        & > .fact-sheet--name { color: $foreground 66%; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("FactSheet")

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._sections: tuple[FactSection, ...] = ()
        self._columns: list[list[Line]] = []
        self._width = 0
        self._indent = 0

    def show(self, sections: Sequence[FactSection]) -> None:
        """Show these sections."""
        if tuple(sections) != self._sections:
            self._sections = tuple(sections)
            self._lay_out()

    def on_resize(self) -> None:
        """Lay the sections out anew."""
        self._lay_out()

    def _lay_out(self) -> None:
        whole = self.scrollable_content_region.width
        if not whole:
            return
        count = max(1, min(MOST_COLUMNS, (whole + GAP) // (COLUMN + GAP)))
        self._width = (whole + GAP) // count - GAP
        names = [len(name) for section in self._sections for name, _ in section.facts]
        self._indent = min(max(names, default=0), self._width // 2) + 2
        blocks = [self._block(section) for section in self._sections]
        self._columns = balance_columns(blocks, count)
        size = Size(whole, max(map(len, self._columns), default=0))
        if size != self.virtual_size:
            self.virtual_size = size
        self.refresh()

    def _block(self, section: FactSection) -> list[Line]:
        lines: list[Line] = [(section.title, "", True)]
        room = max(1, self._width - self._indent)
        for name, value in section.facts:
            wrapped = Text(value).wrap(self.app.console, room, overflow="fold") or [Text()]
            for number, line in enumerate(wrapped):
                lines.append((name if number == 0 else "", line.plain.rstrip(), False))
        return [*lines, ("", "", False)]

    def render_line(self, y: int) -> Strip:
        """One line of all columns."""
        width, index = self.scrollable_content_region.width, y + int(self.scroll_offset.y)
        segments: list[Segment] = []
        for column in self._columns:
            strip = Strip(self._cell(*column[index])) if index < len(column) else Strip([])
            segments += [*strip.adjust_cell_length(self._width), Segment(" " * GAP)]
        return Strip(segments).adjust_cell_length(width).apply_style(self.rich_style)

    def _cell(self, name: str, value: str, is_title: bool) -> list[Segment]:
        if is_title:
            return [Segment(name, self.get_component_rich_style("fact-sheet--title"))]
        quiet = self.get_component_rich_style("fact-sheet--name")
        return [Segment(f"{name[: self._indent - 1]:<{self._indent}}", quiet), Segment(value)]


def balance_columns(blocks: Sequence[list[Line]], columns: int) -> list[list[Line]]:
    """Return the blocks, kept whole and in order, in columns of which the longest is as short as can be."""
    low, high = max(map(len, blocks), default=0), sum(map(len, blocks))
    while low < high:
        middle = (low + high) // 2
        if len(_fill(blocks, middle)) <= columns:
            high = middle
        else:
            low = middle + 1
    return _fill(blocks, low)


def _fill(blocks: Sequence[list[Line]], height: int) -> list[list[Line]]:
    filled: list[list[Line]] = [[]]
    for block in blocks:
        if filled[-1] and len(filled[-1]) + len(block) > height:
            filled.append([])
        filled[-1] += block
    return filled
