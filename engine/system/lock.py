"""Locks of files and folders: a process has one for as long as it lives, and the file says which process that is.

The kernel frees an advisory lock when the last copy of its descriptor is closed, so children get no copy: a program
that the holder starts inherits none, and a fork closes its own. If a copy survives all the same, the file tells a
dead holder from a living one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.system import process

POLL_S = 0.02


class Holder(msgspec.Struct, kw_only=True):
    """Who took a lock; ``started`` and ``boot`` as ``engine.system.process`` has them."""

    pid: int
    started: float
    boot: str
    host: str
    space: str
    """The space in which the pid counts: a container has its own."""

    @property
    def is_dead(self) -> bool:
        """Whether it is known to be gone; of another machine or container nothing is known."""
        return self._is_of_here and process.is_gone(self.pid, self.started, self.boot)

    @property
    def is_alive(self) -> bool:
        """Whether it is known to live, here."""
        return self._is_of_here and process.is_alive(self.pid, self.started, self.boot)

    @property
    def _is_of_here(self) -> bool:
        return (self.host, self.space) == (process.host(), process.pid_space())


def this_process() -> Holder:
    """Return the process that asks."""
    pid = os.getpid()
    return Holder(
        pid=pid, started=process.started(pid) or 0.0, boot=process.boot_id(),
        host=process.host(), space=process.pid_space(),
    )  # fmt: skip


class LockHeld(Exception):  # noqa: N818  it says what is the case
    """Another process has the lock; ``holder`` is who took it, None where its file does not say."""

    def __init__(self, holder: Holder | None) -> None:
        super().__init__()
        self.holder = holder


class LockMoved(FileNotFoundError):  # noqa: N818
    """The folder of the lock was moved away or removed while the lock was waited for."""


@contextlib.contextmanager
def hold(path: Path, timeout_s: float) -> Iterator[None]:
    """Have the lock of a file, which is made where it is missing and stays; threads exclude each other too.

    Args:
        path: The file.
        timeout_s: Seconds for which it is waited for: 0 for one try, ``math.inf`` for as long as it takes.

    Raises:
        LockHeld: Another process, or another thread of this one, has it.
        LockMoved: The file's folder is no longer where it was.
        OSError: It cannot be opened, or the file system has no locks.
    """
    with keep(take(path, timeout_s)):
        yield


@contextlib.contextmanager
def hold_folder(path: Path, timeout_s: float) -> Iterator[None]:
    """Have the lock of a folder itself: no file is made, so no holder is named; otherwise as ``hold``."""
    handle = _wait(path, os.O_RDONLY | os.O_DIRECTORY, timeout_s)
    try:
        yield
    finally:
        _close(handle)


def take(path: Path, timeout_s: float, *, for_another: bool = False) -> int:
    """Take the lock and return the open file that has it; raises what ``hold`` raises.

    Args:
        path: The file.
        timeout_s: Seconds for which it is waited for.
        for_another: It is for a process that inherits it and calls ``keep``, which then signs the file as its holder.
    """
    handle = _wait(path, os.O_RDWR | os.O_CREAT, timeout_s)
    if for_another:
        with contextlib.suppress(OSError):
            os.ftruncate(handle, 0)
    else:
        _sign(handle)
    return handle


def hand_over(handle: int) -> None:
    """Close this process's copy of the open file; the lock stays with a process that has inherited it."""
    _ours.discard(handle)
    os.close(handle)


@contextlib.contextmanager
def keep(handle: int) -> Iterator[None]:
    """Have the lock of an open file that was taken here, or by the process that started this one."""
    os.set_inheritable(handle, False)
    _ours.add(handle)
    _sign(handle)
    try:
        yield
    finally:
        _close(handle)


def is_held(path: str | os.PathLike[str]) -> bool | None:
    """Return whether a living process has the lock; None where that cannot be known from the file."""
    is_taken, holder = _inspect(path)
    return is_taken and (holder is None or not holder.is_dead)


def holder_of(path: Path) -> Holder | None:
    """Return the living process of this machine that has the lock, as its file says; ``keepers`` proves it."""
    is_taken, holder = _inspect(path)
    return holder if is_taken and holder is not None and holder.is_alive else None


def orphaned_holder(path: Path) -> tuple[Holder, list[int]] | None:
    """Return who died with the lock and the processes that still keep it; None where its holder lives or it is free."""
    is_taken, holder = _inspect(path)
    return (holder, keepers(path)) if is_taken and holder is not None and holder.is_dead else None


def _inspect(path: str | os.PathLike[str]) -> tuple[bool | None, Holder | None]:
    """Return whether any process has the lock, None where that cannot be known; and who signed a taken one."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None, None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True, _signature(handle)
    except OSError:  # no locks on this file system
        return None, None
    else:
        return False, None
    finally:
        os.close(handle)


def keepers(path: Path) -> list[int]:
    """Return the processes of this machine that have the file open, as far as this user may see."""
    with contextlib.suppress(OSError):
        lock_stat = path.stat()
        return sorted(
            {int(entry.parts[2]) for entry in Path("/proc").glob("[0-9]*/fd/*") if _is(entry, lock_stat)}
        )
    return []


def _is(entry: Path, lock_stat: os.stat_result) -> bool:
    try:
        return os.path.samestat(entry.stat(), lock_stat)
    except OSError:
        return False


def _wait(path: Path, flags: int, timeout_s: float) -> int:
    """Return the open file at a path once it has the lock; one that was replaced meanwhile does not count."""
    deadline = time.monotonic() + timeout_s
    handle = _open(path, flags)
    while not _lock(handle, path, deadline):
        try:
            handle = _open(path, flags)
        except FileNotFoundError as error:
            raise LockMoved(error.errno, error.strerror, error.filename) from None
    return handle


def _open(path: Path, flags: int) -> int:
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    _ours.add(handle)
    return handle


def _lock(handle: int, path: Path, deadline: float) -> bool:
    """Lock an open file; close it and return false where it no longer stands at its path by then."""
    try:
        while not _try(handle):
            if time.monotonic() >= deadline:
                raise LockHeld(_signature(handle))
            time.sleep(POLL_S)
        if _is_at(handle, path):
            return True
    except BaseException:
        _close(handle)
        raise
    _close(handle)
    return False


def _try(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _close(handle: int) -> None:
    if handle in _ours:  # in a fork it is closed already, and the number may be another file's
        _ours.discard(handle)
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)  # for copies of the descriptor too
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except OSError:
        return False


def _sign(handle: int) -> None:
    """Write into the file who has the lock; on a full disk the lock is held all the same."""
    with contextlib.suppress(OSError):
        os.ftruncate(handle, 0)
        os.pwrite(handle, msgspec.json.encode(this_process()), 0)


def _signature(handle: int) -> Holder | None:
    try:
        return msgspec.json.decode(os.pread(handle, 4096, 0), type=Holder)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _close_in_fork() -> None:
    for handle in _ours:
        with contextlib.suppress(OSError):
            os.close(handle)
    _ours.clear()


_ours: set[int] = set()
"""The descriptors of the locks that this process has or waits for."""
os.register_at_fork(after_in_child=_close_in_fork)
