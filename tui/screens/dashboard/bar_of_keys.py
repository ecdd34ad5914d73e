"""What the bar of keys says on the dashboard: what keys do to the runs that are meant, and what escape ends."""

from __future__ import annotations

from textual.screen import Screen

from tui.keymap.bindings import useless, words_now
from tui.screens.actions.screen_protocol import Target, situation_of
from tui.screens.actions.value_cursor import ReadingActions
from tui.screens.dashboard.escape_layers import LayerActions
from tui.views.run_destination import wording
from tui.widgets.chart.chart_grid import ChartGrid
from tui.widgets.key_bar import KeyBar


class BoardBar:
    """Keeps the bar of a screen.

    Args:
        target: What is meant on the screen.
        screen: The same screen, as Textual has it.
        layers: What lies over its list.
        reading: Whether the keys are the charts'.
    """

    def __init__(
        self, target: Target, screen: Screen[None], layers: LayerActions, reading: ReadingActions
    ) -> None:
        self._target = target
        self._screen = screen
        self._layers = layers
        self._reading = reading

    @property
    def needless(self) -> frozenset[str]:
        """The names of actions that would do nothing to the runs that are meant."""
        return useless("Dashboard", situation_of(self._target))

    def show(self) -> None:
        """Say what keys do now."""
        bar, row = self._screen.query_one(KeyBar), self._target.row
        bar.needless = self.needless
        of_runs = words_now("Dashboard", situation_of(self._target))
        bar.wording = wording(self._target.snapshot, row.experiment if row is not None else "") | of_runs
        self.show_way_out()

    def show_way_out(self) -> None:
        """Say what escape ends, and let the keys of the charts come first where they are theirs."""
        bar = self._screen.query_one(KeyBar)
        bar.way_out, bar.gives_way = self._layers.way_out()
        bar.pane = ChartGrid.__name__ if self._reading.has_arrows else ""
