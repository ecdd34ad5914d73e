"""How the charts beside a run list are looked at: axes, smoothing, zoom, bands, which metrics."""

from __future__ import annotations

from textual.screen import Screen
from textual.widgets import Input

from engine.catalog.metrics import AXES
from tui.axis_ticks import places_on
from tui.screens.actions.screen_protocol import Board
from tui.state.smoothing_steps import bounded_step, weight_of
from tui.widgets.chart.zoom_and_pan import PAN_STEP, ZOOM_STEP

SAID_S = 4


class ChartActions:
    """Changes how the charts of a board are drawn, and has the feed prepare what that takes."""

    def __init__(self, board: Board, screen: Screen[None]) -> None:
        self._board = board
        self._screen = screen
        self._finds_nothing = False
        """Whether no metric matches what was typed last."""

    def action_axis(self) -> None:
        """Go on to the next x axis that one of the runs shown has."""
        state, known = self._board.state, self._board.snapshot.axes
        after = AXES.index(state.axis) + 1
        state.axis = next((axis for axis in (*AXES[after:], *AXES[:after]) if axis in known), "epoch")
        state.wanted_axis = state.axis
        self._board.grid.x_label = state.axis
        self._board.look()

    def fit_axis(self) -> None:
        """Pass over an x axis that no run shown has, with a word, and come back to it with runs that have it."""
        state, snapshot = self._board.state, self._board.snapshot
        if state.fit_axis(snapshot.axes):
            self._board.grid.x_label = state.axis
            if state.axis != state.wanted_axis:
                self._board.say(f"x is {state.axis}: no run shown has {places_on(state.wanted_axis)}", SAID_S)
            self._board.look()

    def action_log_y(self) -> None:
        """Make the y axes logarithmic, or linear again."""
        grid = self._board.grid
        grid.log_y = not grid.log_y

    def action_zoom(self, steps: int) -> None:
        """Zoom the charts in, or out by less than none."""
        self._board.grid.zoom(ZOOM_STEP**steps)

    def action_pan(self, steps: int) -> None:
        """Move the view of zoomed charts to the right, or to the left by less than none."""
        self._board.grid.pan(PAN_STEP * steps)

    def action_smooth(self, more: int) -> None:
        """Smooth the curves more or less; 0 for not at all. The values themselves stay, faintly."""
        state = self._board.state
        state.smoothing = bounded_step(state.smoothing + more) if more else 0
        self._board.grid.smoothing = weight = weight_of(state.smoothing)
        self._board.say(
            f"smoothed {weight:g}, what was measured faintly behind" if weight else "not smoothed", SAID_S
        )
        self._board.look()

    def action_page(self, pages: int) -> None:
        """Show other charts; while values are read, go on to another chart."""
        grid = self._board.grid
        if grid.cursor is not None and not grid.zoomed:
            grid.choose_next(pages)
        else:
            grid.page += pages

    def action_full_screen(self) -> None:
        """Give one chart all the space, or share it again."""
        grid = self._board.grid
        grid.zoomed = not grid.zoomed

    def action_bands(self) -> None:
        """Show runs that differ in their seed alone as one curve with a band, or each by itself again."""
        self._board.state.bands = not self._board.state.bands
        self._board.look()

    def action_search(self) -> None:
        """Show only metrics whose name matches."""
        box = self._screen.query_one("#search", Input)
        box.add_class("-shown")
        self._screen.set_focus(box)

    def search(self, text: str) -> None:
        """Show only metrics that match a text; where none does, say once what searches the list, as may be meant."""
        self._board.grid.search(text)
        nothing = bool(text) and not self._board.grid.matches
        if nothing and not self._finds_nothing:
            self._board.say("no metric matches; f filters the list of runs", SAID_S)
        self._finds_nothing = nothing
