"""Who serves the runs that were brought to this machine: a worker for its queue, a bridge for its cluster.

Whoever looks at a list starts them again after they were killed, or the machine was; here no user looks at one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from engine.queue import retry
from engine.queue.notifier import TELLS_NOBODY
from engine.queue.worker import ensure_worker
from engine.remote.start_bridge import ensure_bridge_if_needed
from engine.runs import worker_status
from engine.runs.posted.posting import posting_of
from engine.runs.queue_entry import waiting_entry
from engine.runs.store import Run, Store


def ensure_service(store: Store, runs: Iterable[Run]) -> None:
    """Start the worker and the bridge of this folder of runs where they are needed and there is none.

    A worker that has left its runs to their user, who has to act first, is not started again.

    Args:
        store: The folder of runs.
        runs: Those that the near end follows and that have not ended.
    """
    status = worker_status.read(str(store.root))
    left = status.reasons.keys() if status is not None and status.left else ()
    with contextlib.suppress(OSError):  # a full disk: at the next look
        if any(_needs_worker(run) for run in runs if run.id not in left):
            ensure_worker(store, *TELLS_NOBODY)
    ensure_bridge_if_needed(store, *TELLS_NOBODY)


def _needs_worker(run: Run) -> bool:
    """Return whether a run waits in the queue, or its attempt has ended and the queue decides what follows."""
    is_of_queue = waiting_entry(run) is not None or retry.unsettled(run) is not None
    return is_of_queue and posting_of(run) is None
