"""Which runs are put side by side: the selected ones, or what the row under the cursor stands for."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from engine.runs.metadata import facts_of
from engine.runs.status import LIVE, Status
from tui.screens.actions.charts import Looking
from tui.screens.actions.runs import Doing
from tui.views.curve_signs import Signs
from tui.widgets.chart.grid import ChartGrid
from tui.widgets.runs.run_list import RunList

if TYPE_CHECKING:
    from engine.analysis.seed_groups import Side
    from tui.screens.comparison import CompareScreen


class Comparing(Looking, Doing):
    """A screen whose runs can be compared; while they are, the charts show these alone."""

    _pinned: str | None
    _signs: Signs

    def __init__(self) -> None:
        super().__init__()
        self._comparison: CompareScreen | None = None
        """What is open over this screen."""

    def _show_curves(self, grid: ChartGrid) -> None:
        """Show the curves of what is looked at."""
        raise NotImplementedError

    @property
    def compared(self) -> frozenset[str]:
        """The runs that stand side by side; empty where none do."""
        return self._comparison.runs if self._comparison is not None else frozenset()

    def show_compared(self) -> None:
        """Show the curves over what is compared, as they are now."""
        if self._comparison is not None and self._comparison.is_mounted:
            self._comparison.draw()

    def action_compare(self) -> None:
        """Show runs side by side."""
        from tui.screens.comparison import CompareScreen, evidence_of

        found = self._sides()
        if len(found) < 2:
            self._refuse("Nothing to compare", "Overlay two runs that differ: space on each of them.")
            return
        evidence = evidence_of(self.snapshot)
        self._comparison = CompareScreen(found, evidence, self._show_curves, lambda: self._signs.known)
        self.app.push_screen(self._comparison, self._compared_enough)
        self._look()

    def _compared_enough(self, _: None) -> None:
        self._comparison = None
        self._look()

    def _sides(self) -> list[Side]:
        """Return what is selected, with the baseline; where that is no two sides, what the cursor is on joins.

        An experiment that would stand alone is compared with itself as it was made otherwise.
        """
        row, selected = self.row, self.query_one(RunList).selected | {self._pinned}
        chosen = {run.run for run in self.snapshot.runs if run.run in selected}
        found = self._made_of(chosen)
        if len(found) > 1 or row is None:
            return found
        found = self._made_of(chosen | set(row.runs))
        if len(found) > 1 or row.group or not row.folds:
            return found
        own = (run for run in self.snapshot.runs if (run.experiment or run.run) == row.experiment)
        return self._made_of({run.run for run in own if run.state in LIVE or _was_tested(run)})

    def _made_of(self, names: Collection[str]) -> list[Side]:
        """Return the sides that some runs are of, with the other seeds that a band shows."""
        from engine.analysis.seed_groups import sides

        everyone = facts_of(self.snapshot.runs, self.snapshot.about)
        shown = [run for run in everyone if run.status.run in names]
        return sides(shown, self._pinned, everyone if self._bands else None)


def _was_tested(run: Status) -> bool:
    return any(name.startswith("test/") for name in run.last)
