"""One line of tabs, each with the number that opens it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget


class TabBar(Widget):
    """Shows titles and which is open; a click asks for another."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"tab-bar--open", "tab-bar--other"}
    DEFAULT_CSS = """
    TabBar {
        height: 1;
        & > .tab-bar--open { color: $foreground; background: $primary 35%; text-style: bold; }
        & > .tab-bar--other { color: $foreground 66%; }
    }
    """

    index: reactive[int] = reactive(0)
    """Which is open."""

    @dataclass
    class Clicked(Message):
        """A tab was clicked."""

        index: int

    def __init__(self, titles: Sequence[str], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._labels = [f" {number} {title} " for number, title in enumerate(titles, 1)]

    def labels(self) -> list[str]:
        """Return what stands in each tab: the numbers alone of those that are not open, where not all titles fit."""
        if sum(map(len, self._labels)) <= self.size.width:
            return self._labels
        return [
            label if number == self.index else f" {number + 1} " for number, label in enumerate(self._labels)
        ]

    def render_line(self, y: int) -> Strip:  # noqa: ARG002
        """All titles; the open one is highlighted, or in brackets where there are no colours."""
        segments = []
        for number, label in enumerate(self.labels()):
            is_open = number == self.index
            style = self.get_component_rich_style(f"tab-bar--{'open' if is_open else 'other'}")
            segments.append(Segment(f"[{label[1:-1]}]" if is_open else label, style))
        return (
            Strip(segments).adjust_cell_length(self.size.width, self.rich_style).apply_style(self.rich_style)
        )

    def on_click(self, event: events.Click) -> None:
        """Show the tab that is clicked."""
        end = 0
        for index, label in enumerate(self.labels()):
            end += len(label)
            if event.x < end:
                self.post_message(self.Clicked(index))
                return
