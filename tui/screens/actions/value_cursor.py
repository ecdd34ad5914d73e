"""Reading values: a cursor on the measured points of one chart, which all charts and the list follow."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.screen import Screen

from engine.catalog.metrics import MEMORY
from tui.axis_ticks import unit_of_axis
from tui.screens.actions.screen_protocol import Board
from tui.views.run_list_columns import Column, column_at

TYPING_S = 0.8
"""Seconds within which the next digit belongs to the number that is being typed."""

ShowColumns = Callable[[Callable[[Column], Column] | None], None]


class ReadingActions:
    """Moves the reading of a board's charts, and shows the values there in the list.

    Args:
        board: Has the charts and the list.
        screen: The same screen, as Textual has it.
        show_columns: Has the list show other columns in the place of its own; its own for None.
    """

    def __init__(self, board: Board, screen: Screen[None], show_columns: ShowColumns) -> None:
        self._board = board
        self._screen = screen
        self._show_columns = show_columns
        self._typed, self._typed_at = "", 0.0
        self._sought: tuple[float, float] | None = None
        """Where a reading was asked for and nothing was measured, and the nearest place that was."""
        self._shown: tuple[float, object, object] | None = None
        """Where, of which curves, the list shows values instead of its own."""

    @property
    def has_arrows(self) -> bool:
        """Whether the arrows are the charts': they have the focus, or the list has it and a reading is on."""
        if not self._screen.is_mounted:
            return False
        grid, focused = self._board.grid, self._screen.focused
        return focused is grid or (focused is self._board.run_list and grid.cursor is not None)

    def takes(self, key: str) -> bool:
        """Return whether a digit, or the point of a number, is the reading's and no key of the screen."""
        if not self.has_arrows or self._board.grid.cursor is None:
            return False
        return key != "." or (bool(self._typed) and time.monotonic() < self._typed_at + TYPING_S)

    @property
    def rest(self) -> str:
        """What is read, in a line; empty for nothing."""
        grid = self._board.grid
        if (x := grid.cursor) is None:
            return ""
        unit = unit_of_axis(grid.x_label)
        place = f"reading {grid.x_label} {unit.exact(x)}"
        if self._sought is not None and self._sought[1] == x:
            return f"{grid.x_label} {unit.exact(self._sought[0])} was not measured: {place}, the nearest that was"
        chosen = grid.chosen
        charts = sorted(grid.charts, key=lambda chart: chart is not chosen)
        if lack := next((words for chart in charts if (words := chart.unmeasured)), ""):
            return f"{place}; {lack} was not measured there"
        return f"{place}; the list shows the values too"

    def action_inspect(self) -> None:
        """Read all charts at a cursor, which the arrow keys move; again for no cursor."""
        grid = self._board.grid
        if grid.cursor is not None:
            grid.forget_cursor()
        elif (chart := grid.chosen) is not None and chart.places.size:
            grid.move_cursor(0)
        else:
            self._board.refuse("Nothing to read", self._next_step())

    def _next_step(self) -> str:
        """Return what has to be done before there is something to read."""
        row = self._board.row
        if row is None:
            return "no experiment yet; e writes one, r runs it"
        return "not run; r runs it" if row.run is None and not row.group else "nothing is measured here yet"

    def action_cursor(self, points: int) -> None:
        """Move the cursor by measured points; from a pane without a use for the key, show or hide the row's runs."""
        if not self.has_arrows:
            self._board.run_list.focus()
            self._board.run_list.action_fold(unfold=points > 0)
            return
        self._typed = ""
        self._board.grid.move_cursor(points)

    def action_cursor_end(self, last: bool) -> None:
        """Move the cursor to the last measured point, or to the first."""
        self._typed = ""
        self._board.grid.move_cursor_to_end(last=last)

    def action_read_at(self, key: str) -> None:
        """Move the cursor to where a number says that is being typed, or to the nearest measured point."""
        now, grid = time.monotonic(), self._board.grid
        typed = self._typed + key if now < self._typed_at + TYPING_S else key
        if typed.count(".") > 1 or not any(map(str.isdigit, typed)):
            return
        self._typed, self._typed_at = typed, now
        unit = unit_of_axis(grid.x_label)
        wanted = float(typed) * (60 if unit.kind == "time" else 1)
        there = grid.move_cursor_near(wanted)
        is_near = there is None or abs(there - wanted) <= 1e-9 * max(1.0, abs(wanted))
        self._sought = None if there is None or is_near else (wanted, there)

    def show(self) -> None:
        """Show in the list the values at the cursor, or its own again."""
        grid, snapshot = self._board.grid, self._board.snapshot
        if self._sought is not None and ((chart := grid.chosen) is None or chart.cursor != self._sought[1]):
            self._sought = None
        if (grid.cursor is None) != (self._shown is None):
            self._screen.refresh_bindings()
        if (x := grid.cursor) is None:
            if self._shown is not None:
                self._shown = None
                self._show_columns(None)
            return
        curves, folds = snapshot.curves, snapshot.watch.folds
        before = self._shown
        if before is not None and before[:2] == (x, folds) and before[2] is curves:
            return
        self._shown = x, folds, curves
        together = {run: fold for fold in folds for run in fold}
        memory = next((name for name in MEMORY if name in curves), "")
        place = unit_of_axis(grid.x_label).exact(x)

        from tui.widgets.chart.measured_points import values_at  # numpy comes when curves do

        def read(column: Column) -> Column:
            metric = memory if column.name == "memory" else column.name
            if metric not in curves:
                return column
            values = values_at(curves[metric], x)
            of_runs = {run: value for name, value in values.items() for run in together.get(name, (name,))}
            return column_at(column, place, of_runs)

        self._show_columns(read)
