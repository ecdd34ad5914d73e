"""The time machine: the dashboard as it was at a moment, and the ways from one moment to the next."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.screen import Screen

from engine.text import clean
from tui.app_options import LOOKS_BACK
from tui.screens.actions.screen_protocol import Board
from tui.screens.line_prompt import Prompt
from tui.state.moment import FORMS, MomentError, beside, day_and_time, moment_of
from tui.widgets.time_slider import TimeSlider

AGO_S = 60.0
"""How long before now the first moment is."""


class PastActions:
    """Shows a board's past.

    Args:
        board: The board.
        screen: The same screen, as Textual has it; it has a ``TimeSlider``.
        look_back: Has the feed show a moment; now for None.
    """

    def __init__(self, board: Board, screen: Screen[None], look_back: Callable[[float | None], None]) -> None:
        self._board = board
        self._screen = screen
        self._look_back = look_back
        self.moment: float | None = None
        """The moment that is looked at; None for now."""

    @property
    def rest(self) -> str:
        """Which moment it is and what comes next, in a line; empty for now."""
        if self.moment is None:
            return ""
        past = self._board.snapshot.past
        words = [f"{day_and_time(self.moment, time.time(), seconds=True)} "]
        if past is None or not self.is_shown:
            return f"{words[0]} …"
        if not past.happenings or self.moment < past.happenings[0].time:
            first = (
                f": the first was on {day_and_time(past.happenings[0].time, past.now)}"
                if past.happenings
                else ""
            )
            return f"{words[0]} nothing had happened yet{first}; only looking"
        if (coming := next((deed for deed in past.happenings if deed.time > self.moment), None)) is not None:
            at = beside(coming.time, self.moment, past.now)
            words.append(f"next: {clean(coming.name)} {coming.deed}, {at};")
        if past.later:
            s = "s" * (past.later > 1)
            words.append(f"{past.later} experiment{s} had no run yet;")
        if not past.order_known:
            words.append("order of the queue not known;")
        return " ".join([*words, "only looking"])

    @property
    def is_shown(self) -> bool:
        """Whether the board shows the moment that is looked at."""
        past = self._board.snapshot.past
        return (None if past is None else past.moment) == self.moment

    @property
    def refusal(self) -> str:
        """Why nothing is changed while the past is shown."""
        return f"looking at {day_and_time(self.moment or time.time(), time.time())}; esc is now"

    def show(self) -> None:
        """Show in the slider the moment that the board shows."""
        self._slider.show(self._board.snapshot.past if self.moment is not None else None)

    @property
    def _slider(self) -> TimeSlider:
        return self._screen.query_one(TimeSlider)

    def go_to(self, moment: float) -> None:
        """Show a moment: not one that is still to come."""
        self.moment = min(moment, time.time())
        self._look_back(self.moment)
        self._screen.app.add_class(LOOKS_BACK)
        if not self._slider.has_class("-shown"):
            self._slider.add_class("-shown")
            self._slider.focus()
        self._board.show()

    def action_look_back(self) -> None:
        """Show the last minute but one; while the past is shown, go back to its keys, or ask for a moment."""
        if self.moment is None:
            self.go_to(time.time() - AGO_S)
        elif self._slider.has_focus:
            self.action_type_moment("")
        else:
            self._slider.focus()

    def action_go_to_now(self) -> None:
        """Show now again."""
        if self.moment is None:
            return
        self.moment = None
        self._look_back(None)
        self._screen.app.remove_class(LOOKS_BACK)
        self._slider.remove_class("-shown")
        self._board.run_list.focus()
        self._board.show()

    def action_go_by(self, seconds: float) -> None:
        """Go on by so many seconds, back by less than none."""
        if self.moment is not None:
            self.go_to(self.moment + seconds)

    def action_go_to_event(self, way: int) -> None:
        """Go to what a run did next, or did last."""
        past = self._board.snapshot.past
        if self.moment is None or past is None:
            return
        times = [deed.time for deed in past.happenings]
        there = (
            min((at for at in times if at > self.moment), default=None)
            if way > 0
            else max((at for at in times if at < self.moment), default=None)
        )
        if there is None:
            self._board.say("nothing happened after this" if way > 0 else "nothing happened before this", 3)
        else:
            self.go_to(there)

    def action_move_under(self, rows: int) -> None:
        """Move the cursor of the list, which keeps the past's keys."""
        self._board.run_list.action_move(rows)

    def action_type_moment(self, begun: str) -> None:
        """Ask for a moment; what was typed stands there."""

        def wrong(line: str) -> str:
            try:
                moment_of(line, time.time())
            except MomentError as error:
                return str(error)
            return ""

        def chosen(line: str | None) -> None:
            if line is not None:
                self.go_to(moment_of(line, time.time()))

        self._board.ask(Prompt("A moment of the past", f"Such as {FORMS}.", begun, wrong=wrong), chosen)
