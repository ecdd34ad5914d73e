"""What the queue does with a run whose attempt failed or crashed: it retries it, or leaves it.

An experiment says with ``retries`` how often the queue begins it anew by itself. A run that would fail again in the
same way is left: a mistake in the configuration, the data or the code, a layer that refuses what it is given, a damaged
checkpoint, a loss that is not finite, a missing device. A failure that is marked transient is retried: a GPU out of
memory, an unreachable network, a program that ended with an error or was killed. So is a run that crashed: after a
reboot the next worker finds it. A stopped run stays stopped. A run that this user did not start stays as it is: it is
neither begun nor are processes ended that it names.
"""

from __future__ import annotations

import time
from typing import Literal, NamedTuple

import msgspec

from engine.errors import UserError
from engine.events import End, decode
from engine.runs import run_lock, stop_request
from engine.runs.liveness import status_of
from engine.runs.processes.membership import end_leftovers
from engine.runs.queue_entry import QueueEntry, queue_entry
from engine.runs.recorder import Recorder
from engine.runs.resume_settings import last_experiment
from engine.runs.status import ENDED
from engine.runs.store import Run
from engine.runs.trust import entry_writer
from engine.runs.trust.entry_writer import leave_queue
from engine.runs.trust.queued_by_user import why_untrusted
from engine.system.files import last_lines

BACKOFF_S = 30.0
"""Seconds before the first retry; before each further one it is twice as long."""
LONGEST_S = 3600.0


class Retry(NamedTuple):
    """Whether a run that failed or crashed is begun anew by itself, after how many seconds, and what its log says."""

    again: bool
    words: str
    """Empty where its experiment has no retries."""
    pause_s: float = 0.0


def judge_retry(
    run: Run, state: Literal["failed", "crashed"], retried: int, backoff_s: float = BACKOFF_S
) -> Retry:
    """Return whether a run whose attempt failed or crashed is begun anew: here, or by the bridge at its site.

    Args:
        run: The run.
        state: How its attempt ended.
        retried: How often it was begun anew already because it had failed or crashed.
        backoff_s: Seconds before the first retry; they double with each further one, up to ``LONGEST_S``.
    """
    allowed = _allowed(run)
    if not allowed:
        return Retry(False, "")
    if state == "failed" and _failed_for_good(run):
        return Retry(False, f"it {state} and is left: it would fail again")
    if retried >= allowed:
        return Retry(False, f"it {state} and is left: {_times(allowed)} it was begun anew")
    pause_s = min(LONGEST_S, backoff_s * 2.0**retried)
    words = f"it {state}; the queue begins it anew in {pause_s:.0f} s, for time {retried + 1} of {allowed}"
    return Retry(True, words, pause_s)


def unsettled(run: Run) -> QueueEntry | None:
    """Return the entry of a run that this user queued and whose attempt has ended, or ends with its process, while
    ``settle`` has not decided yet what follows; None for any other run."""
    entry = queue_entry(run)
    if entry is None or entry.stage not in ("taken", "failed") or why_untrusted(run, entry):
        return None
    return entry


def settle(run: Run, backoff_s: float = BACKOFF_S) -> None:
    """Queue a run again whose attempt failed or crashed and that has a retry left; else log that it is left.

    A run that was started by hand, or was asked to stop before it died, is left silently. One that lives, waits or has
    been settled before stays as it is.

    Args:
        run: The run.
        backoff_s: Seconds before the first retry; they double with each further one, up to ``LONGEST_S``.

    Raises:
        StoreError: Another process holds the run's lock.
    """
    if unsettled(run) is None:
        return
    with run_lock.hold(run):
        if (entry := unsettled(run)) is None:
            return
        status = status_of(run, mine=True)
        state = status.state
        if state not in ENDED:
            return
        if entry.by_hand or state not in ("failed", "crashed") or stop_request.asked(run) is not None:
            leave_queue(run)
            return
        retry = judge_retry(run, state, entry.retried, backoff_s)
        if not retry.again:
            if retry.words:
                log(run, retry.words)
            leave_queue(run)
            return
        if ended := end_leftovers(run):  # they may hold what the next attempt needs
            log(run, ended)
        log(run, retry.words)
        entry_writer.change(run, entry, msgspec.structs.replace(
            entry, stage="waiting", holder=None, devices={}, retried=entry.retried + 1, attempts=status.attempt,
            not_before=time.time() + retry.pause_s,
        ))  # fmt: skip


def may_retry(run: Run) -> bool:
    """Return whether an experiment has retries, so that the queue may begin its run anew."""
    return _allowed(run) > 0


def _allowed(run: Run) -> int:
    try:
        return last_experiment(run).retries
    except UserError:  # damaged, or of a newer version
        return 0


def _failed_for_good(run: Run) -> bool:
    for line in reversed(last_lines(run.events)):
        if isinstance(event := decode(line), End):
            return event.error is not None and not event.error.transient
    return False


def log(run: Run, message: str) -> None:
    """Write a warning among a run's events; the caller holds its lock."""
    recorder = Recorder(run)
    recorder.log("warning", message)
    recorder.close()


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")
