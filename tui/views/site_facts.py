"""What is said of a site and of a run there: for the machine board, the queue and the pages of a run. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterator

from engine.runs.posted.posting import Posting, Seen
from engine.runs.posted.site_status import SiteStatus
from engine.runs.posted.whereabouts import Whereabouts
from engine.runs.status import LIVE, Status
from engine.text import YEAR_S, clean, duration, span
from tui.state.snapshot import Snapshot

MOST = 10**6
"""What a number of jobs or GPUs is shown up to."""


def age_text(at: float, now: float) -> str:
    """Return how long ago something was, to a tenth of a second while that is young: ``0.3 s ago``, ``8 s ago``."""
    age = max(0.0, now - at)
    return f"{age:.1f} s ago" if age < 1 else f"{span(age)} ago"


def count_text(number: int) -> str:
    """Return a number of jobs or GPUs; a site's file is anybody's text, so one that cannot be is ``?``."""
    return f"{number:,}" if 0 <= number <= MOST else "?"


def trouble_of(status: SiteStatus, now: float) -> str:
    """Return in words that a site does not answer, empty while it does."""
    if not status.trouble:
        return ""
    heard = f", heard {age_text(status.at, now)}" if status.at else ""
    return f"away{heard}: {clean(status.trouble)}"


def load_texts(status: SiteStatus, now: float) -> list[tuple[str, ...]]:
    """Return what is free at a site, what this user has there and the age of that; then the same in fewer words."""
    jobs = f"{count_text(status.running)} run, {count_text(status.waiting)} wait"
    age = age_text(status.at, now) if status.at else "not heard yet"
    if status.free_gpus is None or status.all_gpus is None:
        return [(f"yours: {jobs}", age), (jobs, age), (age,)]
    free, of = count_text(status.free_gpus), count_text(status.all_gpus)
    short = f"{free}/{of} free"
    return [(f"{free} of {of} GPUs free", f"yours: {jobs}", age), (short, jobs, age), (short, age)]


def facts_at_site(status: Status | None, whereabouts: Whereabouts | None) -> Iterator[tuple[str, str]]:
    """Yield where a posted run is, as pairs of a name and a value; nothing for a run of this folder.

    Args:
        status: How it goes; None while it is not read.
        whereabouts: Where it was sent, and what its site said last.
    """
    if whereabouts is None:
        return
    posting, seen = whereabouts.posting, whereabouts.seen
    where = f", {posting.site.where}" if posting.site.where else ""
    yield "on", clean(f"{whereabouts.on}{where}")
    yield "job", job_of(posting)
    if status is not None and (node := whereabouts.node(status)):
        yield "node", clean(node)
    if seen is None:
        return
    if seen.reason and status is not None and seen.reason not in status.why:
        yield "it says", clean(seen.reason)
    if seen.ends:
        yield "limit", limit_text(seen)
    if seen.restarts:
        yield "restarts", count_text(seen.restarts)
    if seen.exit and (status is None or (status.state not in LIVE and seen.exit not in status.why)):
        yield "job ended", clean(seen.exit)


def waiting_at(snapshot: Snapshot, site: str) -> list[str]:
    """Return the runs that wait at a site, in the order in which it is expected to begin them."""
    forecasts = (snapshot.by_id.get(forecast.run) for forecast in snapshot.queue.forecasts)
    return [status.run for status in forecasts if status and status.on == site and status.state == "queued"]


def is_held_there(snapshot: Snapshot, status: Status) -> bool:
    """Return whether a run waits at its site because it is held, as that says."""
    seen = snapshot.seen(status)
    return seen is not None and "held" in seen.reason.lower()


def job_of(posting: Posting) -> str:
    """Return a run's job in words: its id, or that it is not known to have arrived."""
    number = f", posted {count_text(posting.number)} times" if posting.number > 1 else ""
    return clean(posting.job or "not known yet whether it arrived") + number


def limit_text(seen: Seen) -> str:
    """Return the time limit of a job in words: how long it has, and when that is over."""
    length = seen.ends - seen.starts if 0 < seen.starts < seen.ends else 0.0
    ends = time.strftime("%Y-%m-%d %H:%M", time.localtime(seen.ends))
    return f"{duration(length)}, until {ends}" if 0 < length <= YEAR_S else f"until {ends}"
