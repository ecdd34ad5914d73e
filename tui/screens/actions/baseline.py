"""Which run is the baseline: pinned by a key of the list or of a comparison, and said either way."""

from __future__ import annotations

from tui.screens.actions.bulk_action import names_here
from tui.screens.actions.screen_protocol import Board
from tui.screens.message_duration import SHORTEST_S


def pin(board: Board, run: str) -> None:
    """Have a run as the baseline, and say how that ends."""
    board.state.pinned = run
    board.show()
    board.say(f"⚑ {_name(board, run)} is the baseline: pinned until p on its row", SHORTEST_S)


def unpin(board: Board) -> None:
    """Have no baseline any more, and say so."""
    run, board.state.pinned = board.state.pinned, None
    board.show()
    if run is not None:
        board.say(f"{_name(board, run)} is no longer pinned as the baseline", SHORTEST_S)


def _name(board: Board, run: str) -> str:
    """Return what a run is called: by its experiment where it stands for seeds, as in a comparison."""
    row, status = board.row, board.snapshot.by_id.get(run)
    if not (row is not None and row.run == run and row.parent and not row.folds):
        for each in board.run_list.rows:
            if each.folds and not each.group and each.seeds > 1 and run in each.runs:
                return f"{each.label} ×{each.seeds}"
    return run if status is None else names_here(board, [status])[run]
