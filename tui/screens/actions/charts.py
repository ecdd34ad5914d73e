"""How the dashboard's charts are looked at: axes, smoothing, zoom, the reading cursor, bands, which metrics."""

from __future__ import annotations

from textual import on
from textual.screen import Screen
from textual.widgets import Input

from engine.history.reader import AXES, Axis
from tui.state.snapshot import Snapshot
from tui.widgets.chart.grid import ChartGrid
from tui.widgets.runs.run_list import RunList

SMOOTHINGS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
"""Weights of the past, from no smoothing on."""


class Looking(Screen[None]):
    """A screen with a ``ChartGrid`` beside a ``RunList``; what the feed is to prepare is up to the screen."""

    snapshot: Snapshot

    def __init__(self) -> None:
        super().__init__()
        self._axis: Axis = "epoch"
        self._smoothing = 0
        """A place in ``SMOOTHINGS``."""
        self._bands = False
        self._bands_asked = False
        """Whether somebody has said how seeds are to be drawn."""

    def _look(self) -> None:
        """Ask the feed for what is looked at now."""
        raise NotImplementedError

    def action_axis(self) -> None:
        """Go on to the next x axis."""
        places = [
            axis
            for axis in AXES
            if axis != "joules" or any("energy" in name for name in self.snapshot.curves)
        ]
        self._axis = places[(places.index(self._axis) + 1) % len(places)] if self._axis in places else "epoch"
        self.query_one(ChartGrid).x_label = self._axis
        self._look()

    def action_log_y(self) -> None:
        """Make the y axes logarithmic, or linear again."""
        grid = self.query_one(ChartGrid)
        grid.log_y = not grid.log_y

    def action_zoom(self, factor: float) -> None:
        """Zoom the charts."""
        self.query_one(ChartGrid).zoom(factor)

    def action_pan(self, share: float) -> None:
        """Move the view of zoomed charts by a share of its width."""
        self.query_one(ChartGrid).pan(share)

    def action_smooth(self, more: int) -> None:
        """Smooth the curves more or less; 0 for not at all. The values themselves stay, faintly."""
        self._smoothing = max(0, min(self._smoothing + more, len(SMOOTHINGS) - 1)) if more else 0
        self.query_one(ChartGrid).smoothing = SMOOTHINGS[self._smoothing]
        self._look()

    def action_inspect(self) -> None:
        """Read all charts at a cursor, which the arrow keys move; again for no cursor."""
        grid = self.query_one(ChartGrid)
        if grid.cursor is None:
            grid.move_cursor(0)
        else:
            grid.forget_cursor()

    def action_cursor(self, cells: int) -> None:
        """Move the reading cursor."""
        self.query_one(ChartGrid).move_cursor(cells)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """The arrows are the charts' where one has gone to them, or to their reading cursor; else the run list's."""
        if action == "cursor":
            if not self.is_mounted:
                return False
            grid = self.query_one(ChartGrid)
            return self.focused is grid or (
                self.focused is self.query_one(RunList) and grid.cursor is not None
            )
        return True

    def action_page(self, pages: int) -> None:
        """Show other charts."""
        self.query_one(ChartGrid).page += pages

    def action_full_screen(self) -> None:
        """Give the first chart all the space, or share it again."""
        grid = self.query_one(ChartGrid)
        grid.zoomed = not grid.zoomed

    def action_bands(self) -> None:
        """Show runs that differ in their seed alone as one curve with a band, or each by itself again."""
        self._bands, self._bands_asked = not self._bands, True
        self._look()

    def fold_seeds(self) -> None:
        """Show seeds as one curve with a band, as long as nobody has asked for anything else."""
        if not self._bands and not self._bands_asked:
            self._bands = True
            self.notify("Seeds are drawn as their mean and a band; b draws each.", timeout=4)

    def action_search(self) -> None:
        """Show only metrics whose name matches."""
        box = self.query_one("#search", Input)
        box.add_class("-shown")
        self.set_focus(box)

    @on(Input.Changed, "#search")
    def _search_changed(self, message: Input.Changed) -> None:
        self.query_one(ChartGrid).search(message.value)
