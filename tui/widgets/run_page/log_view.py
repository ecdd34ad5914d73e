"""A log of any length, drawn line by line: only rows in view are touched, and a search leaves the screen alive.

Lines may be wrapped, at words; their times may be left out, and so may what does not match. A column of sums says which
line a row is of.
"""

from __future__ import annotations

import asyncio
import re
import time
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual import work
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.keymap.bindings import bindings
from tui.state.log_buffer import Lines, LogLineKind
from tui.state.log_excerpt import ChosenLines, UntimedLines
from tui.widgets.run_page.line_wrapping import Wrapping, step_of

SLICE_S = 0.005
"""Seconds after which a search yields to the event loop."""
MAX_MARKS = 200
"""Matches in one line that are highlighted."""


class Place(NamedTuple):
    """What is in view: the line of the first row, counted from the first there ever was, and which row of it."""

    line: int
    row: int
    following: bool


class LogView(ScrollView, can_focus=True):
    """Shows lines; posts ``Looked`` when what it says of itself has changed."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"log--{kind.name.lower()}" for kind in LogLineKind),
        "log--match",
        "log--hit",
    }
    DEFAULT_CSS = """
    LogView {
        scrollbar-size-horizontal: 0;
        scrollbar-gutter: stable;
        & > .log--plain { color: $foreground; }
        & > .log--printed { color: $foreground 80%; }
        & > .log--quiet { color: $foreground 66%; }
        & > .log--warning { color: $warning; }
        & > .log--error { color: $error; }
        & > .log--heading { color: $foreground; text-style: bold; }
        & > .log--match { color: $accent; text-style: underline; }
        & > .log--hit { color: $background; background: $accent; text-style: bold underline; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("LogView")

    following: reactive[bool] = reactive(True)
    """Whether the end is shown when something is added to it."""
    wrapped: reactive[bool] = reactive(True)
    timed: reactive[bool] = reactive(True)
    """Whether lines have their times."""
    only_matches: reactive[bool] = reactive(False)
    """Whether only the lines that match are shown, while something is searched for."""

    @dataclass
    class Looked(Message):
        """Its lines, its view or its matches have changed."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.lines = Lines()
        """The log, with its times or without: what is searched."""
        self.pattern: re.Pattern[str] | None = None
        self.hits = array("l")
        """The lines that match, counted from the first there ever was."""
        self.hit: int | None = None
        """Which of them was gone to."""
        self._searched = 0
        self._place: Place | None = None
        """What was in view when a search began to be typed."""
        self._from: int | None = None
        """The line from which on a match is gone to; None for the top of the view."""
        self._log = Lines()
        self._untimed = UntimedLines()
        self._shown = Lines()
        """What is drawn: all, or what matches."""
        self._matching = ChosenLines()
        self._ends: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        """(N,) rows of all lines up to and with each."""
        self._width = 0
        self._wrapping = Wrapping()

    # ---- showing

    def show(self, lines: Lines) -> None:
        """Show these lines; what was in view stays there, or the end does while it is followed."""
        if lines is self._log:
            return
        is_another = lines.text is not self._log.text and lines.forgotten <= self._log.forgotten
        self._log = lines
        self.lines = lines if self.timed else self._untimed.of(lines)
        if is_another:
            self.end_typing()
            if self.pattern is not None:
                self.search(self.pattern)
        self._lay_out()
        self._search_on()
        self.post_message(self.Looked())

    def on_resize(self) -> None:
        """Break the lines anew."""
        self._lay_out()

    def watch_wrapped(self) -> None:
        """Break the lines, or show each as one row."""
        if self.is_mounted:
            self.scroll_to(x=0, animate=False)
            self._lay_out()
            self.post_message(self.Looked())

    def watch_timed(self) -> None:
        """Leave the times out, or show them; what is searched for is searched without them too."""
        self.lines = self._log if self.timed else self._untimed.of(self._log)
        self._lay_out()
        if self.pattern is not None:
            self.search(self.pattern)
        self.post_message(self.Looked())

    def watch_only_matches(self) -> None:
        """Leave out what does not match, or show everything; the match that was gone to stays in view."""
        if self.is_mounted and self.pattern is not None:
            self._lay_out()
            if self.hit is not None:
                self._go_to(self.hit)
            self.post_message(self.Looked())

    def watch_following(self) -> None:
        """Go to the end."""
        if self.is_mounted and self.following:
            self._to_row(self.max_scroll_y)
        self.post_message(self.Looked())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Stop following the end when the user scrolls up."""
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value and new_value < self.max_scroll_y:
            self.set_reactive(LogView.following, False)
        self.post_message(self.Looked())

    def _lay_out(self) -> None:
        width = self.scrollable_content_region.width
        if not width:
            return
        top = self._line_at(int(self.scroll_offset.y))[0] + self._forgotten
        self._shown = shown = self._matching.of(self.lines, self.hits) if self.is_narrowed else self.lines
        extents = np.array(shown.extents[: shown.count], dtype=np.int64)
        self._forgotten = shown.forgotten
        self._width = width if self.wrapped else 0
        following = self.following
        widest = width
        if self.wrapped:
            self._ends = np.cumsum(self._wrapping.count(shown.text, extents, width))
        else:
            self._ends = np.arange(1, len(extents) + 1)
            widest = int(np.where(extents < 0, -2 * extents, extents).max(initial=width))
        whole = Size(widest, int(self._ends[-1]) if len(self._ends) else 0)
        if whole != self.virtual_size:
            self.virtual_size = whole
        self._to_row(self.max_scroll_y if following else self._row_of(top - self._forgotten))
        self.set_reactive(LogView.following, following)
        self.refresh()

    _forgotten = 0
    """Of the lines that are laid out: how many stood before the first."""

    def _to_row(self, row: int) -> None:
        self.scroll_to(y=row, animate=False, immediate=True, force=True)

    def _line_at(self, row: int) -> tuple[int, int]:
        """Return the line that a row is of, and which of its rows it is."""
        line = bisect_right(self._ends, row)
        return line, row - (int(self._ends[line - 1]) if line else 0)

    def _row_of(self, line: int) -> int:
        line = max(0, min(line, len(self._ends)))
        return int(self._ends[line - 1]) if line else 0

    # ---- acting

    def action_follow(self) -> None:
        """Follow the end, or stay."""
        self.following = not self.following

    def action_wrap(self) -> None:
        """Break long lines, or not."""
        self.wrapped = not self.wrapped

    def action_times(self) -> None:
        """Show the times of lines, or not."""
        self.timed = not self.timed

    def action_only_matches(self) -> None:
        """Show only the lines that match, or all."""
        self.only_matches = not self.only_matches

    def action_first(self) -> None:
        """Go to the first line."""
        self._to_row(0)

    def action_last(self) -> None:
        """Go to the last line, and follow."""
        self._to_row(self.max_scroll_y)
        self.following = True

    # ---- searching

    def begin_typing(self, *, anew: bool = False) -> None:
        """Let each search from now on begin at what is in view now; a search that is being typed already, if anew."""
        if self._place is None or anew:
            line, row = self._line_at(int(self.scroll_offset.y))
            line += self._forgotten
            if self.is_narrowed:
                line = next(iter(self.hits[line : line + 1]), 0)
            self._place = Place(line, row, self.following)

    def end_typing(self) -> None:
        """Let searches begin at what is in view then."""
        self._place = None

    def search(self, pattern: re.Pattern[str] | None) -> None:
        """Highlight what matches, and go to the first match from where its typing began, or the top of the view."""
        self.pattern, self.hits, self.hit = pattern, array("l"), None
        self._from = None if self._place is None else self._place.line
        self.refresh_bindings()
        self._searched = 0
        if self.only_matches:
            self._lay_out()
        self.refresh()
        self.post_message(self.Looked())
        if pattern is None:
            self._go_back()
        self._search_on()

    def _go_back(self) -> None:
        """Show what was in view when a search began to be typed."""
        if (place := self._place) is not None and not self.is_narrowed:
            self._to_row(self._row_of(place.line - self._forgotten) + place.row)
            self.following = place.following

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """There are matches to go to while something is searched for."""
        return action not in ("hit", "only_matches") or self.pattern is not None

    @property
    def is_narrowed(self) -> bool:
        """Whether only the lines that match are shown."""
        return self.only_matches and self.pattern is not None

    @property
    def searching(self) -> bool:
        """Whether there is more to search."""
        return self.pattern is not None and self._searched < self.lines.forgotten + self.lines.count

    def _search_on(self) -> None:
        if self.searching:
            self._search()

    @work(group="search", exclusive=True, exit_on_error=False)
    async def _search(self) -> None:
        top = (
            self._line_at(int(self.scroll_offset.y))[0] + self._forgotten
            if self._from is None
            else self._from
        )
        top = 0 if self.is_narrowed else top
        while self.searching:
            self._search_slice()
            if self.is_narrowed:
                self._lay_out()
            if self.hit is None and (at := bisect_left(self.hits, top)) < len(self.hits):
                self._go_to(at)
            self.post_message(self.Looked())
            await asyncio.sleep(0)
        if self.hit is None and self.hits:
            self._go_to(len(self.hits) - 1)
        elif self.hit is None:
            self._go_back()

    def _search_slice(self) -> None:
        lines, pattern = self.lines, self.pattern
        if pattern is None:
            return
        deadline = time.perf_counter() + SLICE_S
        self._searched = max(self._searched, lines.forgotten)
        for index in range(self._searched - lines.forgotten, lines.count):
            if pattern.search(lines.text[index]):
                self.hits.append(index + lines.forgotten)
            self._searched += 1
            if index % 64 == 0 and time.perf_counter() > deadline:
                break

    def action_hit(self, step: int) -> None:
        """Go to the next match, or the one before; behind the last comes the first."""
        first = bisect_left(self.hits, self.lines.forgotten)
        there = len(self.hits) - first
        if not there:
            self.app.bell()
            return
        now = first - 1 if self.hit is None else self.hit
        self.end_typing()
        self._go_to(first + (now - first + step) % there)

    def _line_of(self, hit: int) -> int:
        """Return which of the lines that are shown a match is."""
        return (hit if self.is_narrowed else self.hits[hit]) - self._forgotten

    def _go_to(self, hit: int) -> None:
        self.hit = hit
        self.set_reactive(LogView.following, False)
        row = self._row_of(self._line_of(hit))
        self._to_row(max(0, row - self.size.height // 3))
        self.refresh()
        self.post_message(self.Looked())

    # ---- copying

    def text_in_view(self) -> list[str]:
        """Return the lines that are in view, whole."""
        top = int(self.scroll_offset.y)
        rows = min(top + self.scrollable_content_region.height, int(self._ends[-1]) if len(self._ends) else 0)
        return self._shown.text[self._line_at(top)[0] : self._line_at(rows - 1)[0] + 1] if rows else []

    def last_text(self, most: int) -> list[str]:
        """Return the last of the lines that are shown, in view or not: at most so many characters of them."""
        first = self._shown.count
        while first and (most := most - len(self._shown.text[first - 1]) - 1) >= 0:
            first -= 1
        return self._shown.text[first : self._shown.count]

    @property
    def shown_count(self) -> int:
        """How many lines are shown, in view or not."""
        return self._shown.count

    # ---- drawing

    def render_line(self, y: int) -> Strip:
        """One row."""
        width = self.scrollable_content_region.width
        line, part = self._line_at(y + int(self.scroll_offset.y))
        if line >= min(self._shown.count, len(self._ends)):
            return Strip.blank(width, self.rich_style)
        text, extent = self._shown.text[line], self._shown.extents[line]
        style = self.get_component_rich_style(f"log--{LogLineKind(self._shown.kinds[line]).name.lower()}")
        style = Style(color=style.color, bold=style.bold)
        here = self.hit is not None and self._line_of(self.hit) == line
        if self._width:
            start, end, hang = self._wrapping.piece(text, step_of(extent, self._width), part)
            strip = self._strip(text, start, end, style, here)
            if hang:
                strip = Strip([Segment(" " * hang, style), *strip])
        elif extent >= 0:
            left = int(self.scroll_offset.x)
            strip = self._strip(text, left, left + width, style, here)
        else:
            left = int(self.scroll_offset.x)
            strip = self._strip(text, 0, len(text), style, here).crop(left, left + width)
        return strip.adjust_cell_length(width).apply_style(self.rich_style)

    def _strip(self, text: str, start: int, end: int, style: Style, here: bool) -> Strip:
        """Return a piece of a line, with what matches highlighted."""
        if self.pattern is None:
            return Strip([Segment(text[start:end], style)])
        mark = self.get_component_rich_style("log--hit" if here else "log--match", partial=True)
        segments, at = [], start
        for number, match in enumerate(self.pattern.finditer(text)):
            low, high = max(at, match.start()), min(end, match.end())
            if number >= MAX_MARKS or match.start() >= end:
                break
            if low < high:
                segments += [Segment(text[at:low], style), Segment(text[low:high], mark)]
                at = high
        return Strip([*segments, Segment(text[at:end], style)])
