"""How often the bridge asks a site what is new: soon after a request, seldom while nothing changes or it is away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.runs.posted.posting import Posting, Seen


@dataclass(frozen=True)
class PollingPace:
    """Seconds between two looks at a site."""

    soon_s: float = 1.5
    """For ``fresh_s`` seconds after something was asked of it."""
    usual_s: float = 10.0
    calm_s: float = 30.0
    """While nothing has changed for a while, and nothing is known to change soon."""
    first_backoff_s: float = 1.0
    """After it did not answer; twice as long after each further time."""
    longest_backoff_s: float = 60.0
    fresh_s: float = 30.0
    calm_after_s: float = 600.0
    """Since when nothing has changed where it is calm, and for how long nothing is known to change."""
    leave_s: float = 5.0
    """For how long a bridge that ends waits for a look that goes on."""

    def backoff_s(self, failed: int) -> float:
        """Return the seconds until a site is asked again that did not answer before, so many times in a row."""
        return min(self.longest_backoff_s, self.first_backoff_s * 2.0**failed)

    def pause_s(
        self, postings: Mapping[str, Posting], runs: Mapping[str, Seen], asked: float, now: float
    ) -> float:
        """Return the seconds until the next look at a site that answers.

        Args:
            postings: Those of its runs, by their ids.
            runs: What it said of them last.
            asked: When something was last asked of it for a command.
            now: The time.
        """
        if any(not posting.site.is_here for posting in postings.values()):
            return self.soon_s  # the far end says what is new by itself: nothing is asked
        if now - max([asked, *(posting.posted for posting in postings.values())]) < self.fresh_s:
            return self.soon_s
        return self.calm_s if self._are_calm(map(runs.get, postings), now) else self.usual_s

    def _are_calm(self, runs: Iterable[Seen | None], now: float) -> bool:
        return all(seen is not None and self._is_calm(seen, now) for seen in runs)

    def _is_calm(self, seen: Seen, now: float) -> bool:
        ahead = [when for when in (seen.starts, seen.ends) if when]
        return now - seen.since > self.calm_after_s and all(
            abs(when - now) > self.calm_after_s for when in ahead
        )
