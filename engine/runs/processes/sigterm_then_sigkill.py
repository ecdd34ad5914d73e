"""Ends processes: by SIGTERM, and by SIGKILL after a while."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterable

import psutil

GRACE_S = 3.0
"""Seconds between SIGTERM and SIGKILL."""
KILLED_S = 5.0
"""Seconds that the kernel has to end what was killed."""
POLL_S = 0.02


def end_processes(processes: Iterable[psutil.Process], grace_s: float = GRACE_S) -> None:
    """Ask processes to end, and kill those that have not after ``grace_s`` seconds."""
    left = list(processes)
    send(left, signal.SIGTERM, signal.SIGCONT)
    left = wait_for(left, grace_s)
    send(left, signal.SIGKILL)
    wait_for(left, KILLED_S)


def wait_for(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait some seconds until all of the processes are gone; return those that live on."""
    deadline = time.monotonic() + seconds
    while (left := [process for process in processes if lives(process)]) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return left


def send(processes: Iterable[psutil.Process], *numbers: signal.Signals) -> None:
    """Send signals to processes; one that is gone, or another user's, gets none."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            for number in numbers:
                process.send_signal(number)  # psutil looks first whether the pid is still that process


def lives(candidate: psutil.Process) -> bool:
    """Return whether a process exists and is no zombie."""
    try:
        return bool(candidate.is_running() and candidate.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
