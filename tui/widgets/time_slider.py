"""The way from the first event to now on one line: what runs did, and the moment that is looked at.

::

    09:12 ├──▏──────▏─▏────────●────────▏▏───────▏──────────────▏──┤ now 11:50
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.strip import Strip
from textual.widget import Widget

from tui.keymap.bindings import bindings
from tui.state.snapshot import Past


class TimeSlider(Widget, can_focus=True):
    """Shows where between the first event and now a moment lies; hidden while now is shown.

    Args:
        chosen: Called with a moment that is clicked, in seconds since the epoch.
    """

    DEFAULT_CSS = """
    TimeSlider { display: none; height: 1; padding: 0 1; color: $foreground 75%; }
    TimeSlider.-shown { display: block; }
    TimeSlider > .time-slider--moment { color: $warning; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"time-slider--moment"}
    BINDINGS: ClassVar[list[BindingType]] = bindings("TimeSlider")

    def __init__(self, chosen: Callable[[float], None], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._chosen = chosen
        self._past: Past | None = None

    def show(self, past: Past | None) -> None:
        """Show a moment; None for now."""
        self._past = past
        self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002
        """Return the one line."""
        style, marked = self.rich_style, self.get_component_rich_style("time-slider--moment")
        segments = [
            Segment(text, marked if is_moment else style)
            for text, is_moment in slider(self._past, self.size.width)
        ]
        return Strip(segments).adjust_cell_length(self.size.width, style)

    def on_click(self, event: events.Click) -> None:
        """Go to the moment that is clicked."""
        if self._past is not None:
            begin, cells = _track(self._past, self.size.width)
            first = _first(self._past)
            share = max(0.0, min(1.0, (event.x - 1 - begin) / max(1, cells - 1)))
            self._chosen(first + share * (self._past.now - first))


def slider(past: Past | None, width: int) -> list[tuple[str, bool]]:
    """Return the line in parts, each with whether it is the mark of the moment.

    Args:
        past: The moment and what happened.
        width: Cells.
    """
    if past is None or width < 1:
        return []
    first, (_, cells) = _first(past), _track(past, width)
    span = max(past.now - first, 1e-9)

    def cell(moment: float) -> int:
        return max(0, min(cells - 1, round((moment - first) / span * (cells - 1))))

    track = ["─"] * cells
    for happening in past.happenings:
        track[cell(happening.time)] = "▏"
    at = cell(past.moment)
    left, right = _ends(past)
    return [
        (f"{left}├{''.join(track[:at])}", False), ("●", True), (f"{''.join(track[at + 1 :])}┤{right}", False),
    ]  # fmt: skip


def _first(past: Past) -> float:
    """Return when the line begins: with the first event, or with a moment before it."""
    return min([past.moment, *(happening.time for happening in past.happenings[:1])])


def _ends(past: Past) -> tuple[str, str]:
    """Return what stands before and behind the track; days where it is longer than one."""
    first = time.localtime(_first(past))
    is_today = past.now - _first(past) < 86_400
    begin = time.strftime("%H:%M", first) if is_today else f"{first.tm_mday} {time.strftime('%b', first)}"
    return f"{begin} ", f" now {time.strftime('%H:%M', time.localtime(past.now))}"


def _track(past: Past, width: int) -> tuple[int, int]:
    """Return the first cell of the track, and how many it has."""
    left, right = _ends(past)
    return len(left) + 1, max(1, width - len(left) - len(right) - 2)
