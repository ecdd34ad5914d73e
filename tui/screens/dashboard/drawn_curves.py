"""What a grid of charts is given of a snapshot: its curves with their names, signs and order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.runs.status import LIVE
from tui.curve_palette import Sign
from tui.state.snapshot import Snapshot
from tui.views.run_list_row import Row
from tui.views.run_names import labels_of_drawn
from tui.widgets.chart.chart_grid import ChartGrid
from tui.widgets.chart.curve_order import CurveOrder


class DrawnCurves:
    """Shows the curves of what is looked at in charts, in the order of a list."""

    def __init__(self) -> None:
        self._order = CurveOrder()

    def draw(
        self, grid: ChartGrid, snapshot: Snapshot, signs: Mapping[str, Sign], rows: Sequence[Row], pinned: str | None
    ) -> None:  # fmt: skip
        """Show the curves of a snapshot.

        Args:
            grid: Shows them.
            snapshot: Has them.
            signs: The colour and mark of each run.
            rows: The rows of the list.
            pinned: The run that is drawn over the others besides the one in focus.
        """
        watched, runs = snapshot.watch.runs, snapshot.by_id
        live = {run for run in watched if run in runs and runs[run].state in LIVE}
        live |= {run for fold in snapshot.watch.folds if live.intersection(fold) for run in fold}
        on_top = {name for name in (snapshot.watch.focus, pinned) if name}
        grid.show(
            snapshot.curves,
            labels_of_drawn(snapshot),
            signs,
            on_top,
            listed=self._order.of(rows, watched),
            live=live,
        )
