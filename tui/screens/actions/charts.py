"""How the charts beside a run list are looked at: axes, smoothing, zoom, the reading cursor, bands, which metrics."""

from __future__ import annotations

from textual.screen import Screen
from textual.widgets import Input

from engine.catalog.metrics import AXES
from tui.screens.actions.target import Board
from tui.state.smoothing_steps import bounded_step, weight_of

ZOOM_STEP = 1.5
"""How much closer a press comes."""
PAN_STEP = 0.25
"""The share of the width that a press moves by."""


class ChartActions:
    """Changes how the charts of a board are drawn, and has the feed prepare what that takes."""

    def __init__(self, board: Board, screen: Screen[None]) -> None:
        self._board = board
        self._screen = screen

    def action_axis(self) -> None:
        """Go on to the next x axis that one of the runs shown has."""
        state, known = self._board.state, self._board.snapshot.axes
        after = AXES.index(state.axis) + 1
        state.axis = next((axis for axis in (*AXES[after:], *AXES[:after]) if axis in known), "epoch")
        self._board.grid.x_label = state.axis
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
        self._board.grid.smoothing = weight_of(state.smoothing)
        self._board.look()

    def action_inspect(self) -> None:
        """Read all charts at a cursor, which the arrow keys move; again for no cursor."""
        grid = self._board.grid
        if grid.cursor is None:
            grid.move_cursor(0)
        else:
            grid.forget_cursor()

    def action_cursor(self, cells: int) -> None:
        """Move the reading cursor; from a pane without a use for the key, show or hide the runs of the list's row."""
        if self.has_arrows:
            self._board.grid.move_cursor(cells)
        else:
            self._board.run_list.focus()
            self._board.run_list.action_fold(unfold=cells > 0)

    @property
    def has_arrows(self) -> bool:
        """Whether the arrows are the charts': they have the focus, or the list has it and a reading cursor is out."""
        if not self._screen.is_mounted:
            return False
        grid, focused = self._board.grid, self._screen.focused
        return focused is grid or (focused is self._board.run_list and grid.cursor is not None)

    def action_page(self, pages: int) -> None:
        """Show other charts."""
        self._board.grid.page += pages

    def action_full_screen(self) -> None:
        """Give the first chart all the space, or share it again."""
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
