"""A confusion matrix as a heat map, true classes in rows and predicted ones in columns; a cursor reads a cell.

Few classes have a number in each cell; many have a shade, so that a hundred fit a screen. Cells take the room there is.
Drawn line by line, and of each line only the part in view: a thousand classes cost as much as ten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.analysis.confusion import Matrix
from engine.text import clean, percent
from tui.keymap.bindings import bindings
from tui.text import shorten, told_apart
from tui.widgets.run_page.epoch_slider import EpochNavigation

SHADES = " ·░▒▓█"
STEPS = (0.0, 0.02, 0.1, 0.3, 0.6)
"""Shares of a row above which each shade but the first stands."""
LEVELS = 16
"""How many backgrounds there are between none and a full row."""
SCALE = "  ".join(f"{sign} {100 * step:.0f} %" for sign, step in zip(SHADES[1:], STEPS, strict=True))
"""What the shades stand for: the share of a row from which on each is drawn."""
WIDEST_LABEL = 16
LEAST_HEAD = 4
"""Cells of a column from which on its class is named above it, and not only counted."""
WIDEST_CELL = 18
TALLEST_CELL = 6


@dataclass(frozen=True)
class MatrixLayout:
    """How wide the parts of a matrix are, in cells."""

    label: int
    cell: int
    numbers: bool
    """Whether a cell says a number, or is a shade."""
    lines: int = 1
    """How tall a cell is."""


def plan(
    matrix: Matrix, width: int, height: int, *, shares: bool, numbers: bool | None = None
) -> MatrixLayout:
    """Return how a matrix fits a place best: with numbers if they have room, else with shades.

    Args:
        matrix: What is drawn.
        width: Cells that there are.
        height: Rows that there are.
        shares: Whether cells say shares instead of counts.
        numbers: Numbers or shades, whether or not all columns fit then; None for whichever fits.
    """
    classes = len(matrix.labels)
    longest = max(map(cell_len, matrix.labels[:2000]))
    label = max(4, min(longest + 1, WIDEST_LABEL, width // 4))
    room = max(1, width - label)
    least = 5 if shares else max(4, len(str(int(matrix.counts.max()))) + 1)
    if numbers if numbers is not None else classes * least <= room:
        lines = max(1, min(TALLEST_CELL, (height - 1) // classes))
        return MatrixLayout(label, max(least, min(WIDEST_CELL, room // classes)), numbers=True, lines=lines)
    lines = max(1, min(TALLEST_CELL, (height - 2) // classes))
    return MatrixLayout(label, max(1, min(WIDEST_CELL, room // classes)), numbers=False, lines=lines)


def heads(labels: Sequence[str], width: int) -> list[str]:
    """Return the names of classes in so many cells: their beginnings, or what tells those with one beginning apart."""
    names = [clean(label) for label in labels]
    beginnings = [name if cell_len(name) <= width else set_cell_size(name, width) for name in names]
    return beginnings if len(set(beginnings)) == len(set(names)) else told_apart(names, width)


def shade(share: float) -> str:
    """Return the character for a share of a row: darker for more, a blank for none."""
    return SHADES[sum(share > step for step in STEPS)]


class MatrixView(EpochNavigation, ScrollView, can_focus=True):
    """Shows a matrix; posts ``CellMoved`` when another cell is under the cursor."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "matrix--right",
        "matrix--wrong",
        "matrix--quiet",
        "matrix--here",
    }
    DEFAULT_CSS = """
    MatrixView {
        scrollbar-gutter: stable;
        & > .matrix--right { color: $success; }
        & > .matrix--wrong { color: $error; }
        & > .matrix--quiet { color: $foreground 66%; }
        & > .matrix--here { text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("MatrixView")

    shares: reactive[bool] = reactive(False)
    """Whether the cells say shares of their row instead of counts."""
    cursor: reactive[tuple[int, int]] = reactive((0, 0))
    """The true and the predicted class of the cell that is read."""

    @dataclass
    class CellMoved(Message):
        """Another cell is under the cursor."""

        cell: tuple[int, int]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.matrix: Matrix | None = None
        self._numbers: bool | None = None
        self.plan = MatrixLayout(4, 4, numbers=True)
        self._heads: list[str] = []
        """What heads the columns, where they are wide enough."""
        self._styles: dict[tuple[bool, int], Style] = {}

    def show(self, matrix: Matrix | None) -> None:
        """Show this matrix; the cursor stays on its classes, and begins on the worst mistake."""
        if matrix is self.matrix:
            return
        fresh = self.matrix is None or matrix is None or self.matrix.labels != matrix.labels
        self.matrix = matrix
        if fresh:
            worst = matrix.mistakes[0] if matrix is not None and matrix.mistakes else None
            self.cursor = (worst.true, worst.taken) if worst else (0, 0)
        self._lay_out()
        if fresh:
            self.call_after_refresh(self._follow_cursor)

    def on_resize(self) -> None:
        """Fit the cells to the width."""
        self._lay_out()

    def watch_shares(self) -> None:
        """Fit the cells to what they say."""
        self._lay_out()

    def notify_style_update(self) -> None:
        """Forget the colours of another theme."""
        self._styles = {}
        super().notify_style_update()

    def _lay_out(self) -> None:
        if self.matrix is None or not self.size.width:
            self.refresh()
            return
        classes = len(self.matrix.labels)
        _, _, width, height = self.scrollable_content_region
        self.plan = plan(self.matrix, width, height, shares=self.shares, numbers=self._numbers)
        self._styles = {}
        is_named = self.plan.cell >= LEAST_HEAD
        self._heads = heads(self.matrix.labels, self.plan.cell - 1) if is_named else []
        rows = classes * self.plan.lines + 1 + (not self.plan.numbers)  # the heads, and the scale of shades
        whole = Size(self.plan.label + classes * self.plan.cell, rows)
        if whole != self.virtual_size:
            self.virtual_size = whole
        self.refresh()

    # ---- acting

    def action_shares(self) -> None:
        """Say counts, or shares of each row."""
        self.shares = not self.shares

    def action_numbers(self) -> None:
        """Show numbers, or shades that take less room."""
        self._numbers = not self.plan.numbers
        self._lay_out()
        self.call_after_refresh(self._follow_cursor)

    def action_move(self, rows: int, columns: int) -> None:
        """Move the cursor."""
        row, column = self.cursor
        self.cursor = row + rows, column + columns

    def validate_cursor(self, cursor: tuple[int, int]) -> tuple[int, int]:
        """Keep the cursor in the matrix."""
        last = len(self.matrix.labels) - 1 if self.matrix is not None else 0
        return max(0, min(cursor[0], last)), max(0, min(cursor[1], last))

    def watch_cursor(self) -> None:
        """Bring the cell into view, and say which it is."""
        self._follow_cursor()
        self.refresh()
        self.post_message(self.CellMoved(self.cursor))

    def _follow_cursor(self) -> None:
        row, column = self.cursor
        lines = self.plan.lines
        height = lines + 1 + (not self.plan.numbers)
        cell = Region(column * self.plan.cell, row * lines, self.plan.cell + self.plan.label, height)
        self.scroll_to_region(cell, animate=False, force=True)

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to what is clicked."""
        column = (event.x - self.plan.label + self.scroll_offset.x) // self.plan.cell
        row = (event.y - 1 + self.scroll_offset.y) // self.plan.lines
        if (
            self.matrix is not None
            and event.y
            and event.x >= self.plan.label
            and row < len(self.matrix.labels)
        ):
            self.cursor = row, column

    # ---- drawing

    def render_line(self, y: int) -> Strip:
        """One class; the first line is the heading, the last one says what shades stand for."""
        _, _, width, height = self.scrollable_content_region
        matrix = self.matrix
        if matrix is None:
            return Strip.blank(width, self.rich_style)
        if y and not self.plan.numbers and y == height - 1:
            quiet = self.get_component_rich_style("matrix--quiet")
            scale = Segment(shorten(f"share of a row, over: {SCALE}", width, end=True), quiet)
            return Strip([scale]).apply_style(self.rich_style)
        row, line = divmod(y - 1 + int(self.scroll_offset.y), self.plan.lines)
        if y and row >= len(matrix.labels):
            return Strip.blank(width, self.rich_style)
        segments = list(
            self._heading(matrix)
            if y == 0
            else self._row(matrix, row, named=line == (self.plan.lines - 1) // 2)
        )
        return Strip(segments).adjust_cell_length(width).apply_style(self.rich_style)

    def _columns(self, matrix: Matrix) -> range:
        """Return the columns in view."""
        first = self.scroll_offset.x // self.plan.cell
        room = max(0, self.scrollable_content_region.width - self.plan.label)
        return range(first, min(len(matrix.labels), first + room // self.plan.cell + 1))

    def _heading(self, matrix: Matrix) -> Iterator[Segment]:
        quiet, here = (
            self.get_component_rich_style("matrix--quiet"),
            self.get_component_rich_style("matrix--here"),
        )
        unit = "true %" if self.shares and self.plan.label > len("true %") else "true"
        yield Segment(shorten(unit, self.plan.label), quiet)
        columns, cell = self._columns(matrix), self.plan.cell
        if self._heads:
            for column in columns:
                style = here if column == self.cursor[1] else quiet
                head = self._heads[column].strip()
                blank = " " * (cell - 1 - cell_len(head))
                yield Segment(f" {blank}{head}" if self.plan.numbers else f"{head}{blank} ", style)
            return
        ruler = [" "] * (len(columns) * cell)
        for column in columns:
            at, text = (column - columns.start) * cell, str(column)
            if column % 10 == 0 and at + len(text) <= len(ruler):
                ruler[at : at + len(text)] = text
        yield Segment("".join(ruler), quiet)

    def _row(self, matrix: Matrix, row: int, *, named: bool) -> Iterator[Segment]:
        """Yield a line of a row; only one of a tall row's has its name and numbers."""
        quiet, here = (
            self.get_component_rich_style("matrix--quiet"),
            self.get_component_rich_style("matrix--here"),
        )
        on_row = row == self.cursor[0]
        label = shorten(matrix.labels[row] if named else "", self.plan.label - 1)
        yield Segment(label + " ", here if on_row else quiet)
        columns = self._columns(matrix)
        window = slice(columns.start, columns.stop)
        counts, shares = matrix.counts[row, window].tolist(), matrix.shares[row, window].tolist()
        for column, count, share in zip(columns, counts, shares, strict=True):
            style = self._style(row == column, share)
            if on_row and column == self.cursor[1]:
                style += Style(reverse=True, bold=True)
            text = self._cell(count, share) if named or not self.plan.numbers else " " * self.plan.cell
            yield Segment(text, style if count else quiet + style)

    def _cell(self, count: int, share: float) -> str:
        if not self.plan.numbers:
            gap = self.plan.cell >= LEAST_HEAD
            return shade(share) * (self.plan.cell - gap) + " " * gap
        if not count:
            text = "·"
        elif self.shares:
            text = percent(share)
        else:
            text = str(count)
        return text.rjust(self.plan.cell)

    def _style(self, right: bool, share: float) -> Style:
        """Return the style of a cell: the more of its row it holds, the stronger its colour."""
        level = min(LEVELS, int(share * LEVELS + 0.999))
        style = self._styles.get((right, level))
        if style is None:
            colour = self.get_component_styles("matrix--right" if right else "matrix--wrong").color
            style = Style()
            if level and self.plan.numbers:
                _, ground = self.background_colors
                style = Style(bgcolor=ground.blend(colour, 0.08 + 0.5 * level / LEVELS).rich_color)
            elif level:
                style = Style(color=colour.rich_color)
            self._styles[right, level] = style
        return style
