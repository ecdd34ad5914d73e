"""What is opened over the dashboard, and the way back: one layer out at a time, and at last the list."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Set
from functools import partial
from typing import NamedTuple

from textual.screen import Screen
from textual.widgets import Input

from tui.screens.actions.baseline import pin, unpin
from tui.screens.actions.screen_protocol import Board
from tui.screens.actions.stop_and_resume import RunActions
from tui.screens.actions.time_machine import PastActions
from tui.screens.app_protocol import Host
from tui.screens.help import open_help
from tui.state.run_page_record import Tab
from tui.widgets.key_bar import OUTWARDS
from tui.widgets.time_slider import TimeSlider

CLEARING_S = 4
"""Seconds in which the key that lets go of the overlaid runs has to be pressed again."""


SECTIONS = {
    "ChartGrid": "Charts", "Overview": "A run", "Console": "A run", "MachinePane": "Queue", "TimeSlider": "The past",
}  # fmt: skip
"""The section of the page of keys that is about a pane."""


class Layer(NamedTuple):
    """Something over the list that the key back ends."""

    name: str
    ends: str
    """What that key does to it, in a few words."""
    leave: Callable[[], object]


class LayerActions:
    """Opens runs and the page of keys, pins a run, and goes back.

    Args:
        board: What is opened from.
        screen: The same screen, as Textual has it.
        host: The same screen, as those over it see it.
        actions: What can be done to a run while it is shown whole.
        past: The moment of the past that the screen may show.
    """

    def __init__(
        self, board: Board, screen: Screen[None], host: Host, actions: RunActions, past: PastActions
    ) -> None:
        self._board = board
        self._screen = screen
        self._host = host
        self._actions = actions
        self._past = past
        self._clearing_until = 0.0
        """Until when the key that lets go of the overlaid runs does so."""

    def action_open(self) -> None:
        """Show the run under the cursor whole; of a group, what is in it."""
        runs, row = self._board.run_list, self._board.row
        if row is not None and row.group:
            runs.action_fold(unfold=row.folds not in runs.unfolded)
        elif not self._open("overview"):
            runs.action_fold(unfold=True)

    def action_open_log(self) -> None:
        """Show all that the run under the cursor has said."""
        if not self._open("console"):
            self._board.refuse("Nothing to read", "There is no run under the cursor.")

    def _open(self, tab: Tab) -> bool:
        """Show the run under the cursor whole; return whether there is one."""
        from tui.screens.run_page import RunScreen

        status = self._board.focused_run
        if status is not None:
            self._board.ask(RunScreen(self._host, self._actions, status.run, tab))
        return status is not None

    def action_pin(self) -> None:
        """Keep the run under the cursor in the charts, over all others; again to let it go."""
        status = self._board.focused_run
        if status is None:
            self._board.refuse("Nothing to pin", "There is no run under the cursor.")
        elif self._board.state.pinned == status.run:
            unpin(self._board)
        else:
            pin(self._board, status.run)

    def action_back(self) -> None:
        """One layer out: what is written or read, the past, another pane, the filter, marks, the overlay.

        It ends at the list, wherever it begins.
        """
        runs = self._board.run_list
        if self._board.grid.unmark():
            return
        if (layer := next(self._layers(), None)) is not None:
            layer.leave()
        elif not runs.is_on_screen:
            self._screen.query_one("#left").remove_class("-hidden")
            runs.focus()

    def way_out(self) -> tuple[str, bool]:
        """Return what the key back ends, with what it would end next, and whether that is only a choice in the list.

        It is empty where there is nothing; a line that is written, and that of the past, say it themselves.
        """
        layers = list(self._layers())
        if not layers or isinstance(self._screen.focused, Input | TimeSlider):
            return "", False
        words = OUTWARDS.join([layers[0].ends, *(layer.name for layer in layers[1:])])
        return words, layers[0].name in ("marks", "overlay")

    def _layers(self) -> Iterator[Layer]:
        """Yield what lies over the list, the uppermost first."""
        runs, grid, focused = self._board.run_list, self._board.grid, self._screen.focused
        boxes = [self._screen.query_one(box, Input) for box in ("#filter", "#search")]
        boxes = [box for box in boxes if box.has_class("-shown") and box is not focused]
        if isinstance(focused, Input):
            yield Layer("line", "clear", partial(self._close, [focused]))
        if grid.cursor is not None:
            yield Layer("reading", "end reading", grid.forget_cursor)
        if any(chart.view is not None for chart in grid.charts) or grid.zoomed:
            yield Layer("zoom", "end zoom", grid.reset)
        if self._past.moment is not None:
            yield Layer("past", "back to now", self._past.action_go_to_now)
        if focused is not runs and runs.is_on_screen and not isinstance(focused, Input):
            yield Layer("charts" if focused is grid else "pane", "Runs", runs.focus)
        if boxes:
            name = "filter" if any(box.id == "filter" for box in boxes) else "search"
            yield Layer(name, f"end {name}", partial(self._close, boxes))
        if runs.marked:
            yield Layer("marks", f"unmark {len(runs.marked)}", runs.unmark)
        if runs.overlaid:
            yield Layer("overlay", f"let go of {len(runs.overlaid)}", self._clear_overlay)

    def _close(self, boxes: Iterable[Input]) -> None:
        for box in boxes:
            box.value = ""
            box.remove_class("-shown")
        self._board.run_list.focus()

    def _clear_overlay(self) -> None:
        """Let go of the overlaid runs, if that is asked for twice: the key has many uses, and they took work."""
        runs = self._board.run_list
        if time.monotonic() > self._clearing_until:
            self._clearing_until = time.monotonic() + CLEARING_S
            count = len(runs.overlaid)
            self._board.say(f"esc again lets go of {count} overlaid run{'s' * (count > 1)}", CLEARING_S)
            return
        self._clearing_until = 0.0
        let_go = set(runs.overlaid)
        words = f"{len(let_go)} overlaid run{'s' * (len(let_go) > 1)} let go of"
        self._board.deeds.add(words, partial(self._overlay_again, let_go))
        runs.overlaid = frozenset()
        runs_of = f"{len(let_go)} runs; u overlays them" if len(let_go) > 1 else "1 run; u overlays it"
        self._board.say(f"let go of {runs_of} again", CLEARING_S)
        self._board.show()

    def _overlay_again(self, let_go: Set[str]) -> None:
        there = let_go & self._board.snapshot.by_id.keys()
        self._board.run_list.overlaid |= there
        self._board.say(f"{len(there)} run{'s' * (len(there) != 1)} overlaid again", CLEARING_S)
        self._board.show()

    def action_help(self) -> None:
        """Say what every key does, those of the pane that has the keys first."""
        focused = self._screen.focused
        open_help(self._screen.app, self._screen, SECTIONS.get(type(focused).__name__, "Runs"))
