"""How one gets from pane to pane: 1 to 5, and what the bottom of the screen shows."""

from __future__ import annotations

from tui.screens.actions.runs import Doing
from tui.widgets.chart.grid import ChartGrid
from tui.widgets.machine.pane import MachinePane
from tui.widgets.runs.console import Console
from tui.widgets.runs.overview import Overview
from tui.widgets.runs.run_list import RunList


class Panes(Doing):
    """A screen with a ``RunList``, a ``ChartGrid`` and an ``Overview`` over a ``Console`` or a ``MachinePane``."""

    def action_go_to_runs(self) -> None:
        """Give the list the keys."""
        left = self.query_one("#left")
        left.remove_class("-hidden")
        self.query_one(RunList).focus()

    def action_go_to_charts(self) -> None:
        """Give the charts the keys: the arrows move the reading cursor."""
        self.query_one(ChartGrid).focus()

    def action_go_to_overview(self) -> None:
        """Show the overview and give it the keys: it scrolls."""
        overview = self.query_one(Overview)
        overview.remove_class("-hidden")
        overview.set_class(not overview.display, "-shown")
        overview.focus()

    def action_console(self) -> None:
        """Show what the run says at the bottom."""
        pane = self.query_one(MachinePane)
        if pane.has_focus:
            self.query_one(RunList).focus()
        pane.remove_class("-shown")
        self.query_one(Console).remove_class("-hidden")

    def action_machine(self) -> None:
        """Show the machine and the queue at the bottom; once they are there, on a screen of their own."""
        pane = self.query_one(MachinePane)
        if pane.has_class("-shown"):
            self.action_queue()
            return
        self.query_one(Console).add_class("-hidden")
        pane.add_class("-shown")
        pane.focus()

    def action_queue(self) -> None:
        """Show the machine and the queue on a screen of their own."""
        from tui.screens.queue import QueueScreen

        self.app.push_screen(QueueScreen(self))
