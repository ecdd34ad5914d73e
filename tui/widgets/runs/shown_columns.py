"""The columns that the run list shows: by default or by choice, how wide each is, and which have room. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.cells import cell_len

from tui.views.run_list_columns import Column, find_column
from tui.views.run_list_row import Row
from tui.widgets.runs.column_layout import Sized, fitting_in, lacking

DEFAULT = ("epoch", "test/f1", "train/loss", "left", "memory")
"""The columns that are shown until the user chooses others."""
SCORE = "test/f1"
"""The column that is there before anything stands in it."""


class ListColumns:
    """Remembers the columns, and the cells that they need for the rows that have been on the screen."""

    def __init__(self) -> None:
        self._columns = [column for name in DEFAULT if (column := find_column(name))]
        self.by_hand: frozenset[str] = frozenset()
        """The names of those that are not there by themselves: they are shown before all others."""
        self.visible: Sequence[Column] = self._columns
        """Those that are shown where there is room."""
        self.arrows: Mapping[str, str] = {}
        """What stands behind the heading of a column: how the list is sorted by it."""
        self.widths: dict[str, int] = {}
        """Cells that each column needs for what has been on the screen of it."""

    def choose(self, columns: Sequence[Column], by_hand: bool, arrows: Mapping[str, str]) -> None:
        """Want these columns from now on; ``by_hand`` says whether a user has chosen them."""
        self._columns, self.widths, self.arrows = list(columns), {}, arrows
        self.by_hand = frozenset(column.name for column in columns) - set(DEFAULT) if by_hand else frozenset()

    @property
    def sorted_by(self) -> str:
        """The name of the column that the list is sorted by; empty for none."""
        return next(iter(self.arrows), "")

    def judge(self, rows: Sequence[Row]) -> None:
        """Leave out columns in which nothing stands, unless they were chosen by hand or the list is sorted by them."""
        stays = self.by_hand | {SCORE, self.sorted_by}
        self.visible = [
            column for column in self._columns
            if column.name in stays or any(column.text(row) for row in rows)
        ]  # fmt: skip

    def widen(self, rows: Iterable[Row]) -> None:
        """Make room for what is on the screen, and is wider than what was before."""
        for row in rows:
            for column in self.visible:
                if (cells := cell_len(column.text(row))) > self.widths.get(column.name, 0):
                    self.widths[column.name] = cells

    def sized(self) -> list[Sized]:
        """Return the columns that are shown and how wide each is."""
        return [
            (
                column,
                max(
                    column.width,
                    len(column.heading + self.arrows.get(column.name, "")),
                    self.widths.get(column.name, 0),
                ),
            )
            for column in self.visible
        ]

    def fitting(self, width: int) -> list[Sized]:
        """Return those that a list of that width has room for."""
        return fitting_in(width, self.sized(), self.by_hand, self.sorted_by)

    def lacking(self, width: int) -> tuple[str, int] | None:
        """Return the first one chosen by hand that has no room, and how many cells it lacks; None if all have it."""
        return lacking(width, self.sized(), self.by_hand, self.sorted_by)
