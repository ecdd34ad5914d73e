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
    status = board.snapshot.by_id.get(run)
    return run if status is None else names_here(board, [status])[run]
