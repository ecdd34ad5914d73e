"""The rows of the form, drawn line by line: key, value, where that is from, what the key means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.keymap.bindings import bindings
from tui.text import shorten
from tui.views.experiment_form_rows import FormEntry, passing
from tui.widgets.styled_lines import lit

KEY, SOURCE = 21, 10
"""Cells of a key, and of where its value is from."""
NARROW = 60
"""Cells for value and help below which there is no help beside the value; the line below the list has it."""
SOURCES = {
    "changed": "* changed",
    "here": "here",
    "defaults": "[defaults]",
    "recipe": "recipe",
    "built in": "built in",
    "unknown": "unknown",
}


class FormList(ScrollView, can_focus=True):
    """Shows entries and keeps a cursor."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "form-list--quiet", "form-list--cursor", "form-list--changed", "form-list--unknown",
    }  # fmt: skip
    DEFAULT_CSS = """
    FormList {
        scrollbar-size-horizontal: 0;
        & > .form-list--quiet { color: $foreground 66%; }
        & > .form-list--cursor { background: $primary 20%; }
        & > .form-list--changed { color: $accent; text-style: bold; }
        & > .form-list--unknown { color: $error; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("FormList")

    cursor: reactive[int] = reactive(0)
    """The index of the entry under the cursor."""

    @dataclass
    class Moved(Message):
        """Another entry is under the cursor."""

    @dataclass
    class Picked(Message):
        """The entry under the cursor was clicked once more."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._entries: list[FormEntry] = []
        self._all: Sequence[FormEntry] = ()
        self._words = ""

    @property
    def entry(self) -> FormEntry | None:
        """The entry under the cursor."""
        return self._entries[self.cursor] if self.cursor < len(self._entries) else None

    def show(self, entries: Sequence[FormEntry]) -> None:
        """Show these entries, or those of them that are searched for; the cursor stays on its key."""
        key = self.entry.key if self.entry else None
        self._all = entries
        self._entries = passing(entries, self._words)
        self.virtual_size = Size(self.size.width, len(self._entries))
        self.cursor = next((i for i, entry in enumerate(self._entries) if entry.key == key), self.cursor)
        self.refresh()
        self.post_message(self.Moved())

    def search(self, words: str) -> None:
        """Show the entries that have some words alone, the cursor on the first; all for none, where it stays."""
        self._words = words
        self.show(self._all)
        if words:
            self.cursor = 0

    def go_to(self, key: str) -> None:
        """Put the cursor on a key; a search that leaves it out ends."""
        if not any(entry.key == key for entry in self._entries):
            self.search("")
        self.cursor = next((i for i, entry in enumerate(self._entries) if entry.key == key), self.cursor)

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on an entry."""
        return max(0, min(cursor, len(self._entries) - 1))

    def watch_cursor(self) -> None:
        """Bring the entry into view."""
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)
        self.refresh()
        self.post_message(self.Moved())

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self.cursor += rows

    def on_click(self, event: events.Click) -> None:
        """Move to the entry that is clicked; where the cursor stands, pick it."""
        index = event.y + self.scroll_offset.y
        if index < len(self._entries):
            if index == self.cursor:
                self.post_message(self.Picked())
            self.cursor = index

    @property
    def value_place(self) -> tuple[Offset, int]:
        """Where the value of the entry under the cursor stands in the widget, and how wide it is."""
        return Offset(KEY, self.cursor - self.scroll_offset.y), self._value_width

    @property
    def _value_width(self) -> int:
        room = self.scrollable_content_region.width - KEY - SOURCE - 2
        return max(10, room if room < NARROW else room * 2 // 5)

    def render_line(self, y: int) -> Strip:
        """One entry."""
        width, index = self.scrollable_content_region.width, y + self.scroll_offset.y
        if index >= len(self._entries):
            return Strip.blank(width, self.rich_style)
        entry, room = self._entries[index], self._value_width
        changed, quiet = self._style("changed"), self._style("quiet")
        loud = {"changed": changed, "unknown": self._style("unknown")}.get(entry.source)
        own = loud or (Style() if entry.source == "here" else quiet)
        strip = Strip(
            [
                Segment(shorten(f" {entry.key}", KEY), loud or Style()),
                Segment(shorten(entry.value or "–", room), own),
                Segment(f"  {SOURCES[entry.source]:<{SOURCE}}", own),
                Segment(
                    shorten(
                        f"  {entry.meaning or entry.help}", max(0, width - KEY - room - SOURCE - 2), end=True
                    ),
                    quiet,
                ),
            ]
        ).adjust_cell_length(width)
        base = self.rich_style
        if index == self.cursor:
            strip = lit(strip, quiet, Style())
            base += Style(bgcolor=self.get_component_rich_style("form-list--cursor").bgcolor)
            strip = Strip([Segment("▸", Style(bold=True)), *strip.crop(1, width)])
        return strip.apply_style(base)

    def _style(self, name: str) -> Style:
        component = self.get_component_rich_style(f"form-list--{name}")
        return Style(color=component.color, bold=component.bold)
