"""Which runs are put side by side: the overlaid ones, or what the row under the cursor stands for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from engine.runs.metadata import summaries_of
from engine.runs.status import LIVE, Status
from engine.runs.store import Run
from engine.text import clean
from tui.screens.actions.baseline import pin
from tui.screens.actions.bulk_action import names_here
from tui.screens.actions.screen_protocol import Board
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
            board.refuse("Why differ?", "Overlay two runs with space, or pin one with p.")
            return
        runs = [board.snapshot.by_id[name] for name in pair]
        names = names_here(board, runs)
        baseline = {board.state.pinned, *self._baseline_seeds()}
        is_with_baseline = runs[0].run in baseline and runs[1].run not in baseline
        first, second = (clean(names[run.run]) for run in runs)
        title = f"Why {first}{' (baseline)' * is_with_baseline} and {second} differ"
        made = [Run(board.store.root / name) for name in pair]
        board.ask(DifferencesScreen(made[0], made[1], board.project.folder, title))

    def _pair(self) -> tuple[str, str] | None:
        """Return the two runs that are meant; None where it is not clear which.

        They are what is overlaid, else the baseline and what is under the cursor. Of rows with several seeds they are
        of one seed, where both have it.
        """
        board = self._board
        visible = [run.run for run in board.snapshot.runs if run.run in board.visible_runs]
        visible.sort(key=lambda name: name != board.state.pinned)
        pinned = [name for name in visible if name == board.state.pinned]
        overlaid = [name for name in visible if name in board.run_list.overlaid]
        for chosen in (overlaid, [name for name in visible if name in (*pinned, *overlaid)]):
            if len(chosen) == 2:
                return chosen[0], chosen[1]
            sides = [[run.run for run in side.counted] for side in self._made_of(chosen)]
            if len(sides) == 2:
                return self._of_one_seed(sides[0], sides[1])
        if not pinned and len(sides) > 1:
            return None
        row, run = board.folded_row, board.focused_run
        here = [*([run.run] if run is not None else []), *(row.runs if row is not None else ())]
        here = [name for name in here if name in visible]
        seeds = self._baseline_seeds()
        baseline = overlaid if not pinned else pinned if set(seeds).intersection(here) else pinned + seeds
        return self._of_one_seed(baseline, here)

    def _baseline_seeds(self) -> list[str]:
        """Return the seeds that count of what the baseline is a run of."""
        sides = self._made_of([self._board.state.pinned or ""], seeds=True)
        return [run.run for side in sides for run in side.counted]

    def _of_one_seed(self, first: Sequence[str], second: Sequence[str]) -> tuple[str, str] | None:
        """Return a run of each of two rows: of the same seed if both have it, the pinned one if it is among them."""
        runs, pinned = self._board.snapshot.by_id, self._board.state.pinned

        def key(pair: tuple[str, str]) -> tuple[bool, bool, int]:
            one, other = (runs[name].seed for name in pair)
            return one != other, pair[0] != pinned, one

        pairs = [(one, other) for one in first for other in second if other not in first]
        return min(pairs, key=key, default=None)

    def _compared_enough(self, _: None) -> None:
        self._comparison = None
        self._board.state.compared = frozenset()
        self._board.look()

    def _pin(self, run: str) -> None:
        """Have another run as the baseline, here and on the board."""
        pin(self._board, run)

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

    def _made_of(self, names: Collection[str], *, seeds: bool = False) -> list[Side]:
        """Return the sides that some runs are of, with all other ``seeds``, or where a band shows them."""
        from engine.analysis.comparison_sides import sides

        snapshot, state = self._board.snapshot, self._board.state
        visible = self._board.visible_runs
        everyone = summaries_of((run for run in snapshot.runs if run.run in visible), snapshot.metadata)
        chosen_runs = [run for run in everyone if run.status.run in names]
        return sides(chosen_runs, state.pinned, everyone if seeds or state.bands else None)


def _was_tested(run: Status) -> bool:
    return any(name.startswith("test/") for name in run.last)
