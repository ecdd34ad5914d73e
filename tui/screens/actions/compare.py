"""Which runs are put side by side: the overlaid ones, or what the row under the cursor stands for."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from engine.runs.metadata import summaries_of
from engine.runs.status import LIVE, Status
from engine.runs.store import Run
from tui.screens.actions.target import Board
from tui.screens.app_protocol import Curves, FileReader

if TYPE_CHECKING:
    from engine.analysis.comparison_sides import Side
    from tui.screens.comparison import CompareScreen


class CompareActions:
    """Compares runs of a board; while they are compared, its charts show these alone.

    Args:
        board: The screen that they are selected on.
        curves: Draws their curves on the screen of the comparison.
        reader: Reads their confusion matrices.
    """

    def __init__(self, board: Board, curves: Curves, reader: FileReader) -> None:
        self._board = board
        self._curves = curves
        self._reader = reader
        self._comparison: CompareScreen | None = None
        """What is open over the board."""

    def draw(self) -> None:
        """Show the curves over what is compared, as they are now."""
        if self._comparison is not None and self._comparison.is_mounted:
            self._comparison.draw()

    def action_compare(self) -> None:
        """Show runs side by side."""
        from tui.screens.comparison import CompareScreen, evidence_of

        sides, joined = self._sides()
        if len(sides) < 2:
            self._board.refuse("Nothing to compare", "Overlay two runs that differ: space on each of them.")
            return
        folder = self._board.project.folder / self._board.project.runs
        evidence = evidence_of(self._board.snapshot, folder)
        self._comparison = CompareScreen(sides, evidence, self._curves, self._reader, self._pin, joined)
        self._board.state.compared = self._comparison.runs
        self._board.ask(self._comparison, self._compared_enough)
        self._board.look()

    def action_differ(self) -> None:
        """Show why two runs differ."""
        from tui.screens.differences import DifferencesScreen

        board, pair = self._board, self._pair()
        if pair is None:
            board.refuse(
                "Which two?", "Overlay two runs: space on each of them. Or pin one with p, and go to another."
            )
            return
        first, second = (Run(board.store.root / name) for name in pair)
        board.ask(DifferencesScreen(first, second, board.project.folder))

    def _pair(self) -> tuple[str, str] | None:
        """Return the two runs that are meant; None where it is not clear which."""
        board = self._board
        visible = [run.run for run in board.snapshot.runs if run.run in board.visible_runs]
        pinned = [name for name in visible if name == board.state.pinned]
        overlaid = [name for name in visible if name in board.run_list.overlaid and name not in pinned]
        here = [board.focused_run.run] if board.focused_run is not None else []
        sides = [[run.run for run in side.counted] for side in self._made_of({*pinned, *overlaid})]
        ways = (
            pinned + overlaid,
            pinned + here if pinned else [],
            [names[0] for names in sides if names],
            overlaid + here,
        )
        return next(((way[0], way[1]) for way in ways if len(way) == 2 and way[0] != way[1]), None)

    def _compared_enough(self, _: None) -> None:
        self._comparison = None
        self._board.state.compared = frozenset()
        self._board.look()

    def _pin(self, run: str) -> None:
        """Have another run as the baseline, here and on the board."""
        self._board.state.pinned = run
        self._board.show()

    def _sides(self) -> tuple[list[Side], str]:
        """Return what is overlaid, with the baseline; where that is no two sides, what the cursor is on joins.

        What the filter hides is left out. An experiment that would stand alone is compared with itself as it was
        made otherwise. What was not overlaid and joins is said in the second text that is returned.
        """
        board = self._board
        row, pinned = board.row, board.state.pinned
        overlaid = board.run_list.overlaid
        chosen = {name for name in board.visible_runs if name in overlaid or name == pinned}
        joined = ["with the pinned baseline"] if pinned in chosen - overlaid else []
        sides = self._made_of(chosen)
        if len(sides) > 1 or row is None:
            return sides, self._said(joined)
        if not chosen.issuperset(row.runs):
            joined.append("with the row under the cursor")
        sides = self._made_of(chosen | set(row.runs))
        if len(sides) > 1 or row.group or not row.folds:
            return sides, self._said(joined)
        runs = (board.snapshot.by_id[name] for name in board.visible_runs)
        own = (run for run in runs if (run.experiment or run.run) == row.experiment)
        sides = self._made_of({run.run for run in own if run.state in LIVE or _was_tested(run)})
        return sides, self._said(["compared with its other settings"])

    def _said(self, joined: list[str]) -> str:
        """Return what joined, and whether something overlaid is left out, as words for the frame."""
        hidden = self._board.run_list.overlaid - set(self._board.visible_runs)
        return ", ".join([*joined, *(["what the filter hides is left out"] if hidden else [])])

    def _made_of(self, names: Collection[str]) -> list[Side]:
        """Return the sides that some runs are of, with the other seeds that a band shows."""
        from engine.analysis.comparison_sides import sides

        snapshot, state = self._board.snapshot, self._board.state
        visible = self._board.visible_runs
        everyone = summaries_of((run for run in snapshot.runs if run.run in visible), snapshot.metadata)
        chosen_runs = [run for run in everyone if run.status.run in names]
        return sides(chosen_runs, state.pinned, everyone if state.bands else None)


def _was_tested(run: Status) -> bool:
    return any(name.startswith("test/") for name in run.last)
