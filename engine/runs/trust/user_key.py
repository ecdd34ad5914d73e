"""The key that marks the runs that this user queued: 32 random bytes in a file that only they can read.

It lies in the user's own folder and never in a run, so that no run that is copied, sent or unpacked brings it along.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from engine.runs.store import StoreError
from engine.system.files import create_private, write_all
from engine.system.permissions import is_own, user_name
from engine.system.user_folders import state_folder

NAME = "queue.key"
SIZE = 32
"""Bytes of the key."""
CURE = "set XDG_STATE_HOME to a folder that you can write, or use `engine run`"


def read_key() -> bytes | None:
    """Return the user's key, None before there is one.

    Raises:
        StoreError: It is a link, damaged, another user's, or readable by others; says which and what to do.
    """
    return None if (folder := state_folder(os.environ)) is None else _read(folder / NAME)


def make_key() -> bytes:
    """Return the user's key, which is made if there is none; two processes that do so at once get the same.

    Raises:
        StoreError: It cannot be made or used; says why and what to do.
    """
    if (folder := state_folder(os.environ)) is None:
        raise StoreError(f"there is no folder for the key that marks the runs that you queue: {CURE}")
    path = folder / NAME
    if (key := _read(path)) is not None:
        return key
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(path)
    except OSError as error:
        why = f"{path}, the key that marks the runs that you queue, cannot be made: {error.strerror}"
        raise StoreError(f"{why}: {CURE}") from None
    if (key := _read(path)) is None:
        raise StoreError(f"{path} was removed while it was made: try again")
    return key


def _make(path: Path) -> None:
    """Give a new key its name in one step, unless another process was quicker."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        handle = create_private(draft)
        try:
            write_all(handle, os.urandom(SIZE))
            os.fsync(handle)
        finally:
            os.close(handle)
        with contextlib.suppress(FileExistsError):
            _name(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _name(draft: Path, path: Path) -> None:
    try:
        path.hardlink_to(draft)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        draft.rename(path)  # a file system without hard links


def _read(path: Path) -> bytes | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise StoreError(f"{path} is a link: remove it, then release what waits") from None
        raise StoreError(f"{path} cannot be read: {error.strerror}: {CURE}") from None
    try:
        info = os.fstat(handle)
        if not is_own(info):
            raise StoreError(f"{path} belongs to {user_name(info.st_uid)}: {CURE}")
        if info.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise StoreError(f"{path} can be read by others: `chmod 600 {path}`")
        key = os.read(handle, SIZE + 1) if stat.S_ISREG(info.st_mode) else b""
    finally:
        os.close(handle)
    if len(key) != SIZE:
        raise StoreError(f"{path} is damaged: remove it, then release what waits")
    return key
