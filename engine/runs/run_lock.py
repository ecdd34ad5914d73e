"""Who may train a run: the one process that has its lock, from the moment it is claimed to the end of that process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from engine.runs.store import Run, StoreError
from engine.system import lock
from engine.system.lock import Holder

HOLD_TIMEOUT_S = 5.0
"""Seconds after which a lock that another process holds is taken to stay held."""
CLAIM_TIMEOUT_S = 0.5
"""The same for the worker, which has other runs to look after: readers have it for microseconds only."""


def claim(run: Run) -> int | None:
    """Take a run's lock for a process that will inherit it; return the open file, None where another has it.

    Raises:
        OSError: It cannot be had here.
    """
    try:
        return lock.take(run.lock, CLAIM_TIMEOUT_S, for_another=True)
    except (lock.LockHeld, lock.LockMoved):
        return None


@contextlib.contextmanager
def hold(run: Run, claimed: int | None = None) -> Iterator[None]:
    """Hold a run's lock: only one process trains a run.

    Args:
        claimed: The open file that has it, which this process has inherited.

    Raises:
        StoreError: Another process holds it, or it cannot be had here.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(lock.hold(run.lock, HOLD_TIMEOUT_S) if claimed is None else lock.keep(claimed))
        except lock.LockHeld as taken:
            raise StoreError(_why_taken(run, taken.holder)) from None
        except lock.LockMoved:
            raise StoreError(f"{run.id} has just been moved or removed") from None
        except OSError as error:
            raise StoreError(f"{run.id} cannot be locked: {error.strerror}: {run.path}") from None
        yield


def is_held(run: Run) -> bool:
    """Return whether a live process holds a run's lock."""
    return lock.is_held(run.lock) is True


def _why_taken(run: Run, holder: Holder | None) -> str:
    if holder is None or not holder.is_dead:
        which = "" if holder is None else f" ({holder.pid} on {holder.host[:80]})"
        return f"{run.id} is being trained by another process{which}"
    left = ", ".join(map(str, lock.keepers(run.lock))) or "which this user cannot see"
    return f"{run.id}: its process {holder.pid} is gone, but a child of it still has its lock: end the process {left}"
