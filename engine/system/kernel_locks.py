"""Which processes of this machine have a lock, as the kernel says: what a file says proves nothing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from engine.system import lease_files, open_files
from engine.system.lock import inspect, lease_folder, signature
from engine.system.lock_holder import Holder


def orphaned_holder(path: Path) -> tuple[Holder, list[int]] | None:
    """Return who died with the lock and the processes that still keep it; None where its holder lives or it is free."""
    is_taken, holder = inspect(path)
    return (holder, keepers(path)) if is_taken and holder is not None and holder.is_dead else None


def proved_worker(path: Path) -> Holder | None:
    """Return the process that has the lock for its work, None where there is none or the kernel does not confirm it.

    What the file says is not enough: its process has to live and have this file open and locked, or its lease open to
    be written. A process that has the lock for the moment of a change, or a hard link of the file in another folder,
    proves nothing.
    """
    for holder in _signed(path):
        if holder is not None and holder.works and holder.is_alive and _has_lock(holder.pid, path):
            return holder
    return None


def _signed(path: Path) -> Iterator[Holder | None]:
    """Yield who has signed a lock, and who has signed the lease beside it."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            yield signature(handle)
        finally:
            os.close(handle)
    if (look := lease_files.newest(lease_folder(path))) is not None:
        yield look.holder


def keepers(path: Path) -> list[int]:
    """Return the processes of this machine that have the lock, or a copy of it, as far as this user may see."""
    return sorted(
        int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _has_lock(int(entry.name), path)
    )


def _has_lock(pid: int, path: Path) -> bool:
    """Return whether the kernel says that a process has the lock of the file at a path, or its lease."""
    if _has_open(pid, path, open_files.is_locked):
        return True
    folder = lease_folder(path)
    look = lease_files.newest(folder)
    return (
        look is not None
        and not look.is_released
        and _has_open(pid, Path(folder, str(look.number)), open_files.is_written)
    )


def _has_open(pid: int, path: Path, is_so: Callable[[int, str], bool]) -> bool:
    """Return whether a process has a file open, and something is so of its descriptor."""
    with contextlib.suppress(OSError):
        info = path.lstat()
        return any(
            _is_open_as(descriptor, info, path) and is_so(pid, descriptor.name)
            for descriptor in open_files.descriptors(pid)
        )
    return False


def _is_open_as(descriptor: Path, lock_stat: os.stat_result, path: Path) -> bool:
    """Return whether a descriptor is the file; of one with several names, whether it is that at the path."""
    try:
        if not os.path.samestat(descriptor.stat(), lock_stat):
            return False
        return lock_stat.st_nlink == 1 or descriptor.readlink().parent.samefile(path.parent)
    except OSError:
        return False
