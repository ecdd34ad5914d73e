"""The list of experiments and runs, drawn line by line: ten thousand rows cost what is visible of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.listing import MARKS
from tui.messages import CursorMoved, Opened, SelectionChanged
from tui.options import ascii_only
from tui.palette import markers_for
from tui.rows import Row
from tui.text import shorten
from tui.watching import KINDS

COLUMNS = (("epoch", 6), ("f1", 5), ("loss", 5), ("memory", 5), ("left", 6))
"""Field of a row and its width, in the order shown; from the right they give way to the name."""
HEADINGS = {"epoch": "epoch", "f1": "F1", "loss": "loss", "memory": "mem", "left": "left"}
PREFIX = 5
"""Cells before a name: overlay bar, the curve's mark, the state's."""
NAME_WIDTH = 22
"""Cells that a name gets before any number does."""


class RunList(ScrollView, can_focus=True):
    """Shows rows, keeps a cursor and a selection."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "run-list--heading",
        "run-list--cursor",
        "run-list--name",
        "run-list--quiet",
        "run-list--good",
        "run-list--busy",
        "run-list--bad",
        "run-list--wait",
    }
    DEFAULT_CSS = """
    RunList {
        scrollbar-size-horizontal: 0;
        scrollbar-size-vertical: 1;
        & > .run-list--heading { color: $foreground 55%; }
        & > .run-list--cursor { background: $foreground 10%; }
        &:focus > .run-list--cursor { background: $primary 28%; }
        & > .run-list--name { color: $foreground; }
        & > .run-list--quiet { color: $foreground 55%; }
        & > .run-list--good { color: $success; }
        & > .run-list--busy { color: $success; text-style: bold; }
        & > .run-list--bad { color: $error; }
        & > .run-list--wait { color: $accent; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown,ctrl+d", "move(10)", "Page down", show=False),
        Binding("pageup,ctrl+u", "move(-10)", "Page up", show=False),
        Binding("g,home", "move(-1000000)", "Top", show=False),
        Binding("G,end", "move(1000000)", "Bottom", show=False),
        Binding("right,l", "fold(True)", "Unfold", show=False),
        Binding("left,h", "fold(False)", "Fold", show=False),
        Binding("space", "overlay", "Overlay", key_display="space"),
        Binding("v", "select_range", "Overlay up to here", show=False),
        Binding("a", "select_all", "Overlay all, or none", show=False),
        Binding("enter", "open", "Open"),
    ]

    cursor: reactive[int] = reactive(0)
    """The index of the row under the cursor."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._rows: list[Row] = []
        self.unfolded: set[str] = set()
        self.selected: set[str] = set()
        self._colours: Mapping[str, str] = {}
        self._marks: Mapping[str, str] = {}
        self._shown: Sequence[tuple[str, int]] = [("f1", 5)]
        """The columns with anything in them, and their widths."""
        self._key: str | None = None
        self._pinned: str | None = None
        self._last_overlaid: int | None = None

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self.cursor] if self.cursor < len(self._rows) else None

    @property
    def rows(self) -> Sequence[Row]:
        """All rows."""
        return self._rows

    def show(self, rows: Sequence[Row], colours: Mapping[str, str], pinned: str | None = None) -> None:
        """Show these rows; the cursor stays on its row, wherever that is now.

        Args:
            colours: The curve colour of each run that the charts show.
            pinned: The run that is marked as the baseline.
        """
        if list(rows) == self._rows and colours == self._colours and pinned == self._pinned:
            return
        before = self._rows, self._shown, self._colours, self._pinned
        self._rows, self._colours, self._pinned = list(rows), dict(colours), pinned
        longest = {field: max((len(getattr(row, field)) for row in rows), default=0) for field, _ in COLUMNS}
        self._shown = [
            (name, max(size, longest[name])) for name, size in COLUMNS if longest[name] or name == "f1"
        ]
        self._marks = dict(
            zip(colours, markers_for(colours.values(), ascii_only=ascii_only(self.app)), strict=True)
        )
        self.virtual_size = Size(self.size.width, len(rows) + 1)
        index = next((i for i, row in enumerate(rows) if row.key == self._key), None)
        self.cursor = index if index is not None else min(self.cursor, max(0, len(rows) - 1))
        if index is None:
            self._tell()
        if len(before[0]) != len(rows) or before[1:] != (self._shown, self._colours, self._pinned):
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before[0], rows, strict=True), start=1):
            if old != new:
                self.refresh_line(y)

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a row."""
        return max(0, min(cursor, len(self._rows) - 1))

    def watch_cursor(self, before: int) -> None:
        """Bring the row into view and say which it is."""
        self._tell()
        self.scroll_to_region(Region(0, self.cursor, 1, 2), animate=False, force=True)
        for index in (before, self.cursor):
            self.refresh_line(index + 1)

    def _tell(self) -> None:
        key = self.row.key if self.row else None
        if key != self._key:
            self._key = key
            self.post_message(CursorMoved(key))

    # ---- acting

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self.cursor += rows

    def action_fold(self, unfold: bool) -> None:
        """Show or hide the runs of the experiment; from a run, go to its experiment."""
        row = self.row
        if row is None:
            return
        if unfold:
            self.unfolded.add(row.experiment)
        else:
            self.unfolded.discard(row.experiment)
            self._key = f"experiment:{row.experiment}"
        self.post_message(SelectionChanged(frozenset(self.selected)))

    def action_overlay(self) -> None:
        """Overlay the row's run, or take it away, and go on to the next row."""
        row = self.row
        if row is None or row.run is None:
            self.app.bell()
            return
        self.selected ^= {row.run}
        self._last_overlaid = self.cursor
        self.cursor += 1
        self.refresh()
        self.post_message(SelectionChanged(frozenset(self.selected)))

    def action_select_range(self) -> None:
        """Overlay the runs from the last one that was overlaid to the row."""
        last = self._last_overlaid if self._last_overlaid is not None else self.cursor
        low, high = sorted((last, self.cursor))
        self._select({row.run for row in self._rows[low : high + 1] if row.run})

    def action_select_all(self) -> None:
        """Overlay the runs of all rows; none, if they are already."""
        there = {row.run for row in self._rows if row.run}
        if there <= self.selected:
            self.selected -= there
            there = set()
        self._select(there)

    def _select(self, runs: set[str]) -> None:
        self.selected |= runs
        self.refresh()
        self.post_message(SelectionChanged(frozenset(self.selected)))

    def action_open(self) -> None:
        """Show the row whole."""
        self.post_message(Opened())

    async def _on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y - 1
        if 0 <= index < len(self._rows):
            self.cursor = index
            if event.chain == 2:
                self.action_open()

    # ---- drawing

    def render_line(self, y: int) -> Strip:
        """One row; the first line of the widget is the heading."""
        width = self.scrollable_content_region.width
        shown = _columns(width, self._shown)
        if y == 0:
            heading = Segment(self._heading(width, shown), self._style("heading"))
            return Strip([heading]).adjust_cell_length(width).apply_style(self.rich_style)
        index = y - 1 + self.scroll_offset.y
        if index >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        strip = Strip(self._segments(self._rows[index], width, shown))
        strip = strip.adjust_cell_length(width)
        base = self.rich_style
        if index == self.cursor:
            base += Style(bgcolor=self.get_component_rich_style("run-list--cursor").bgcolor)
        return strip.apply_style(base)

    def _heading(self, width: int, shown: Sequence[tuple[str, int]]) -> str:
        numbers = "".join(f" {HEADINGS[field]:>{size}}" for field, size in shown)
        return shorten(" " * PREFIX + "experiment", width - len(numbers)) + numbers

    def _segments(self, row: Row, width: int, shown: Sequence[tuple[str, int]]) -> list[Segment]:
        numbers_width = sum(size + 1 for _, size in shown)
        name_width = width - numbers_width - PREFIX
        quiet, name = self._style("quiet"), self._style("name" if row.state else "quiet")
        mark = MARKS[row.state][0] if row.state else "·"
        chosen = row.run in self.selected
        segments = [
            self._swatch(row, chosen),
            Segment(f"{mark} ", self._style(_TONES.get(row.state or "", "quiet"))),
        ]
        label = "  " * row.depth + row.label
        count = f" ×{row.folded}" if row.folded > 1 else ""
        chips = _chips(row, name_width - len(count) - cell_len(label))
        room = name_width - len(count) - cell_len(chips)
        segments.append(Segment(shorten(label, room), quiet if row.depth else name))
        segments.append(Segment(chips, quiet))
        segments.append(Segment(count, quiet))
        if row.note and not row.f1:
            tone = self._style("bad" if row.state in ("failed", "crashed") else "quiet")
            return [*segments, Segment(" " + shorten(row.note, numbers_width - 1), tone)]
        badge = _badge(row, numbers_width)
        shown = _beside(shown, cell_len(badge)) if badge else shown
        numbers = [
            Segment(f" {getattr(row, field):>{size}}", name if field == "f1" else quiet)
            for field, size in shown
        ]
        if badge:
            gap = numbers_width - sum(size + 1 for _, size in shown)
            numbers.append(Segment(badge.rjust(gap), self._style("bad" if row.alarm == KINDS[0] else "wait")))
        return [*segments, *numbers]

    def _swatch(self, row: Row, chosen: bool) -> Segment:
        """The colour and mark of the row's curve, where it has one; a bar before it when it is overlaid for good."""
        colour = self._colours.get(row.run or "")
        if colour is None:
            return Segment("   ")
        mark = self._marks[row.run or ""]
        before = "⚑" if row.run == self._pinned else "┃" if chosen else " "
        return Segment(f"{before}{mark} ", Style(color=colour))

    def _style(self, name: str) -> Style:
        return Style(
            color=(style := self.get_component_rich_style(f"run-list--{name}")).color, bold=style.bold
        )


_TONES = {
    "running": "busy",
    "starting": "wait",
    "queued": "wait",
    "finished": "good",
    "failed": "bad",
    "crashed": "bad",
    "silent": "wait",
}


def _badge(row: Row, room: int) -> str:
    """Return the word for what is wrong with a run, with a space before it."""
    return f" {shorten(row.alarm, min(len(row.alarm), room - 1))}" if row.alarm and room > 1 else ""


def _beside(columns: Sequence[tuple[str, int]], cells: int) -> list[tuple[str, int]]:
    """Return the columns that are left when so many cells at their right are something else's."""
    kept = list(columns)
    while kept and sum(size + 1 for _, size in columns) - sum(size + 1 for _, size in kept) < cells:
        kept.pop()
    return kept


def _chips(row: Row, room: int) -> str:
    """Return a mark for a note and the tags, as far as there is room beside the name."""
    shown = ""
    for chip in (*(["✎"] if row.noted else []), *(f"#{tag}" for tag in row.tags)):
        if cell_len(shown) + cell_len(chip) + 1 > room:
            return f"{shown} …" if cell_len(shown) + 2 <= room else shown
        shown += f" {chip}"
    return shown


def _columns(width: int, columns: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return those of the columns that a list of that width has room for."""
    shown = list(columns)
    for dropped in ("left", "loss", "memory", "epoch"):
        if width - PREFIX - sum(size + 1 for _, size in shown) >= NAME_WIDTH:
            break
        shown = [column for column in shown if column[0] != dropped]
    return shown
