"""Each class's F1 as a bar, with its precision, its recall and how many images it has."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.analysis.confusion import Matrix
from engine.text import score
from tui.keymap.bindings import bindings
from tui.text import bar, shorten
from tui.widgets.run_page.epoch_slider import EpochNavigation

LABEL = 20
NUMBERS = 31
"""Cells of F1, precision, recall and support."""


class Order(NamedTuple):
    """What the classes are sorted by; the smallest first."""

    name: str
    key: Callable[[Matrix], NDArray[np.number]] | None = None


ORDERS = (
    Order("F1", lambda matrix: matrix.by_class.f1),
    Order("precision", lambda matrix: matrix.by_class.precision),
    Order("recall", lambda matrix: matrix.by_class.recall),
    Order("images", lambda matrix: matrix.by_class.support),
    Order("label"),
)


def sorted_classes(matrix: Matrix, order: Order, *, reverse: bool) -> list[int]:
    """Return the classes in an order; those that never occur stand last either way."""
    classes = len(matrix.labels)
    keys = np.arange(classes, dtype=float) if order.key is None else order.key(matrix).astype(float)
    has_key = ~np.isnan(keys)
    places = np.flatnonzero(has_key)[np.argsort(-keys[has_key] if reverse else keys[has_key], kind="stable")]
    return [*map(int, places), *map(int, np.flatnonzero(~has_key))]


class ClassBars(EpochNavigation, ScrollView, can_focus=True):
    """Shows the classes of a matrix, the worst first."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"class-bars--quiet", "class-bars--bar"}
    DEFAULT_CSS = """
    ClassBars {
        scrollbar-size-horizontal: 0;
        scrollbar-gutter: stable;
        & > .class-bars--quiet { color: $foreground 66%; }
        & > .class-bars--bar { color: $primary; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("ClassBars")

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.matrix: Matrix | None = None
        self.order, self.reverse = 0, False
        self.rows: list[int] = []
        """The classes as they are shown, from the top."""

    def show(self, matrix: Matrix | None) -> None:
        """Show the classes of this matrix."""
        if matrix is not self.matrix:
            self.matrix = matrix
            self._arrange()

    def _arrange(self) -> None:
        self.rows = []
        if self.matrix is not None:
            self.rows = sorted_classes(self.matrix, ORDERS[self.order], reverse=self.reverse)
        whole = Size(self.size.width, len(self.rows) + 1)
        if whole != self.virtual_size:
            self.virtual_size = whole
        self.refresh()

    def on_resize(self) -> None:
        """Fit the lines to the width."""
        self._arrange()

    def action_sort(self) -> None:
        """Sort by the next number."""
        self.order, self.reverse = (self.order + 1) % len(ORDERS), False
        self._arrange()

    def action_reverse(self) -> None:
        """Sort the other way round."""
        self.reverse = not self.reverse
        self._arrange()

    def action_scroll_to(self, end: int) -> None:
        """Go to the first or the last class."""
        self.scroll_to(y=self.max_scroll_y if end else 0, animate=False)

    def render_line(self, y: int) -> Strip:
        """One class; the first line is the heading."""
        width, matrix = self.scrollable_content_region.width, self.matrix
        index = y - 1 + self.scroll_offset.y
        if matrix is None or (y and index >= len(self.rows)):
            return Strip.blank(width, self.rich_style)
        segments = self._heading(width) if y == 0 else self._class(matrix, self.rows[index], width)
        return Strip(segments).adjust_cell_length(width).apply_style(self.rich_style)

    def _heading(self, width: int) -> list[Segment]:
        how = f"by {ORDERS[self.order].name}, {'highest' if self.reverse else 'lowest'} first"
        names = f"{'F1':>5}{'precision':>10}{'recall':>7}{'images':>9}"
        return [
            Segment(
                shorten(how, max(0, width - NUMBERS)) + names,
                self.get_component_rich_style("class-bars--quiet"),
            )
        ]

    def _class(self, matrix: Matrix, number: int, width: int) -> list[Segment]:
        f1, precision, recall, images = (column[number].item() for column in matrix.by_class)
        label = max(4, min(LABEL, max(map(cell_len, matrix.labels[:2000])) + 1))
        room = max(0, width - label - NUMBERS - 1)
        quiet = self.get_component_rich_style("class-bars--quiet")
        never = math.isnan(f1)
        numbers = f"{_share(precision):>10}{_share(recall):>7}{images:>9,}"
        return [
            Segment(shorten(matrix.labels[number], label - 1) + " ", quiet if never else None),
            Segment(bar(f1, room) + " ", self.get_component_rich_style("class-bars--bar")),
            Segment(f"{_share(f1):>5}"),
            Segment(numbers, quiet),
        ]


def _share(value: float) -> str:
    return "–" if math.isnan(value) else score(value)
