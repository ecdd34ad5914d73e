"""A run of a machine that died, or was cut off, goes on here: whether that can be, and what the user is asked before.

Whether a process of another machine lives cannot be seen here. Whoever has the run's lock, and its lease where there
is one, knows that no process has them; and where hosts do not see each other's locks, a run that lives says so in its
status every few seconds.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from engine.queue.move_and_hold import place_elsewhere, require_resumable
from engine.runs import run_lock
from engine.runs.heartbeat_and_silence import HEARTBEAT_S, SILENCE_S
from engine.runs.liveness import status_of
from engine.runs.status import RESUMABLE
from engine.runs.store import Run, StoreError
from engine.text import span

WATCH_S = 5 * HEARTBEAT_S
"""Seconds for which a run is watched that has been heard of lately."""
LOOK_S = 0.2


@dataclass(frozen=True)
class Takeover:
    """What the user is asked to agree to."""

    run: Run
    sentence: str
    """What is known of the run and what would be done."""
    heartbeat: float
    """The last sign of life of the run when it was looked at."""


def look_at_takeover(run: Run) -> Takeover | None:
    """Return what it means to go on here with another machine's run; None where it goes on without that.

    A run that was heard of lately is watched for ``WATCH_S``. Clocks of machines are not compared: the file server's
    alone tells how long a run has been silent.

    Raises:
        StoreError: It lives, waits or has finished, or it is this machine's.
    """
    if (state := status_of(run).state) in (*RESUMABLE, "queued", "finished"):
        return None
    with run_lock.hold(run):
        status = status_of(run, mine=True)
        if status.state in RESUMABLE:
            return None
        require_resumable(run, status, takeover=True)
        host, silent = place_elsewhere(run, status), _silent_for(run)
        if silent <= SILENCE_S:
            silent += _watch(run, host)
    begin = (
        "begin anew"
        if status.checkpoint is None
        else f"go on from its last checkpoint, of step {status.checkpoint:,}"
    )
    return Takeover(
        run,
        f"{run.id} is {state} on {host[:80]}, which has not been heard of for {span(silent)}, and its lock is free. "
        f"It would {begin} on this machine; if it still runs there, two processes would train it",
        status.heartbeat,
    )


def _watch(run: Run, host: str) -> float:
    """Watch whether a run says anything, and return for how long; raises StoreError if it does."""
    began, before = time.monotonic(), _traces(run)
    while (passed := time.monotonic() - began) < WATCH_S:
        if _traces(run) != before:
            raise StoreError(f"{run.id} lives on {host[:80]}: it has just said so")
        time.sleep(LOOK_S)
    return passed


def _silent_for(run: Run) -> float:
    """Return the seconds, by the file server's clock, since a run has written; the caller has its lock."""
    os.utime(run.lock)
    now = run.lock.stat().st_mtime
    times = [trace[1] / 1e9 for trace in _traces(run) if trace[0]]
    return max(0.0, now - max(times, default=0.0))


def _traces(run: Run) -> list[tuple[int, int, int]]:
    """Return inode, time and size of what a live run writes, zeros for what is missing."""
    return [_trace(path) for path in (run.status_file, run.events, run.queue_file)]


def _trace(path: Path) -> tuple[int, int, int]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return 0, 0, 0
    info = os.fstat(handle)  # of an open file, as hosts keep the times of files that they do not open
    os.close(handle)
    return info.st_ino, info.st_mtime_ns, info.st_size
