"""The ways from pane to pane: keys 1 to 5, what the bottom of the screen shows, which side panes are open."""

from __future__ import annotations

from textual.screen import Screen
from textual.widget import Widget

from tui.screens.app_protocol import Host
from tui.widgets.chart.chart_grid import ChartGrid
from tui.widgets.machine.pane import MachinePane
from tui.widgets.runs.console import Console
from tui.widgets.runs.list_pane import ListPane
from tui.widgets.runs.run_list import RunList
from tui.widgets.runs.run_overview import Overview


class PaneActions:
    """The panes of a screen: a list, charts and an ``Overview`` over a ``Console`` or a ``MachinePane``.

    Args:
        screen: Has the panes.
        host: The same screen, as the one of the queue sees it.
    """

    def __init__(self, screen: Screen[None], host: Host) -> None:
        self._screen = screen
        self._host = host
        self._had_focus: dict[str, Widget] = {}
        """What had the keys in a pane as it was hidden, by the name of the pane."""

    def action_go_to_runs(self) -> None:
        """Give the list the keys."""
        self._screen.query_one("#left").remove_class("-hidden")
        self._screen.query_one(RunList).focus()

    def action_move_list(self, rows: int) -> None:
        """Go to the list and move its cursor, from a pane that has no use for the key."""
        self.action_go_to_runs()
        self._screen.query_one(RunList).action_move(rows)

    def action_go_to_charts(self) -> None:
        """Give the charts the keys: the arrows move the reading cursor."""
        self._screen.query_one(ChartGrid).focus()

    def action_go_to_overview(self) -> None:
        """Show the overview and give it the keys: it scrolls."""
        overview = self._screen.query_one(Overview)
        overview.remove_class("-hidden")
        overview.set_class(not overview.display, "-shown")
        overview.focus()

    def action_console(self) -> None:
        """Show what the run says at the bottom."""
        pane = self._screen.query_one(MachinePane)
        if pane.has_focus:
            self._screen.query_one(RunList).focus()
        pane.remove_class("-shown")
        self._screen.query_one(Console).remove_class("-hidden").add_class("-shown")

    def action_machine(self) -> None:
        """Show the machine and the queue at the bottom; once they are there, on a screen of their own."""
        pane = self._screen.query_one(MachinePane)
        if pane.has_class("-shown"):
            self.action_queue()
            return
        self._screen.query_one(Console).add_class("-hidden")
        pane.add_class("-shown")
        pane.focus()

    def action_queue(self) -> None:
        """Show the machine and the queue on a screen of their own."""
        from tui.screens.queue_page import QueueScreen

        self._screen.app.push_screen(QueueScreen(self._host))

    def action_pane(self, pane: str) -> None:
        """Show or hide a side pane; a list whose columns lack room is made wider first."""
        widget = self._screen.query_one(f"#{pane}")
        crowded = pane == "left" and self._screen.query_one(RunList).hidden_columns > 0
        if (
            widget.display
            and crowded
            and not (widget.has_class("-roomy") or self._screen.has_class("-narrow"))
        ):
            widget.add_class("-roomy")
            self._screen.query_one(ListPane).dragged_to = 0
            return
        hides, focused = widget.display, self._screen.focused
        had_focus = self._had_focus.pop(pane, None)
        if hides and focused is not None and widget in focused.ancestors_with_self:
            self._had_focus[pane] = focused
        widget.remove_class("-roomy")
        widget.set_class(hides, "-hidden")
        widget.set_class(not hides, "-shown")
        if not hides and had_focus is not None:
            had_focus.focus()

    def action_reset(self) -> None:
        """Show everything as at the start."""
        hidden = not self._screen.query_one("#left").display
        for pane in ("#left", "#right"):
            self._screen.query_one(pane).remove_class("-hidden", "-shown", "-roomy")
        self._screen.query_one(ListPane).dragged_to = 0
        self.action_console()
        self._screen.query_one(Console).remove_class("-shown")  # a low screen has better use for its rows
        self._screen.query_one(ChartGrid).reset()
        if hidden and (had_focus := self._had_focus.pop("left", None)) is not None:
            had_focus.focus()
