"""Who may train a run: the one process that has its lock, from the moment it is claimed to the end of that process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from engine.runs.store import Run, StoreError
from engine.system import kernel_locks, lock
from engine.system.lock_holder import Holder

HOLD_TIMEOUT_S = 5.0
"""Seconds to wait for a lock that another process holds."""
CLAIM_TIMEOUT_S = 0.5
"""The same for the worker, which serves other runs too; a reader holds a lock for microseconds."""


def claim(run: Run) -> int | None:
    """Take a run's lock for a process that will inherit it.

    Returns:
        The descriptor of the open file, None where another process holds the lock.

    Raises:
        OSError: The file system does not allow it.
    """
    try:
        return lock.take(run.lock, CLAIM_TIMEOUT_S, for_another=True)
    except (lock.LockHeld, lock.LockMoved):
        return None


class RunTaken(StoreError):  # noqa: N818  it says what is the case
    """Another process holds a run's lock."""


@contextlib.contextmanager
def hold(
    run: Run,
    claimed: int | None = None,
    *,
    works: bool = False,
    timeout_s: float | None = None,
    with_lease: bool = False,
) -> Iterator[None]:
    """Hold a run's lock: only one process trains a run.

    Args:
        run: The run.
        claimed: The descriptor of the open file that holds it, as ``claim`` returns it and this process inherits it.
        works: This process trains the run, and is the run's until it lets the lock go; others only change something.
        timeout_s: Seconds to wait for a lock that another process holds; None for ``HOLD_TIMEOUT_S``.
        with_lease: Take a lease beside the lock also where flock works, as other hosts may not see that.

    Raises:
        RunTaken: Another process holds it.
        StoreError: The run was moved, or the file system does not allow it.
    """
    timeout_s = HOLD_TIMEOUT_S if timeout_s is None else timeout_s
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(
                lock.hold(run.lock, timeout_s, works=works, with_lease=with_lease)
                if claimed is None
                else lock.keep(claimed, run.lock, works=works)
            )
        except lock.LockHeld as taken:
            raise RunTaken(_why_taken(run, taken.holder)) from None
        except lock.LockMoved:
            raise StoreError(f"{run.id} has just been moved or removed") from None
        except OSError as error:
            raise StoreError(f"{run.id} cannot be locked: {error.strerror}: {run.path}") from None
        yield


def proved_worker(run: Run) -> Holder | None:
    """Return the process that trains a run, None where there is none or the kernel does not confirm it."""
    return kernel_locks.proved_worker(run.lock)


def has_other_names(run: Run) -> bool:
    """Return whether its lock file stands in another folder too, as a copy by hard links makes it."""
    try:
        return run.lock.lstat().st_nlink > 1
    except OSError:
        return False


def is_held(run: Run) -> bool:
    """Return whether a live process holds a run's lock."""
    return lock.is_held(run.lock) is True


def _why_taken(run: Run, holder: Holder | None) -> str:
    if holder is None or not holder.is_dead:
        which = "" if holder is None else f" ({holder.pid} on {holder.host[:80]})"
        return f"{run.id} is being trained by another process{which}"
    keepers = ", ".join(map(str, kernel_locks.keepers(run.lock))) or "which this user cannot see"
    gone = f"{run.id}: its process {holder.pid} is gone, but a child of it still has its lock"
    return f"{gone}: end the process {keepers}"
