"""The news of now that came while the app showed a moment of the past: kept, and told on coming back."""

from __future__ import annotations

from tui.state.messages import Changed
from tui.state.snapshot import Snapshot


class MissedNews:
    """Keeps which runs ended and what went wrong."""

    def __init__(self) -> None:
        self._kept: Changed | None = None

    def keep(self, news: Changed | None, live: Snapshot) -> None:
        """Keep what is new now.

        Args:
            news: What that is; None for nothing.
            live: The snapshot of now.
        """
        self._kept = self._with(news, live) or Changed(live)

    def told_with(self, news: Changed | None, live: Snapshot) -> Changed | None:
        """Return what is new now with all that was kept, and keep it no longer; None where nothing is."""
        told, self._kept = self._with(news, live), None
        return told

    def _with(self, news: Changed | None, live: Snapshot) -> Changed | None:
        if (kept := self._kept) is None:
            return news
        ended, alarms = (news.ended, news.alarms) if news is not None else ((), ())
        return Changed(live, (*kept.ended, *ended), (*kept.alarms, *alarms))
