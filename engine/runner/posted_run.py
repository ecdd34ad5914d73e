"""A run that a site has started: what its job may start, and how it is begun anew when its time is nearly up.

The job names the posting and the digest of what it is to run; only this user can hand in a job of this user. So a
folder that was changed since, or whose posting was replaced, starts nothing. Who has the run's lock and the name of its
posting is right: the site has ended the attempt before.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from typing import NamedTuple

from engine.runs import stop_request
from engine.runs.posted.posting import DAMAGED_POSTING, Posting, posting_of
from engine.runs.recorder import Recorder
from engine.runs.status import ENDED
from engine.runs.status_file import rebuild
from engine.runs.stop_request import FINISHED, ON_REQUEST, STOPPED
from engine.runs.store import Run, StoreError
from engine.runs.trust.posted_by_user import contents_of
from engine.system.lease import STALE_S

LOCK_TIMEOUT_S = STALE_S + 30.0
"""Seconds to wait for the attempt before: a site may begin a run anew a moment before that is gone, and the lease of a
node that has died runs out only after a while."""
TRY_AGAIN = 75
"""Exit code: another process has the run, or it has to be posted anew (EX_TEMPFAIL of sysexits.h)."""
ENDED_WITHIN_S = 60.0
"""Seconds within which Slurm ends a job that it is to begin anew."""


class Posted(NamedTuple):
    """What a job was told to start."""

    name: str
    """The name of the posting."""
    contents: str
    """The digest of what it is to be, as ``engine.runs.trust.posted_by_user`` makes it."""


def require_posted(run: Run, posted: Posted) -> Posting:
    """Return a run's posting where it is the one that a job was handed in for.

    Raises:
        StoreError: It was posted anew or taken back since, or is not what was posted; says which.
    """
    posting = posting_of(run)
    if posting is None or posting == DAMAGED_POSTING or posting.name != posted.name:
        raise StoreError(f"{run.id} is not started: it is no longer posted as {posted.name}")
    if contents_of(run, posting) != posted.contents:
        raise StoreError(f"{run.id} is not started: its folder was changed since it was posted")
    return posting


def ended_before(run: Run, posting: Posting) -> int | None:
    """Return the exit code of a run that is not to begin: it has finished, or its user stopped it; None else.

    The caller holds its lock.
    """
    status = rebuild(run)  # what its events say, whatever the site last said
    began = status.attempt > posting.attempts
    if status.state == "finished":
        return FINISHED
    if status.state in ENDED and not began and status.ended > posting.posted:
        return STOPPED  # it was cancelled while it waited
    if status.state == "stopped" and began and status.reason.startswith(ON_REQUEST):
        return STOPPED
    if stop_request.asked(run) is None:
        return None
    recorder = Recorder(run)
    recorder.end("stopped", f"{ON_REQUEST} before it began")
    recorder.close()
    stop_request.clear(run)
    return STOPPED


def whereabouts(posting: Posting, environment: Mapping[str, str] = os.environ) -> str:
    """Return which job this process is, and where, for the run's log."""
    node = environment.get("SLURMD_NODENAME", "")
    return (
        f"{posting.site.name} began it"
        + (f": job {job}" if (job := slurm_job(environment)) else "")
        + (f" on {node}" if node else "")
    )


def slurm_job(environment: Mapping[str, str] = os.environ) -> str:
    """Return the id of the job that this process is in, ``8123`` or ``8123_4``; empty outside of Slurm."""
    array, task = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else environment.get("SLURM_JOB_ID", "")


def begin_anew() -> int:
    """Have Slurm begin this process's job anew, and wait to be ended by it.

    Returns:
        The exit code that asks for a new posting: Slurm refused, or did not end this process.
    """
    for number in (signal.SIGTERM, signal.SIGUSR2, signal.SIGCONT):
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
    try:
        done = subprocess.run(
            ["scontrol", "requeue", slurm_job()],
            stdin=subprocess.DEVNULL,
            timeout=ENDED_WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return TRY_AGAIN
    if done.returncode == 0:
        time.sleep(ENDED_WITHIN_S)
    return TRY_AGAIN
