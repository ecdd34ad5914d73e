"""The end of a worker that holds its folder of runs and does nothing, so that another one can serve."""

from __future__ import annotations

import contextlib
import signal

import psutil

from engine.queue.worker import Busy
from engine.runs import worker_status
from engine.runs.store import Store
from engine.system import kernel_locks, lock

ENDING_S = 5.0
"""Seconds that it has to end after SIGTERM, before it is killed."""


def end_hung_worker(store: Store) -> str:
    """End the worker that serves a folder of runs and does nothing; return what was done, empty where there is none.

    Runs in progress go on. The process that gets a signal is proved by its lock of the folder.

    Raises:
        Busy: The worker answers, or does not prove to be one.
    """
    path = worker_status.lock_file(store.root)
    if (holder := lock.holder_of(path)) is None:
        return ""
    if not (why := worker_status.trouble(store.root)):
        raise Busy(
            f"the worker of {store.root} ({holder.pid}) answers, and is not replaced; `kill {holder.pid}` ends it"
        )
    if holder.pid not in kernel_locks.keepers(path):
        raise Busy(
            f"{path} names process {holder.pid}, which does not prove to be the worker: it is left alone"
        )
    hung = psutil.Process(holder.pid)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(psutil.NoSuchProcess):
            if lock.holder_of(path) == holder and holder.pid in kernel_locks.keepers(path):
                hung.send_signal(number)  # psutil looks first whether the pid is still that process
                hung.send_signal(signal.SIGCONT)
            with contextlib.suppress(psutil.TimeoutExpired):
                hung.wait(ENDING_S)
    return f"{why.partition(':')[0]}: it was ended"
