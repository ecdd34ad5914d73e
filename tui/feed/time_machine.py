"""The feed's way to a moment of the past and back, in the place of now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.runs.store import Run
from tui.feed.missed_news import MissedNews
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
        self._missed = MissedNews()

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
        if (moment := self.moment) is None:
            self._reader = None
            return self._missed.told_with(news, live)
        self._missed.keep(news, live)
        if self._reader is None:
            from tui.feed.past_reader import PastReader  # few look back, and the app is there sooner without

            self._reader = PastReader()
        then = self._reader.look(moment, watch, live, runs)
        return Changed(then) if then is not None else None
