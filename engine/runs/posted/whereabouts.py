"""Where a posted run is: its posting, and what its site said last; for states, lists and the app."""

from __future__ import annotations

from typing import NamedTuple

from engine.runs.posted import site_status
from engine.runs.posted.posted_state import newest
from engine.runs.posted.posting import Posting, Seen, posting_of
from engine.runs.status import MAX_REASON, Status
from engine.runs.store import Run


class Whereabouts(NamedTuple):
    """Where a run was sent, and the newest word on it."""

    posting: Posting
    seen: Seen | None = None
    """None before the site's first word on it."""
    clock_ahead_s: float = 0.0
    """Seconds by which the site's clock is ahead of this machine's."""
    trouble: str = ""
    """Why the site does not answer, empty while it does."""

    @property
    def on(self) -> str:
        """The name of its site."""
        return self.posting.site.name[:MAX_REASON]

    def node(self, status: Status) -> str:
        """Return the machine that it runs on, or ran on last; empty while it has none.

        Args:
            status: What its events say: they name the machine once it has begun.
        """
        if self.seen is not None and self.seen.node and self.seen.state != "pending":
            return self.seen.node[:MAX_REASON]
        return status.host if status.attempt > self.posting.attempts else ""


def whereabouts_of(run: Run) -> Whereabouts | None:
    """Return where a run is that was sent to a site; None for any other run."""
    if (posting := posting_of(run)) is None:
        return None
    site = site_status.read(run.folder.rpartition("/")[0] or ".", posting.site.name)
    seen = newest(site.runs.get(run.id) if site is not None else None, posting.seen)
    if seen is not None and seen.at < posting.posted:  # it is about an earlier job
        seen = None
    if site is None:
        return Whereabouts(posting, seen)
    return Whereabouts(posting, seen, site.clock_ahead_s, site.trouble)
