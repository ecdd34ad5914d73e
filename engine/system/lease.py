"""A lock for disks without flock: its holder touches a file again and again, and one that is old is void.

::

    lock.lease/7    the newest number has the lock: it says who holds it, and its time is the last sign of life
    lock.lease/8    whoever finds 7 let go, its holder dead, or 7 too old, makes the next number

A number is made by a link, which is one step for all hosts: of several takers one makes it. The newest is never
removed, so that no taker acts on what has changed since it looked. The file server's clock alone tells how old a lease
is, by a file that the taker touches beside it. A holder that was stopped for so long that its lease may be void makes
the next number itself before it goes on; where another process was first it has lost the lock.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import threading
import time
from collections.abc import Callable

import msgspec

from engine.system import open_files
from engine.system.lease_files import (
    RELEASED,
    Look,
    clear,
    last_number,
    make,
    newest_in,
    open_folder,
    read,
    stat_in,
    touch,
    write,
)
from engine.system.lock_holder import Holder

STALE_S = 90.0
"""Seconds without a sign of life, by the file server's clock, after which a lease is void; NFS caches times for 60."""
RENEW_S = 5.0
"""Seconds between two signs of life."""
SURE_S = 45.0
"""Seconds after a sign of life for which no other process can have taken a lease."""
POLL_S = 0.5
"""Seconds between two looks at the lease of another machine."""


class Taken(Exception):  # noqa: N818  it says what is the case
    """Another process has the lease; ``holder`` is who, None where that is not known."""

    def __init__(self, holder: Holder | None) -> None:
        super().__init__()
        self.holder = holder


def is_free(look: Look | None, now: float) -> bool:
    """Return whether the next number may be made.

    Args:
        look: The newest lease; None where there is none.
        now: The time by the file server's clock.
    """
    if look is None or look.is_released:
        return True
    if (is_held := _held_here(look)) is not None:
        return not is_held
    return abs(now - look.time) > STALE_S


def seen_held(look: Look) -> bool | None:
    """Return whether a lease is held as a reader can tell, who touches nothing; None for an old one of another machine.

    The clock of this machine may be wrong: by it a lease may be called fresh, and never void.
    """
    if look.is_released:
        return False
    if (is_held := _held_here(look)) is not None:
        return is_held
    return True if abs(time.time() - look.time) <= STALE_S else None


def _held_here(look: Look) -> bool | None:
    """Return whether a process of this machine has a lease; None where the lease names none of its processes.

    It has the file open: in a copy of its folder stands its name too.
    """
    if look.holder is None or not look.holder.is_of_this_boot:
        return None
    if look.holder.is_dead:
        return False
    return look.info is None or open_files.writes_to(look.holder.pid, look.info) is not False


def take(path: str, holder: Holder) -> Lease:
    """Take the lease that a folder stands for; the folder is made where it is missing.

    Args:
        path: The folder, named after the lock beside which it lies.
        holder: Who takes it: this process.

    Raises:
        Taken: Another process has it, or was faster.
        FileNotFoundError: The place of the folder is gone, or is another one by now.
        OSError: It cannot be written.
    """
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)  # noqa: PTH102  relative to nothing, and in the way of every look at a lock
    folder = open_folder(path)
    try:
        lease = _take(folder, holder)
    except BaseException:
        os.close(folder)
        raise
    try:
        is_there = os.path.samestat(os.stat(path), os.fstat(folder))  # noqa: PTH116
    except OSError:
        is_there = False
    if not is_there:
        lease.release()
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return lease


def adopt(path: str, file: int) -> Lease:
    """Return the lease that another process took for this one and left open.

    Args:
        path: The folder.
        file: The open file.

    Raises:
        Taken: It is not, or no longer, the newest.
        OSError: It cannot be looked at.
    """
    folder = open_folder(path)
    look = newest_in(folder)
    if look is None or not os.path.samestat(os.fstat(file), stat_in(str(look.number), folder)):
        os.close(folder)
        raise Taken(None if look is None else look.holder)
    lease = Lease(folder, file, look.number, -math.inf)  # it was touched elsewhere: the next number tells
    if not lease.confirm():
        lease.forget()
        raise Taken(None)
    return lease


class Lease:
    """A lease that this process has. Safe from any thread.

    Args:
        folder: The open folder.
        file: The open file.
        number: The name of the file.
        renewed: When it was touched, by ``clock``.
    """

    def __init__(self, folder: int, file: int, number: int, renewed: float) -> None:
        self.file = file
        self._folder = folder
        self._number = number
        self._renewed = renewed
        self._mutex = threading.Lock()
        self._left = threading.Event()
        self._is_over = self._is_lost = False

    def sign(self, holder: Holder) -> None:
        """Write who holds it; on a full disk it is held all the same."""
        with contextlib.suppress(OSError):
            write(self.file, msgspec.json.encode(holder))

    @property
    def holder(self) -> Holder | None:
        """Who it says holds it."""
        return read(self.file)[0]

    def keep_alive(self, on_loss: Callable[[], None]) -> None:
        """Touch it every ``RENEW_S`` from now on, in a thread.

        Args:
            on_loss: Is called, from that thread, once another process has it.
        """
        threading.Thread(target=self._renew_on, args=(on_loss,), name="lease", daemon=True).start()

    def confirm(self) -> bool:
        """Return whether this process still has it, for sure and at this moment.

        Raises:
            OSError: The disk does not tell.
        """
        while clock() - self._renewed >= SURE_S:  # again where this machine slept in the middle of it
            before = self._renewed
            if not self.renew():
                return False
            if self._renewed == before:
                raise OSError(errno.ESTALE, "the lease of this run cannot be renewed")
        return not self._is_lost

    def renew(self) -> bool:
        """Touch it, and return false if another process has it; a disk that does not answer changes nothing."""
        with self._mutex:
            if not self._is_over and not self._is_lost:
                with contextlib.suppress(OSError):
                    self._is_lost = not self._show_life()
            return not self._is_lost

    def _show_life(self) -> bool:
        began = clock()
        with contextlib.suppress(OSError):  # one that was removed: the numbers tell
            touch(self.file)
            if began - self._renewed >= SURE_S and not self._take_next():
                return False
            self._renewed = began
        return last_number(self._folder) == self._number

    def release(self) -> None:
        """Let it go, and close its files."""
        with self._mutex, contextlib.suppress(OSError):
            if not self._is_over:
                write(self.file, RELEASED)
        self.forget()

    def forget_in_fork(self) -> None:
        """Close its folder and file in a fork, where no other thread is left that may be using them."""
        self._is_over = True
        os.close(self._folder)
        os.close(self.file)

    def forget(self) -> None:
        """Close its folder and file, and leave it to whoever else has it open."""
        with self._mutex:
            if not self._is_over:
                self._is_over = True
                self._left.set()
                os.close(self._folder)
                os.close(self.file)

    def _renew_on(self, on_loss: Callable[[], None]) -> None:
        while not self._left.wait(RENEW_S):
            if not self.renew():
                on_loss()
                return

    def _take_next(self) -> bool:
        """Make the next number, as others may be about to; return false if one of them was first."""
        if last_number(self._folder) != self._number:
            return False
        made = make(self._folder, self.file, str(self._number), self._number + 1)
        if made is None:
            return False
        if made != self.file:
            os.dup2(made, self.file, inheritable=False)
            os.close(made)
        self._number += 1
        clear(self._folder, self._number, self.file, STALE_S)
        return True


def clock() -> float:
    """Return seconds that also count while the machine sleeps, for differences."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _take(folder: int, holder: Holder) -> Lease:
    look = newest_in(folder)
    if look is not None and not look.is_released and _held_here(look):
        raise Taken(look.holder)  # nothing needs to be touched to tell that
    began, draft = clock(), f".{os.getpid()}.{os.urandom(4).hex()}"
    file = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    made: int | None = file
    try:
        with contextlib.suppress(OSError):  # a full disk
            write(file, msgspec.json.encode(holder))
        touch(file)
        look = newest_in(folder)  # anew, as the folder has changed since: no host has an old list of it
        if not is_free(look, os.fstat(file).st_mtime):
            raise Taken(None if look is None else look.holder)
        number = 1 if look is None else look.number + 1
        if (made := make(folder, file, draft, number)) is None:
            raise Taken(None)
        if last_number(folder) != number or clock() - began >= SURE_S:
            raise Taken(None)
    except BaseException:
        if made is not None:
            _abandon(made)
        if made != file:
            os.close(file)
        raise
    finally:
        with contextlib.suppress(OSError):
            os.unlink(draft, dir_fd=folder)
    if made != file:
        os.close(file)
    clear(folder, number, made, STALE_S)
    return Lease(folder, made, number, began)


def _abandon(file: int) -> None:
    with contextlib.suppress(OSError):
        write(file, RELEASED)
    os.close(file)
