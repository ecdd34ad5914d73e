"""Why a queued run waits, in words for lists: its worker's reason, that it is not to be trusted, or that none works."""

from __future__ import annotations

import functools
import time
from pathlib import Path

from engine.runs.queue_entry import QueueEntry
from engine.runs.store import Run
from engine.runs.worker_status import BEAT_S, WorkerStatus, read, trouble

HELD = "held"
NO_WORKER = "no worker is running; `engine work` starts one"
OTHER_KEY = "goes by the key of another user or home: once it has ended, `engine work` starts this"
"""How the reason ends why a run of this user's waits that the worker takes for a stranger's."""
STARTING_S = 5.0
"""Seconds after a run was queued in which its worker may still be starting."""


def why_waiting(run: Run, entry: QueueEntry | None) -> str:
    """Return in words why a queued run waits, empty until a worker has seen it.

    Args:
        run: The run.
        entry: Its entry in the queue; None where it has none.
    """
    from engine.runs.trust.queued_by_user import why_untrusted  # its hashes take a while, and few runs wait

    root = run.folder.rpartition("/")[0] or "."
    if why := _trouble(root, int(time.monotonic() / BEAT_S)):
        return why
    worker = read(root)
    if worker is not None and not worker.left and (why := _said_by_worker(run, entry, worker)):
        return why
    if entry is not None and (why := why_untrusted(run, entry)):
        return why
    if worker is not None and not worker.left:
        return ""
    if entry is not None and entry.on_hold:
        return HELD
    if worker is not None and (reason := worker.reasons.get(run.id, HELD)) != HELD:
        return reason
    soon = entry is not None and 0 <= time.time() - entry.submitted < STARTING_S
    return "" if soon else NO_WORKER


@functools.lru_cache(maxsize=8)
def _trouble(root: str, _when: int) -> str:
    """Look at the worker once for all the runs of a list, and again after some seconds."""
    return trouble(Path(root))


def _said_by_worker(run: Run, entry: QueueEntry | None, worker: WorkerStatus) -> str:
    """Return the worker's reason; of a run of this user's not that it is a stranger's, as the worker takes it."""
    from engine.runs.trust.queued_by_user import BY_SOMEBODY_ELSE, why_untrusted

    reason = worker.reasons.get(run.id, "")
    if reason != BY_SOMEBODY_ELSE or entry is None or why_untrusted(run, entry):
        return reason
    return f"the worker here (pid {worker.worker.pid}) {OTHER_KEY}"
