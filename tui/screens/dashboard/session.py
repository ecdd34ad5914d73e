"""How the dashboard is looked at, as it can be remembered, and back."""

from __future__ import annotations

from typing import Literal, get_args

from textual.widgets import Input

from engine.catalog.metrics import Axis
from tui.screens.actions.charts import SMOOTHINGS, Looking
from tui.screens.dashboard.arrangement import Arranging
from tui.screens.dashboard.filter import Filtering
from tui.state.session import MOST, View
from tui.views.grouping import KEYS
from tui.widgets.chart.grid import ChartGrid
from tui.widgets.runs.run_list import RunList

PANES: tuple[Literal["left", "right"], ...] = ("left", "right")


class Remembering(Filtering, Arranging, Looking):
    """A screen whose view can be taken and given back."""

    _pinned: str | None

    def taken_view(self) -> View:
        """Return how the screen is looked at."""
        panes = {name: self.query_one(f"#{name}") for name in PANES}
        hidden = [name for name, pane in panes.items() if pane.has_class("-hidden")]
        return View(
            axis=self._axis,
            log_y=self.query_one(ChartGrid).log_y,
            smoothing=self._smoothing,
            order=self._order,
            reverse=self._reverse,
            columns=list(self._columns),
            groups=list(self.grouped_by),
            each_seed=not self._bands,
            filter=self._filter,
            hidden=hidden + [f"+{name}" for name, pane in panes.items() if pane.has_class("-shown")],
            selected=sorted(self.query_one(RunList).selected)[:MOST],
            pinned=self._pinned,
        )

    def give_view(self, view: View) -> None:
        """Look at the screen in that way, as far as that is possible."""
        grid = self.query_one(ChartGrid)
        self._axis = next((axis for axis in get_args(Axis) if axis == view.axis), "epoch")
        self._smoothing = max(0, min(view.smoothing, len(SMOOTHINGS) - 1))
        self._bands, self._pinned = not view.each_seed, view.pinned
        grid.x_label, grid.log_y, grid.smoothing = self._axis, view.log_y, SMOOTHINGS[self._smoothing]
        self.query_one(RunList).selected |= set(view.selected[:MOST])
        for name in PANES:
            self.query_one(f"#{name}").set_class(name in view.hidden, "-hidden")
            self.query_one(f"#{name}").set_class(f"+{name}" in view.hidden, "-shown")
        if view.filter.isprintable() and view.filter.strip():
            box = self.query_one("#filter", Input)
            box.value = view.filter
            box.add_class("-shown")
        groups = [key for key in view.groups if key in KEYS]
        self.arrange_list(view.columns, view.order, reverse=view.reverse, groups=groups)
