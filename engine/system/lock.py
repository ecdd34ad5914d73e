"""Locks of files and folders: a process has one for as long as it lives, and the file says which process that is.

The kernel frees an advisory lock when the last copy of its descriptor is closed, so children get no copy: a program
that the holder starts inherits none, and a fork closes its own. If a copy survives all the same, the file tells a
dead holder from a living one.

On a disk without flock a lease is taken instead (``engine.system.lease``); beside a lock it tells hosts apart whose
locks do not exclude each other.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.system import lease, lease_files
from engine.system.lock_holder import Holder, process_of_here, this_process

POLL_S = 0.02
NO_FLOCK = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)
"""What a disk answers that has no flock."""
LOST = 75
"""The exit code of a process that another one has taken its lock from: try again later (EX_TEMPFAIL)."""
LAST_WORD_S = 0.3
"""Seconds in which it can say so."""


class LockHeld(Exception):  # noqa: N818  it says what is the case
    """Another process has the lock; ``holder`` is who took it, None where its file does not say."""

    def __init__(self, holder: Holder | None) -> None:
        super().__init__()
        self.holder = holder


class LockMoved(FileNotFoundError):  # noqa: N818
    """The folder of the lock was moved away or removed while the lock was waited for."""


@contextlib.contextmanager
def hold(path: Path, timeout_s: float, *, works: bool = False, with_lease: bool = False) -> Iterator[None]:
    """Have the lock of a file, which is made where it is missing and stays; threads exclude each other too.

    Args:
        path: The file.
        timeout_s: Seconds for which it is waited for: 0 for one try, ``math.inf`` for as long as it takes.
        works: It is held for the work that it is for, as ``Holder`` says it.
        with_lease: Take a lease beside the lock also where flock works, as other hosts may not see that.

    Yields:
        None, once it has the lock.

    Raises:
        LockHeld: Another process, or another thread of this one, has it.
        LockMoved: The file's folder is no longer where it was.
        OSError: It cannot be opened, or written where there is no flock.
    """
    with keep(take(path, timeout_s, with_lease=with_lease), path, works=works):
        yield


@contextlib.contextmanager
def hold_folder(path: Path, timeout_s: float) -> Iterator[None]:
    """Have the lock of a folder itself: no file is made where there is flock, and no holder named; else as ``hold``."""
    handle = _wait(path, os.O_RDONLY | os.O_DIRECTORY, timeout_s)
    try:
        yield
    finally:
        _close(handle)


def take(path: Path, timeout_s: float, *, for_another: bool = False, with_lease: bool = False) -> int:
    """Take the lock and return the open file that has it; raises what ``hold`` raises.

    Args:
        path: The file.
        timeout_s: Seconds for which it is waited for.
        for_another: It is for a process that inherits it and calls ``keep``, which then signs the file as its holder.
        with_lease: Take a lease beside the lock also where flock works.
    """
    handle = _wait(path, os.O_RDWR | os.O_CREAT, timeout_s, with_lease=with_lease)
    if handle in _leases:
        return handle
    if for_another:
        with contextlib.suppress(OSError):
            os.ftruncate(handle, 0)
    else:
        _sign(handle)
    return handle


def hand_over(handle: int, heir: int | None) -> None:
    """Close this process's copy of the open file; the lock stays with a process that has inherited it.

    Args:
        handle: The open file.
        heir: The pid of that process; None where none has come to be.
    """
    if heir is None:
        _close(handle)
        return
    _ours.discard(handle)
    held = _leases.pop(handle, None)
    if held is None or held.file != handle:
        if (
            held is not None
        ):  # one beside the lock is not inherited: that its number was made is what it was for
            held.release()
        os.close(handle)
        return
    if held.holder == this_process():  # the heir may have signed by now
        held.sign(process_of_here(heir))
    held.forget()


@contextlib.contextmanager
def keep(handle: int, path: Path, *, works: bool = False) -> Iterator[None]:
    """Have the lock of an open file that was taken here, or by the process that started this one.

    Where it is held by a lease, and for its work, this process ends at once if it loses that: it was stopped for so
    long that another one went on in its stead.

    Args:
        handle: The open file, as ``take`` returned it.
        path: The file for which it was taken.
        works: It is held for the work that it is for.

    Raises:
        LockHeld: It was inherited too late: another process has it.
        OSError: What was inherited cannot be looked at.
    """
    os.set_inheritable(handle, False)
    _ours.add(handle)
    if handle not in _leases and not _has_flock(handle):
        try:
            _leases[handle] = lease.adopt(lease_folder(path), handle)
        except lease.Taken as taken:
            _ours.discard(handle)
            raise LockHeld(taken.holder) from None
    if (held := _leases.get(handle)) is not None:
        held.sign(msgspec.structs.replace(this_process(), works=works))
        if works:
            _works_by[handle] = path
        held.keep_alive(confirm)
    if held is None or held.file != handle:
        _sign(handle, works=works)
    try:
        yield
    finally:
        _close(handle)


def confirm() -> None:
    """End this process if another one has taken a lease over by which it works; to be asked before anything is written.

    Raises:
        OSError: The disk does not tell.
    """
    for handle, path in list(_works_by.items()):
        held = _leases.get(handle)
        if held is not None and not held.confirm():
            last = f"{path}: another process has taken this lock over: this one ends and writes no more\n"
            speaker = threading.Thread(target=_say, args=(last,), daemon=True)
            speaker.start()
            speaker.join(LAST_WORD_S)  # the terminal may take no more
            os._exit(LOST)


def _say(words: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(words)
        sys.stderr.flush()


def is_held(path: str | os.PathLike[str]) -> bool | None:
    """Return whether a living process has the lock; None where that cannot be known from the file."""
    is_taken, holder = inspect(path)
    return is_taken and (holder is None or not holder.is_dead)


def kind_of(path: Path) -> str:
    """Return how a file is locked on its disk, ``flock`` or ``lease``; empty where the file is not there."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        return "flock" if _has_flock(handle, fcntl.LOCK_SH) else "lease"
    finally:
        os.close(handle)


def holder_of(path: Path) -> Holder | None:
    """Return the living process of this machine that has the lock, as its file says; ``keepers`` proves it."""
    is_taken, holder = inspect(path)
    return holder if is_taken and holder is not None and holder.is_alive else None


def inspect(path: str | os.PathLike[str]) -> tuple[bool | None, Holder | None]:
    """Return whether any process has the lock, None where that cannot be known; and who signed a taken one."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None, None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True, signature(handle)
    except OSError:
        is_taken = None
    else:
        is_taken = False
    finally:
        os.close(handle)
    folder = lease_folder(path)
    look = lease_files.newest(folder) if os.access(folder, os.F_OK) else None  # which is the quicker look
    if look is None:
        return is_taken, None
    is_taken = lease.seen_held(look)
    is_told_by_pid = look.holder is not None and look.holder.is_of_this_boot
    return is_taken, look.holder if is_taken and is_told_by_pid else None


def lease_folder(path: str | os.PathLike[str], handle: int | None = None) -> str:
    """Return where the leases of a lock lie: beside a file, in a folder.

    Args:
        path: What is locked.
        handle: It, where it is open and may be a folder.
    """
    is_folder = handle is not None and stat.S_ISDIR(os.fstat(handle).st_mode)
    return f"{path}/.lease" if is_folder else f"{path}.lease"


def _wait(path: Path, flags: int, timeout_s: float, *, with_lease: bool = False) -> int:
    """Return the open file that has the lock of a path, or its lease; one that was replaced does not count."""
    deadline = time.monotonic() + timeout_s
    handle = _open(path, flags)
    try:
        while not _lock(handle, path, deadline):
            handle = _open(path, flags)
        return _with_lease(handle, path, deadline, wanted=with_lease)
    except FileNotFoundError as error:
        raise LockMoved(error.errno, error.strerror, error.filename) from None


def _open(path: Path, flags: int) -> int:
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    _ours.add(handle)
    return handle


def _lock(handle: int, path: Path, deadline: float) -> bool:
    """Lock an open file where that can be; close it and return false where it no longer stands at its path by then."""
    try:
        while not _try(handle):
            if time.monotonic() >= deadline:
                raise LockHeld(signature(handle))
            time.sleep(POLL_S)
        if _is_at(handle, path):
            return True
    except BaseException:
        _close(handle)
        raise
    _close(handle)
    return False


def _try(handle: int) -> bool:
    """Lock an open file; return false where another process has it, true also where there is no flock."""
    try:
        _has_flock(handle)
    except BlockingIOError:
        return False
    return True


def has_flock(folder: Path) -> bool:
    """Return whether the disk of a folder locks files.

    Raises:
        OSError: Nothing can be written to the folder.
    """
    import tempfile

    with tempfile.TemporaryFile(dir=folder) as probe:
        return _has_flock(probe.fileno())


def _has_flock(handle: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Lock an open file, and return whether its disk has locks."""
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        if kind == fcntl.LOCK_SH:
            return True
        raise
    except OSError as error:
        if error.errno not in NO_FLOCK:
            raise
        return False
    return True


def _with_lease(handle: int, path: Path, deadline: float, *, wanted: bool) -> int:
    """Take the lease of a locked file where it is wanted, there is no flock, or one lies there that was not let go.

    Returns:
        The open file that has the lock: that of the lease where there is no flock.
    """
    try:
        folder, has_flock = lease_folder(path, handle), _has_flock(handle)
        if has_flock and not wanted and ((look := lease_files.newest(folder)) is None or look.is_released):
            return handle
        taken = _take_lease(folder, deadline)
    except BaseException:
        _close(handle)
        raise
    if has_flock:
        _leases[handle] = taken
        return handle
    _close(handle)
    _ours.add(taken.file)
    _leases[taken.file] = taken
    return taken.file


def _take_lease(folder: str, deadline: float) -> lease.Lease:
    while True:
        try:
            return lease.take(folder, this_process())
        except lease.Taken as taken:
            if time.monotonic() >= deadline:
                raise LockHeld(taken.holder) from None
            is_of_here = taken.holder is None or taken.holder.is_of_this_boot
        time.sleep(POLL_S if is_of_here else lease.POLL_S)


def _close(handle: int) -> None:
    if handle not in _ours:  # in a fork it is closed already, and the number may be another file's
        return
    _ours.discard(handle)
    _works_by.pop(handle, None)
    if (held := _leases.pop(handle, None)) is not None:
        held.release()
        if held.file == handle:
            return
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


def signature(handle: int) -> Holder | None:
    """Return who has signed an open lock, None where it says nothing."""
    try:
        return msgspec.json.decode(os.pread(handle, 4096, 0), type=Holder)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _close_in_fork() -> None:
    for held in _leases.values():
        with contextlib.suppress(OSError):
            held.forget_in_fork()
    for handle in _ours - {held.file for held in _leases.values()}:
        with contextlib.suppress(OSError):
            os.close(handle)
    for known in (_ours, _leases, _works_by):
        known.clear()


_ours: set[int] = set()
"""The descriptors of the locks that this process has or waits for."""
_leases: dict[int, lease.Lease] = {}
"""The leases that this process has, by the descriptors of their locks."""
_works_by: dict[int, Path] = {}
"""The locks of them for whose work this process is there."""
os.register_at_fork(after_in_child=_close_in_fork)
