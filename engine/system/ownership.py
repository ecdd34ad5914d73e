"""Whose a file is, and who besides its owner may write it."""

from __future__ import annotations

import contextlib
import functools
import grp
import os
import pwd
import stat
from pathlib import Path

ACL = "system.posix_acl_access"
"""The attribute in which Linux keeps that other users may do more than the mode says."""


def is_own(info: os.stat_result) -> bool:
    """Return whether a file belongs to the user of this process."""
    return info.st_uid == os.geteuid()


def owner_name(info: os.stat_result) -> str:
    """Return the name of a file's owner, the number of one without a name."""
    try:
        return pwd.getpwuid(info.st_uid).pw_name
    except KeyError:
        return f"user {info.st_uid}"


def others_may_write(path: Path) -> bool:
    """Return whether users besides the owner and root may write a file or folder; a link has no say."""
    with contextlib.suppress(OSError):
        return is_written_by_others(path.lstat(), path)
    return False


def is_written_by_others(info: os.stat_result, where: str | os.PathLike[str] | int) -> bool:
    """Return what ``others_may_write`` does of a file that was looked at already.

    A group that its owner is alone in is no others: where the umask is 002, all that a user makes is such a group's.
    In a folder with the sticky bit others cannot replace what is not theirs.

    Args:
        info: What the system says of it.
        where: Its path or its descriptor.
    """
    if not (stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode)):
        return False
    if stat.S_ISDIR(info.st_mode) and info.st_mode & stat.S_ISVTX:
        return False
    if info.st_mode & stat.S_IWOTH:
        return True
    return bool(info.st_mode & stat.S_IWGRP) and (
        not _is_private(info.st_uid, info.st_gid) or _has_acl(where)
    )


@functools.cache
def _is_private(uid: int, gid: int) -> bool:
    """Return whether a group is the one that a user has alone: of the user's name, the primary one, without others."""
    try:
        user, group = pwd.getpwuid(uid), grp.getgrgid(gid)
    except KeyError:
        return False
    return user.pw_gid == gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}


def _has_acl(where: str | os.PathLike[str] | int) -> bool:
    """Return whether a list of other users belongs to a file: its mode then shows what the most of them may."""
    with contextlib.suppress(OSError, AttributeError):  # a file system, or a system, without such lists
        return ACL in os.listxattr(where)
    return False
