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


class Holder(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Who took a lock; ``started`` and ``boot`` as ``engine.system.process`` has them."""

    pid: int
    started: float
    boot: str
    host: str
    space: str
    """The space in which the pid counts: a container has its own."""
    works: bool = False
    """Whether it has the lock for the work that the lock is for; others have it for the moment of a change."""

    @property
    def is_dead(self) -> bool:
        """Whether it is known to be gone; of another machine or container nothing is known."""
        return self._is_of_here and process.is_gone(self.pid, self.started, self.boot)

    @property
    def is_alive(self) -> bool:
        """Whether it is known to live, here."""
        return self._is_of_here and process.is_alive(self.pid, self.started, self.boot)

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is of another machine or container, so that nothing can be known of it here."""
        return not self._is_of_here

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
def hold(path: Path, timeout_s: float, *, works: bool = False) -> Iterator[None]:
    """Have the lock of a file, which is made where it is missing and stays; threads exclude each other too.

    Args:
        path: The file.
        timeout_s: Seconds for which it is waited for: 0 for one try, ``math.inf`` for as long as it takes.
        works: It is held for the work that it is for, as ``Holder`` says it.

    Raises:
        LockHeld: Another process, or another thread of this one, has it.
        LockMoved: The file's folder is no longer where it was.
        OSError: It cannot be opened, or the file system has no locks.
    """
    with keep(take(path, timeout_s), works=works):
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
def keep(handle: int, *, works: bool = False) -> Iterator[None]:
    """Have the lock of an open file that was taken here, or by the process that started this one."""
    os.set_inheritable(handle, False)
    _ours.add(handle)
    _sign(handle, works=works)
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


def proved_worker(path: Path) -> Holder | None:
    """Return the process that has the lock for its work, None where there is none or the kernel does not confirm it.

    What the file says is not enough: its process has to live and have this file open and locked. A process that
    has the lock for the moment of a change, or a hard link of the file in another folder, proves nothing.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        holder = _signature(handle)
    finally:
        os.close(handle)
    if holder is None or not holder.works or not holder.is_alive or not _has_lock(holder.pid, path):
        return None
    return holder


def keepers(path: Path) -> list[int]:
    """Return the processes of this machine that have the lock, or a copy of it, as far as this user may see."""
    return sorted(
        int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _has_lock(int(entry.name), path)
    )


def _has_lock(pid: int, path: Path) -> bool:
    """Return whether the kernel says that a process has the lock of the file at a path."""
    with contextlib.suppress(OSError):
        lock_stat = path.lstat()
        return any(
            _is_open_as(descriptor, lock_stat, path) and _is_locked(pid, descriptor.name)
            for descriptor in Path(f"/proc/{pid}/fd").iterdir()
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


def _is_locked(pid: int, number: str) -> bool:
    """Return whether the open file behind a descriptor has an exclusive lock; a reader has a shared one, or none."""
    try:
        text = Path(f"/proc/{pid}/fdinfo/{number}").read_text()
    except OSError:
        return False
    return any(
        {"FLOCK", "WRITE"} <= set(line.split()) for line in text.splitlines() if line.startswith("lock:")
    )


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


def _sign(handle: int, *, works: bool = False) -> None:
    """Write into the file who has the lock; on a full disk the lock is held all the same."""
    signature = msgspec.json.encode(msgspec.structs.replace(this_process(), works=works))
    with contextlib.suppress(OSError):
        os.pwrite(handle, signature, 0)  # over what is there: that needs no space
        os.ftruncate(handle, len(signature))


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
