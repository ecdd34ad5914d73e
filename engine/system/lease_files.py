"""The numbered files of a lease, in a folder beside the lock: each is made by one process and read by all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import NamedTuple

import msgspec

from engine.system.lock_holder import Holder

RELEASED = b"released"
"""What a lease says that was let go."""
_SIZE = 1024
"""Bytes of a lease: it is always written in one piece of this length."""
_TRIES = 100
"""Looks at a folder whose newest lease is replaced each time before it can be opened."""
_NO_LINKS = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK)


class Look(NamedTuple):
    """The newest lease of a folder, as it was seen."""

    number: int
    time: float
    """Its last sign of life, by the file server's clock."""
    holder: Holder | None = None
    """Who holds it; None where it does not say."""
    is_released: bool = False
    info: os.stat_result | None = None
    """The file; None where it cannot be opened."""


def newest(path: str) -> Look | None:
    """Return the newest lease in a folder, None where there is none."""
    try:
        folder = open_folder(path)
    except OSError:
        return None
    try:
        return newest_in(folder)
    except OSError:
        return None
    finally:
        os.close(folder)


def touch(file: int) -> None:
    """Give an open file the present time, by the file server's clock."""
    os.utime(file)


def make(folder: int, file: int, name: str, number: int) -> int | None:
    """Give an open file the name of a number, in one step for all hosts.

    Args:
        folder: The open folder.
        file: The open file.
        name: The name that it has.
        number: The name that it gets besides.

    Returns:
        The file, or an open copy of it where a disk has no links; None where the number is there already.

    Raises:
        OSError: It cannot be made.
    """
    try:
        os.link(name, str(number), src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:  # it lay there for so long that another taker has cleared it away
        return None
    except FileExistsError:  # or made by a request that NFS has sent twice
        return file if os.path.samestat(os.fstat(file), stat_in(str(number), folder)) else None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _make_without_links(folder, file, number)
    return file


def _make_without_links(folder: int, file: int, number: int) -> int | None:
    try:
        made = os.open(str(number), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    except FileExistsError:
        return None
    with contextlib.suppress(OSError):
        write(made, os.pread(file, _SIZE, 0))
    return made


def clear(folder: int, number: int, file: int, draft_s: float) -> None:
    """Remove the numbers before the newest, and drafts that a killed taker has left.

    Args:
        folder: The open folder.
        number: The newest.
        file: It, open: its time is the present.
        draft_s: Seconds after which a draft is left.
    """
    with contextlib.suppress(OSError):
        now = os.fstat(file).st_mtime
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                is_older = name.isdecimal() and int(name) < number
                if is_older or (name[:1] == "." and abs(now - stat_in(name, folder).st_mtime) > draft_s):
                    os.unlink(name, dir_fd=folder)


def stat_in(name: str, folder: int) -> os.stat_result:
    """Return what the disk says of a file in an open folder, of a link itself."""
    return os.stat(name, dir_fd=folder, follow_symlinks=False)


def open_folder(path: str) -> int:
    """Return the descriptor of a folder; raises OSError for a link or what is no folder."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def last_number(folder: int) -> int:
    """Return the newest number in an open folder, 0 without one."""
    names = (name for name in os.listdir(folder) if name.isdecimal() and name.isascii() and len(name) < 19)
    return max(map(int, names), default=0)


def newest_in(folder: int) -> Look | None:
    """Return the newest lease in an open folder, None where there is none; raises OSError where that cannot be seen."""
    for _ in range(_TRIES):
        if not (number := last_number(folder)):
            return None
        try:
            file = os.open(
                str(number), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder
            )  # opened, as hosts keep the times of files that they do not open
        except FileNotFoundError:  # there is a newer one
            continue
        except OSError:
            return Look(number, stat_in(str(number), folder).st_mtime)
        try:
            info = os.fstat(file)
            holder, is_released = read(file) if stat.S_ISREG(info.st_mode) else (None, False)
            return Look(number, info.st_mtime, holder, is_released, info)
        finally:
            os.close(file)
    raise OSError(errno.EBUSY, "its leases change faster than they can be looked at")


def read(file: int) -> tuple[Holder | None, bool]:
    """Return who an open lease says holds it, and whether it was let go."""
    try:
        data = os.pread(file, _SIZE, 0).rstrip()
        return (None, True) if data == RELEASED else (msgspec.json.decode(data, type=Holder), False)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None, False


def write(file: int, data: bytes) -> None:
    """Write what a lease says, in one piece; raises OSError on a full disk."""
    os.pwrite(file, data.ljust(_SIZE), 0)  # over what is there: that needs no space
    os.fsync(file)  # for other hosts
