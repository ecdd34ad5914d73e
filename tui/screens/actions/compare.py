"""Which runs are put side by side: the selected ones, or what the row under the cursor stands for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from engine.analysis.run_groups import siblings
from engine.runs.status import LIVE, Status
from tui.screens.actions.charts import ChartActions
from tui.screens.actions.target import Board
from tui.screens.host import Curves, Reader

if TYPE_CHECKING:
    from engine.analysis.seed_groups import Side
    from tui.screens.comparison import CompareScreen


class CompareActions:
    """Compares runs of a board; while they are compared, its charts show these alone.

    Args:
        board: The screen that they are selected on.
        curves: Draws their curves on the screen of the comparison.
        reader: Reads their confusion matrices.
        charts: Folds seeds where sides have several.
    """

    def __init__(self, board: Board, curves: Curves, reader: Reader, charts: ChartActions) -> None:
        self._board = board
        self._curves = curves
        self._reader = reader
        self._charts = charts
        self._comparison: CompareScreen | None = None
        """What is open over the board."""

    def draw(self) -> None:
        """Show the curves over what is compared, as they are now."""
        if self._comparison is not None and self._comparison.is_mounted:
            self._comparison.draw()

    def action_compare(self) -> None:
        """Show runs side by side."""
        from tui.screens.comparison import CompareScreen

        found = self._sides()
        if len(found) < 2:
            self._board.refuse("Nothing to compare", "Overlay two runs that differ: space on each of them.")
            return
        if any(len(side.counted) > 1 for side in found):
            self._charts.fold_seeds()
        self._comparison = CompareScreen(found, self._curves, self._reader)
        self._board.state.compared = self._comparison.runs
        self._board.ask(self._comparison, self._compared_enough)
        self._board.look()

    def _compared_enough(self, _: None) -> None:
        self._comparison = None
        self._board.state.compared = frozenset()
        self._board.look()

    def _sides(self) -> list[Side]:
        """Return what is selected, with the baseline; where that is no two sides, what the cursor is on joins.

        An experiment that would stand alone is compared with itself as it was made otherwise.
        """
        board = self._board
        row, selected = board.row, board.run_list.selected | {board.state.pinned}
        chosen = [name for name in board.snapshot.by_id if name in selected]
        found = self._made_of(chosen)
        if len(found) > 1 or row is None:
            return found
        found = self._made_of([*chosen, *row.runs])
        if len(found) > 1 or row.group or not row.folds:
            return found
        own = (run for run in board.snapshot.runs if (run.experiment or run.run) == row.experiment)
        return self._made_of([run.run for run in own if run.state in LIVE or _was_tested(run)])

    def _made_of(self, names: Iterable[str]) -> list[Side]:
        """Return the sides that some runs are of, with the other seeds that a band shows."""
        from engine.analysis.seed_groups import sides

        snapshot, state = self._board.snapshot, self._board.state
        statuses = snapshot.by_id
        configs = {name: about.config for name, about in snapshot.about.items()} | dict(snapshot.configs)
        shown = dict.fromkeys(name for name in names if name in statuses)
        if state.bands:
            wide = dict.fromkeys([*shown, *siblings(snapshot.runs, shown, snapshot.about)])
            found = sides((statuses[name] for name in wide), configs, state.pinned)
            kept = [side for side in found if any(run.run in shown for run in side.runs)]
            shown = dict.fromkeys([*shown, *(run.run for side in kept for run in side.runs)])
        return sides((statuses[name] for name in shown), configs, state.pinned)


def _was_tested(run: Status) -> bool:
    return any(name.startswith("test/") for name in run.last)
