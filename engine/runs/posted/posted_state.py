"""The state of a run that was posted to a site, by seven rules: which of its facts is believed first.

The lock of such a run, its events and its heartbeat come late or not at all, and what the site says of its job is a few
seconds old. The first rule that fits decides:

1. A process that has the lock, or a fresh lease, is its process (``engine.runs.liveness``, before these).
2. A job that waits, seen after the last end: it waits to be begun, or to be begun anew.
3. An end of an attempt since it was posted: that end.
4. A heartbeat within the last minute: it runs, unless the site has said its last word.
5. What the site said within the last 90 s.
6. A job that is over, in two looks a minute apart, without an end: it crashed, for the reason that the site gives. One
   that the site never took failed.
7. Otherwise the last that is known, with its age: a site that does not answer is no failure.

A word from before the run was posted is about an earlier job. ``finished`` is believed before all: a job that ends in
its last seconds is a timeout to its site.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.events import Moment
from engine.runs.heartbeat_and_silence import SILENCE_S
from engine.runs.posted.posting import DAMAGED_POSTING, Posting, Seen
from engine.runs.status import ENDED, State, Status
from engine.text import span

FRESH_S = 90.0
"""Seconds for which a site's word is taken for what is the case."""
SURE_S = 60.0
"""Seconds between two looks that find no job after which it is over: an answer of a controller that was begun anew, or
of a file system that lags behind, may be wrong for some."""
NOT_ARRIVED = "not known yet whether it arrived"


class Judged(NamedTuple):
    """A state and why it is that; None keeps the reason that the events give."""

    state: State
    reason: str | None
    heard: Moment = 0.0
    """When its site said last how it goes, where the state is no newer than that; 0 where it is."""


def judge_posted(
    status: Status, posting: Posting, seen: Seen | None, now: Moment, clock_ahead_s: float = 0.0
) -> Judged:
    """Return the state of a posted run whose lock is not held here (rule 1).

    Args:
        status: What its events say.
        posting: Where it was posted.
        seen: The site's newest word on it; None before the first.
        now: Seconds since the epoch, here.
        clock_ahead_s: Seconds by which the site's clock is ahead: its events carry that clock's times.
    """
    seen = seen if seen is not None and seen.at >= posting.posted else None
    began = status.attempt > posting.attempts
    ended = status.ended - clock_ahead_s if status.state in ENDED else 0.0
    if status.state == "finished":
        return Judged("finished", None)
    if posting == DAMAGED_POSTING:
        return Judged("silent", "its posted.json is damaged: `engine doctor` says what is left of it")
    word = seen if seen is not None and now - seen.at <= FRESH_S else None
    if word is not None and word.state == "pending" and word.at > ended:
        return Judged("queued", _why_it_waits(word))
    if status.state in ENDED and (began or ended > posting.posted):
        return Judged(status.state, None)
    silent_s = now - (status.heartbeat - clock_ahead_s)
    if began and posting.seen is None and abs(silent_s) <= SILENCE_S:
        return Judged("running", None)
    if (over := _as_over(seen, posting, began=began)) is not None:
        return over
    if word is not None:
        return _as_seen(word, posting, began=began, silent_s=silent_s)
    return _as_last_known(seen, posting, now, began=began)


def _as_over(seen: Seen | None, posting: Posting, *, began: bool) -> Judged | None:
    """Return what became of a run that its site did not take, or whose job is surely over; None for others."""
    if seen is None:
        return None
    if seen.state == "refused":
        return Judged("failed", seen.reason or f"{posting.site.name} refuses it")
    return (
        Judged("crashed", _why_it_is_over(seen, posting, began=began))
        if is_surely_over(seen, posting)
        else None
    )


def is_surely_over(seen: Seen, posting: Posting) -> bool:
    """Return whether all looks of a minute or more have said that a run's job is over."""
    since = max(seen.since, posting.posted)
    return seen.state in ("ended", "gone") and seen.at - since >= SURE_S


def newest(seen: Seen | None, last: Seen | None) -> Seen | None:
    """Return the newer of two words of a site."""
    known = [word for word in (seen, last) if word is not None]
    return max(known, key=lambda word: word.at, default=None)


def _as_seen(seen: Seen, posting: Posting, *, began: bool, silent_s: float) -> Judged:
    if seen.state in ("running", "ending"):
        if not began:
            return Judged("starting", f"its job began on {seen.node}" if seen.node else None)
        where = f" on {seen.node}" if seen.node else ""
        said = f"{posting.site.name} says it runs{where}, nothing heard for {span(max(0.0, silent_s))}"
        return Judged("silent", said)
    if seen.state == "unknown":
        return Judged(
            "silent" if began else "queued", seen.reason or f"{posting.site.name} does not know its state"
        )
    if not posting.job and not began and seen.state == "gone":
        return Judged("queued", NOT_ARRIVED)
    job = f"job {posting.job}" if posting.job else "its job"
    over = f"is over: {seen.exit}" if seen.exit else "is no longer there"
    return Judged("silent" if began else "queued", f"{job} {over}; {posting.site.name} is asked again")


def _as_last_known(seen: Seen | None, posting: Posting, now: Moment, *, began: bool) -> Judged:
    if seen is None:
        waited = span(max(0.0, now - posting.posted))
        why = (
            NOT_ARRIVED
            if not posting.job
            else f"posted {waited} ago, {posting.site.name} has not been asked yet"
        )
        return Judged("silent" if began else "queued", why)
    age = f"{posting.site.name} was heard {span(max(0.0, now - seen.at))} ago"
    if began:
        return Judged("silent", age, seen.at)
    return Judged("starting" if seen.state in ("running", "ending") else "queued", age, seen.at)


def _why_it_waits(seen: Seen) -> str:
    return seen.reason or "waits at its site"


def _why_it_is_over(seen: Seen, posting: Posting, *, began: bool) -> str:
    job = f"job {posting.job}" if posting.job else "its job"
    if seen.exit:
        said = "" if began or seen.exit.startswith("CANCELLED") else "; console.log has what it said"
        return f"{posting.site.name} ended {job}: {seen.exit}{said}"
    return seen.reason or f"{posting.site.name} no longer has {job}, and it left no word"
