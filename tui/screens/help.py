"""What every key does, on one page that can be searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui.keymap.bindings import bindings, page_of_keys
from tui.terminal.dismissal import ClosesOnce
from tui.widgets.text_box import TextBox

KEYS = page_of_keys()

KEYS_WIDTH = max(len(key) for keys in KEYS.values() for key, _ in keys) + 2
"""Cells of the column of keys, whichever of them are shown."""


class HelpScreen(ClosesOnce, ModalScreen[None]):
    """The keys; what is typed leaves those that it is found in, escape takes it back and then closes.

    Args:
        first: The section that stands over the others: that of the screen it was asked for on.
    """

    DEFAULT_CSS = """
    HelpScreen {
        & > Vertical { width: 76; max-width: 95%; height: 90%; max-height: 66; padding: 0 1; background: $surface;
                       border: round $primary; border-title-style: bold; border-subtitle-color: $foreground 66%; }
        & Input { height: 1; border: none; padding: 0 1; background: $panel; }
        & VerticalScroll { height: 1fr; margin-top: 1; padding: 0 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("HelpScreen")

    def __init__(self, first: str = "Runs") -> None:
        super().__init__()
        self._first = first

    def compose(self) -> ComposeResult:
        """A line to search with, over a table of keys."""
        with Vertical() as box:
            box.border_title = "Keys"
            box.border_subtitle = "type to search   ↑ ↓ scroll   esc closes"
            line = TextBox(placeholder="stop, zoom, ctrl …", compact=True, id="help-search")
            line.cursor_blink = False
            yield line
            with VerticalScroll(can_focus=False) as page:
                page.show_horizontal_scrollbar = False
                yield Static(table(self._matching("")), markup=False)

    @on(Input.Changed)
    def _search(self, message: Input.Changed) -> None:
        sections = self._matching(message.value)
        self.query_one(Static).update(table(sections, message.value) if sections else "No key does that.")
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def _matching(self, text: str) -> dict[str, list[tuple[str, str]]]:
        sections = matching(text)
        return {name: sections[name] for name in sorted(sections, key=lambda name: name != self._first)}

    def action_back(self) -> None:
        """Show all keys again, or close."""
        line = self.query_one(Input)
        if line.value:
            line.value = ""
        else:
            self.dismiss()

    def action_scroll(self, lines: int) -> None:
        """Go up or down by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_page(self, pages: int) -> None:
        """Go up or down by pages."""
        page = self.query_one(VerticalScroll)
        page.scroll_relative(y=pages * page.size.height, animate=False)


def matching(text: str) -> dict[str, list[tuple[str, str]]]:
    """Return the keys whose own line, or section, has every word of a text."""
    words = needles(text)
    sections = {
        section: [
            (key, what)
            for key, what in keys
            if all(word in f"{section} {key} {what}".casefold() for word in words)
        ]
        for section, keys in KEYS.items()
    }
    return {section: keys for section, keys in sections.items() if keys}


def needles(text: str) -> list[str]:
    """Return the words that a text asks for; a slash before the first is how searches begin elsewhere."""
    words = text.casefold().split()
    return [words[0].removeprefix("/") or "/", *words[1:]] if words else []


def table(sections: Mapping[str, Sequence[tuple[str, str]]], text: str = "") -> Table:
    """Return keys as a table, with what was searched for underlined."""
    grid = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    grid.add_column(min_width=KEYS_WIDTH)
    for section, keys in sections.items():
        grid.add_row(_marked(section, "bold", text))
        for key, what in keys:
            grid.add_row(_marked(f"  {key}", "cyan", text), _marked(what, "", text))
    return grid


def _marked(words: str, style: str, text: str) -> Text:
    marked = Text(words, style)
    marked.highlight_words(needles(text), "bold underline", case_sensitive=False)
    return marked
