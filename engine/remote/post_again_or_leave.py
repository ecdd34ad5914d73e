"""What the bridge does about a posted run after a look at its site: nothing yet, ask again, post it anew, or leave it.

::

    the site has it                          wait
    it never arrived, a minute after         ask again, by the same name
    it is over and finished                  leave it
    its time was up, or it was preempted     post it anew: that is no failure, where it got further meanwhile
    it failed or crashed                     post it anew where it has a retry left (``engine.queue.retry``)
    it was stopped, or its job cancelled     leave it
    it is over at a site over ssh            leave it: that decides there what is begun anew
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from engine.queue.retry import BACKOFF_S, Retry, judge_retry
from engine.runs.posted import posted_state
from engine.runs.posted.posting import Posting, Seen
from engine.runs.status import ENDED, Status
from engine.runs.stop_request import TIME_NEARLY_UP, asked
from engine.runs.store import Run

OUT_OF_TIME = ("TIMEOUT", "PREEMPTED", "DEADLINE")
"""Exits of jobs that their site ended for its own reasons."""
CANCELLED = "CANCELLED"


class Step(NamedTuple):
    """What to do about a posted run."""

    do: Literal["wait", "ask again", "post anew", "leave"]
    words: str = ""
    """For the run's log, empty where there is nothing to say."""
    is_failure: bool = False
    """Whether posting it anew takes one of its retries."""


WAIT = Step("wait")


def next_step(
    run: Run, status: Status, posting: Posting, seen: Seen | None, backoff_s: float = BACKOFF_S
) -> Step:
    """Return what to do about a run that this user posted.

    Args:
        run: The run.
        status: Its status, judged after this look.
        posting: Its posting, which its site has not said its last word on.
        seen: What the site said of it at this look; None where it said nothing.
        backoff_s: Seconds before the first retry.
    """
    if seen is None or seen.at < posting.posted or seen.state not in ("ended", "gone"):
        return WAIT
    if status.state == "finished":
        return Step("leave")
    began = status.attempt > posting.attempts
    if not began and not posting.job and seen.state == "gone":
        return Step("ask again") if seen.at - posting.posted >= posted_state.SURE_S else WAIT
    if not began and _is_cancelled(posting, seen):
        return Step("leave")
    if status.state not in ENDED or not _is_over(seen, posting):
        return WAIT
    if asked(run) is not None or not posting.site.is_here:  # a far end has begun anew what is to be
        return Step("leave")
    if status.state == "stopped":
        return _after_stop(run, status, posting, seen)
    if seen.exit.startswith(CANCELLED):
        return Step("leave")
    if status.state == "crashed" and seen.exit in OUT_OF_TIME:
        return _after_time(run, status, posting, f"{posting.site.name} ended its job: {seen.exit}")
    return _retry(judge_retry(run, _failure(status), posting.failures, backoff_s), status, seen)


def _is_cancelled(posting: Posting, seen: Seen) -> bool:
    return seen.state == "ended" and seen.exit.startswith(CANCELLED) and posting.site.is_here


def _is_over(seen: Seen, posting: Posting) -> bool:
    """Return whether nothing of a run that has ended goes on at its site; a far end says so only where that is so."""
    return seen.state == "ended" or posted_state.is_surely_over(seen, posting)


def _after_stop(run: Run, status: Status, posting: Posting, seen: Seen) -> Step:
    if status.reason.startswith(TIME_NEARLY_UP):
        return _after_time(run, status, posting, "its time was up")
    if seen.exit in OUT_OF_TIME and status.reason.startswith("stopped by SIG"):
        return _after_time(run, status, posting, f"{posting.site.name} ended its job: {seen.exit}")
    return Step("leave")


def _after_time(run: Run, status: Status, posting: Posting, why: str) -> Step:
    """Return what follows a job that was ended before the run was: a run that never gets further is left."""
    reached = status.step if run.config().get("command") else status.checkpoint
    if (reached or 0) > status.first_step:
        return Step("post anew", f"{why}: it is posted anew, for time {posting.number + 1}")
    retry = judge_retry(run, "crashed", posting.failures)
    no_further = f"{why} before it got further than the time before"
    if retry.again:
        return Step("post anew", f"{no_further}; {retry.words}", is_failure=True)
    return Step("leave", f"{no_further}: it is left; a longer time helps, `engine resume --on SITE` goes on")


def _retry(retry: Retry, status: Status, seen: Seen) -> Step:
    if not retry.again:
        return Step("leave", retry.words)
    if seen.at < max(status.ended, seen.since) + retry.pause_s:
        return WAIT
    return Step("post anew", retry.words, is_failure=True)


def _failure(status: Status) -> Literal["failed", "crashed"]:
    return "failed" if status.state == "failed" else "crashed"
