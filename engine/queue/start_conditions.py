"""What a queued run waits for besides a device: trust, its user, another run, or the time of its retry."""

from __future__ import annotations

from engine.runs.liveness import status_of
from engine.runs.queue_entry import QueueEntry
from engine.runs.status import LIVE
from engine.runs.store import Run, Store, is_run_id
from engine.runs.trust.queued_by_user import why_untrusted
from engine.runs.why_waiting import HELD
from engine.text import span


def why_blocked(store: Store, queued: Run, entry: QueueEntry, now: float) -> tuple[str, bool]:
    """Return what a queued run waits for besides a device, empty for nothing, and whether the user has to act first.

    Args:
        store: The folder of all runs.
        queued: The run.
        entry: Its entry in the queue.
        now: Seconds since the epoch.
    """
    if why := why_untrusted(queued, entry):
        return why, True
    if entry.on_hold:
        return HELD, True
    for name in entry.after:
        run = Run(store.root / name)
        if not is_run_id(name) or not run.path.is_dir():
            return f"waits for {name}, which is gone: move or cancel it", True
        status = status_of(run)
        state = status.state
        if state in ("failed", "stopped", "crashed"):
            return f"waits for {name}, which {state}: resume that, or move or cancel this", True
        if state != "finished":
            stalls = ", which stalls" if status.stalled else ""
            return f"waits for {name} to finish{stalls}", state not in LIVE
    if (left := entry.not_before - now) > 0:
        return f"retries in {_roughly(left)}", False
    return "", False


def _roughly(seconds: float) -> str:
    """Return seconds rounded up to what changes seldom enough to be written down."""
    step = 10 if seconds <= 60 else 60
    return span(-(-seconds // step) * step)
