"""The feed's way to a moment of the past and back: what it shows then, and what it has to tell afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.runs.store import Run
from tui.state.messages import Changed
from tui.state.snapshot import Snapshot, Watch

if TYPE_CHECKING:
    from tui.feed.past_reader import PastReader


class TimeMachine:
    """Shows a moment in the place of now, for as long as one is set."""

    def __init__(self) -> None:
        self.moment: float | None = None
        """The moment of the past that is shown, in seconds since the epoch; None for now."""
        self._reader: PastReader | None = None
        self._missed: Changed | None = None
        """What ended and went wrong while the past was shown."""

    def show(
        self, news: Changed | None, live: Snapshot, watch: Watch, runs: Mapping[str, Run]
    ) -> Changed | None:
        """Return what is new on the screen; None where nothing is.

        Args:
            news: What is new now; None for nothing.
            live: The snapshot of now.
            watch: What is looked at.
            runs: All runs.
        """
        if (missed := self._missed) is not None:
            ended, alarms = (news.ended, news.alarms) if news is not None else ((), ())
            news = Changed(live, (*missed.ended, *ended), (*missed.alarms, *alarms))
        if (moment := self.moment) is None:
            self._reader = self._missed = None
            return news
        self._missed = news or Changed(live)
        if self._reader is None:
            from tui.feed.past_reader import PastReader  # few look back, and the app is there sooner without

            self._reader = PastReader()
        then = self._reader.look(moment, watch, live, runs)
        return Changed(then) if then is not None else None
