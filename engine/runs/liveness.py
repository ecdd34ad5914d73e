"""Whether a run lives, waits or has ended: one judgement from its files, its lock and its processes, for all readers.

``crashed`` is never written by the run itself; it is concluded when the run's lock is free and its last event is no
end. ``silent`` is a run in an unknown state: it is another machine's and sent no heartbeat for a while, or this user
may not read it.

The lock of a copied folder is free. Such a copy still names the process that took the run (queued.json): pid, start and
boot together identify it, and while it lives on this machine, so does the run that was copied. Once it is gone, a copy
without an end counts as crashed; but not where another machine has taken the run, and may not have begun it yet.

A run that was posted to a site is judged by ``engine.runs.posted.posted_state``, where no process here has it.
"""

from __future__ import annotations

import os
import time

from engine.runs import stop_request
from engine.runs.heartbeat_and_silence import SILENCE_S
from engine.runs.posted import site_status
from engine.runs.posted.posted_state import Judged, judge_posted
from engine.runs.posted.posting import DAMAGED_POSTING, posting_of
from engine.runs.posted.whereabouts import Whereabouts, whereabouts_of
from engine.runs.queue_entry import QueueEntry, queue_entry
from engine.runs.status import ENDED, LIVE, MAX_REASON, SAYABLE, WITHOUT_A_WORD, State, Status
from engine.runs.status_file import cached, is_of_older_version, read_on, rebuild, renew
from engine.runs.store import Run
from engine.runs.why_waiting import why_waiting
from engine.system import lock, process


def status_of(run: Run, *, mine: bool = False) -> Status:
    """Return a run's status with its state judged from its files, its lock and its processes.

    Args:
        run: The run.
        mine: This process has the run's lock and does not train: the run is judged as if the lock were free.
    """
    if (status := _at_rest(run)) is not None:
        return status
    is_held = False if mine else lock.is_held(f"{run.folder}/lock")
    status, size, entry = cached(run), run.events_size, queue_entry(run)
    is_outdated = False
    if status is None or status.offset > size:
        status, is_outdated = rebuild(run), is_of_older_version(run)
    elif not is_held and status.offset < size:  # a live process saves the rest itself
        read_on(run, status)
    place = whereabouts_of(run)
    status.on, status.node = (place.on, place.node(status)) if place is not None else ("", "")
    status.state, reason, status.heard = _judge(run, status, entry, is_held, place)
    status.asked = stop_request.asked(run) if status.state in LIVE else None
    status.stalled = not status.heard and status.stalls(status.waited_s + _silent_s(status))
    if reason is not None:
        status.reason = _with_cure(run, status, place, reason)[:MAX_REASON]
    elif status.state == "queued":
        status.reason = why_waiting(run, entry)
    elif status.state == "crashed" and not status.reason:
        status.reason = WITHOUT_A_WORD
    if is_outdated and not is_held and status.state in ENDED & SAYABLE:
        renew(run, status)
    return status


def _at_rest(run: Run) -> Status | None:
    """Return the status of a run that has ended and is in no queue: all that lists of many runs ask of most of them.

    Whoever begins one anew says so in the queue, or where the disk is full in its status: no lock need be looked at.
    """
    if queue_entry(run) is not None or (status := cached(run)) is None or status.state not in ENDED:
        return None
    is_over = status.heartbeat <= status.ended and status.offset == run.events_size
    if not is_over or posting_of(run) is not None:
        return None
    status.on = status.node = ""  # what is judged here, whatever the file says
    status.heard, status.asked, status.stalled = 0.0, None, False
    return status


def _with_cure(run: Run, status: Status, place: Whereabouts | None, reason: str) -> str:
    """Return a reason; of a run of which its site has said nothing for a while, also why, or that it is not asked."""
    if place is None or place.posting == DAMAGED_POSTING or not (status.heard or place.seen is None):
        return reason
    unattended = site_status.why_unattended(run.folder.rpartition("/")[0] or ".")
    return "; ".join(filter(None, (reason, unattended or place.trouble)))


def _state_of_owned(status: Status, entry: QueueEntry) -> State:
    """Return the state of a run whose process lives, as its queue entry says."""
    if not entry.begun(status.attempt):
        return "starting"
    return status.state if status.state in ENDED else "running"


def _state_of_held(status: Status) -> State:
    """Return the state of a run whose lock a process holds."""
    if status.state in ENDED and _lives_here(status) and status.heartbeat <= status.ended:
        return status.state  # its process is about to go
    return "running" if status.state == "running" and _is_current(status) else "starting"


def _judge(
    run: Run, status: Status, entry: QueueEntry | None, is_held: bool | None, place: Whereabouts | None
) -> Judged:
    if (living := _state_of_living(run, status, entry, is_held)) is not None:
        return Judged(living, None)
    if place is not None:
        return judge_posted(status, place.posting, place.seen, time.time(), place.clock_ahead_s)
    if entry is not None and entry.waits(status.attempt):
        return Judged("queued", None)
    taker = entry.owner if entry is not None and not entry.begun(status.attempt) else None
    if taker is not None and taker.is_elsewhere and not (status.state in ENDED and _is_silent(status)):
        return Judged("silent" if _is_silent(status) else "starting", f"{taker.host} has taken it")
    if status.state in ENDED:
        return Judged(status.state, None)
    return Judged(_state_of_unended(run, status), None)


def _state_of_unended(run: Run, status: Status) -> State:
    """Return the state of a run that has no process here, does not wait, and recorded no end."""
    if status.attempt and status.host not in ("", process.host()):
        return "silent" if _is_silent(status) else "running"
    return "silent" if run.events.exists() and not os.access(run.events, os.R_OK) else "crashed"


def _state_of_living(
    run: Run, status: Status, entry: QueueEntry | None, is_held: bool | None
) -> State | None:
    """Return the state of a run that has a process here, or that this user may not look at; None where neither is."""
    if entry is not None and entry.owner is not None and entry.owner.is_alive:
        return _state_of_owned(status, entry)
    if is_held:
        return _state_of_held(status)
    if is_held is None and status.state == "running" and _lives_here(status):
        return "running"  # its lock was removed, or this user may not look at it
    if is_held is None and not os.access(run.path, os.R_OK | os.X_OK):
        return "silent"
    return None


def _silent_s(status: Status) -> float:
    """Return for how long a run of this machine has made no heartbeat though it lives: stopped, or quite stuck."""
    if status.on or status.host != process.host():
        return 0.0
    silent_s = time.time() - status.heartbeat
    return silent_s if silent_s > SILENCE_S else 0.0


def _is_silent(status: Status) -> bool:
    return abs(time.time() - status.heartbeat) > SILENCE_S


def _is_current(status: Status) -> bool:
    """Return whether the process in the status can be the one that holds the lock."""
    return status.host != process.host() or _lives_here(status)


def _lives_here(status: Status) -> bool:
    return status.host == process.host() and process.is_alive(status.pid, status.process_started, status.boot)
