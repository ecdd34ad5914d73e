"""How the run list is arranged: which columns, in what order, by which of them it is sorted, in what groups."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.content import Content
from textual.screen import Screen

from tui.state.messages import HeadingClicked
from tui.state.snapshot import Snapshot
from tui.views.columns import DEFAULT, Column, find_column
from tui.views.grouping import Grouping
from tui.views.row import Row
from tui.views.run_filter import Meant
from tui.views.run_rows import make_rows
from tui.widgets.runs.run_list import RunList

MOST_COLUMNS = 40
ROOM = 54
"""Cells that columns have in a list that is as wide as it is by itself."""
LOW = 20
"""Rows of a screen below which the other panes give way to the list."""


class Arranging(Screen[None]):
    """A screen with a ``RunList`` in a pane that is called ``left``."""

    snapshot: Snapshot

    def __init__(self) -> None:
        super().__init__()
        self._columns: tuple[str, ...] = ()
        """The names of the columns; empty as long as nobody has chosen any."""
        self._order = ""
        """The name of the column that the list is sorted by; empty for the order of the configuration."""
        self._reverse = False
        self._grouping: Grouping | None = None
        self._made: tuple[tuple[object, ...], tuple[object, ...], list[Row]] | None = None
        """The rows of the last moment, with what they were made from."""

    def meant(self) -> Meant | None:
        """Return what the list shows, None for everything."""
        raise NotImplementedError

    def watch_snapshot(self) -> None:
        """Show a new moment."""
        raise NotImplementedError

    def on_resize(self) -> None:
        """Let other panes give way on a low screen."""
        self.set_class(self.size.height < LOW, "-low")

    def rows(self) -> list[Row]:
        """Return the rows of this moment."""
        snapshot, unfolded = self.snapshot, frozenset(self.query_one(RunList).unfolded)
        parts = snapshot.runs, snapshot.about, snapshot.config, snapshot.alarms, self._grouping
        rest = unfolded, self.meant(), self._order, self._reverse
        made = self._made
        if made is None or any(a is not b for a, b in zip(parts, made[0], strict=True)) or rest != made[1]:
            order = find_column(self._order) if self._order else None
            rows = make_rows(
                snapshot, unfolded, rest[1], order, reverse=self._reverse, grouping=self._grouping
            )
            made = self._made = parts, rest, rows
        return made[2]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self._columns or DEFAULT

    @property
    def grouped_by(self) -> tuple[str, ...]:
        """The keys that experiments are grouped by."""
        return self._grouping.keys if self._grouping is not None else ()

    def arrange_list(
        self, columns: Sequence[str], order: str, *, reverse: bool = False, groups: Sequence[str] = ()
    ) -> None:
        """Arrange the list anew.

        Args:
            columns: Names of columns; those that are as by themselves, or none, stand for nobody's choice.
            order: The name of a column, or empty.
        """
        known = [name for name in dict.fromkeys(columns) if find_column(name) is not None][:MOST_COLUMNS]
        self._columns = tuple(known) if tuple(known) != DEFAULT else ()
        self._order, self._reverse = order if find_column(order) is not None else "", reverse
        if tuple(groups) != self.grouped_by:
            self._grouping = Grouping(groups) if groups else None
        runs, left = self.query_one(RunList), self.query_one("#left")
        shown = [column for name in self.columns if (column := find_column(name)) is not None]
        runs.choose(
            shown, always=bool(self._columns), arrows={self._order: self._arrow()} if self._order else {}
        )
        left.set_class(bool(self._columns) and runs.wanted_width > ROOM, "-roomy")
        left.border_title = Content(f"Runs by {' '.join(groups)}" if groups else "Runs")
        left.border_subtitle = Content(self._sorted_by())
        self.watch_snapshot()

    def _sorted_by(self) -> str:
        order = find_column(self._order) if self._order else None
        if order is None:
            return "as configured ↑" if self._reverse else ""
        return f"{order.title} {self._arrow()}"

    def _arrow(self) -> str:
        """Return how the list is sorted by a column: the largest at the bottom, or at the top."""
        order = find_column(self._order)
        return "↑" if order is not None and order.best_first == self._reverse else "↓"

    def _arrange_by(self, order: str, *, reverse: bool) -> None:
        self.arrange_list(self._columns, order, reverse=reverse, groups=self.grouped_by)

    def action_sort(self) -> None:
        """Sort the list by the next column: what was measured, the others, the age."""
        shown = [column for name in self.columns if (column := find_column(name)) is not None]
        shown.sort(key=lambda column: column.over != "mean")
        names = list(dict.fromkeys(["", *(column.name for column in shown), "age"]))
        place = names.index(self._order) if self._order in names else -1
        self._arrange_by(names[(place + 1) % len(names)], reverse=self._reverse)

    def action_reverse(self) -> None:
        """Sort the list the other way round."""
        self._arrange_by(self._order, reverse=not self._reverse)

    @on(HeadingClicked)
    def _sort_by(self, message: HeadingClicked) -> None:
        """Sort by the column, or the other way round."""
        again = message.column == self._order
        self._arrange_by(message.column, reverse=again and not self._reverse)

    def action_columns(self) -> None:
        """Choose the columns on a screen over this one."""
        from tui.screens.column_chooser import ColumnsScreen
        from tui.views.columns import known_columns

        def changed(columns: Sequence[Column], order: str) -> None:
            names = [column.name for column in columns]
            reverse = self._reverse and order == self._order
            self.arrange_list(names, order, reverse=reverse, groups=self.grouped_by)

        shown = [column for name in self.columns if (column := find_column(name)) is not None]
        known = known_columns(self.snapshot)
        self.app.push_screen(ColumnsScreen(shown, known, self._order, self.query_one(RunList).row, changed))

    def action_group(self) -> None:
        """Ask what to group the experiments by."""
        from tui.screens.prompt import Prompt
        from tui.views.grouping import keys_to_offer, wrong_keys

        def chosen(line: str | None) -> None:
            if line is not None:
                groups = tuple(dict.fromkeys(line.split()))
                self.arrange_list(self._columns, self._order, reverse=self._reverse, groups=groups)

        text = (
            "Settings, with spaces between them; tab completes. Nothing lists the experiments without groups."
        )
        value = "".join(f"{key} " for key in self.grouped_by)
        words = keys_to_offer(self.snapshot)
        self.app.push_screen(Prompt("Group by", text, value, words, wrong_keys), chosen)
