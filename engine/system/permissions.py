"""Whose a file is, and who else can write it: its owner, its group, everybody."""

from __future__ import annotations

import functools
import grp
import os
import pwd
import stat
from pathlib import Path

ROOT_UID = 0
"""The user who may do everything anyway."""
ACL = "system.posix_acl_access"
"""The attribute in which Linux keeps that users and groups of a list may do more than the mode says."""


def is_own(info: os.stat_result) -> bool:
    """Return whether a file belongs to the user of this process."""
    return info.st_uid == os.geteuid()


def who_else_can_write(path: Path) -> str:
    """Return in words who besides this user and root can write a file or folder; empty where these two alone can.

    Links are not followed; a link itself is not written.

    Args:
        path: The file or folder.

    Raises:
        OSError: It cannot be looked at.
    """
    return who_else(path.lstat(), path)


def who_else(info: os.stat_result, where: str | os.PathLike[str] | int) -> str:
    """Return what ``who_else_can_write`` does of a file or folder that was looked at already.

    An owner can: what it may not do it allows itself. The group that a user has alone, as many systems give to each
    (their umask is 002), is the user. Of a folder with the sticky bit others can take nothing away.

    Args:
        info: What the system says of it.
        where: Its path or its descriptor.
    """
    if not is_own(info) and info.st_uid != ROOT_UID:
        return f"the user {user_name(info.st_uid)}, its owner,"
    if stat.S_ISLNK(info.st_mode) or (stat.S_ISDIR(info.st_mode) and info.st_mode & stat.S_ISVTX):
        return ""
    if info.st_mode & stat.S_IWOTH:
        return "everybody"
    if not info.st_mode & stat.S_IWGRP:
        return ""
    if not _is_private(info.st_uid, info.st_gid):
        return f"the group {_group_name(info.st_gid)}"
    return "who its access list names" if _has_access_list(where) else ""


@functools.cache
def user_name(uid: int) -> str:
    """Return the name of a user, the number where the system has no name for it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


@functools.cache
def _is_private(uid: int, gid: int) -> bool:
    """Return whether a group is one that a user has alone: the primary one, of the user's name, without others."""
    try:
        user, group = pwd.getpwuid(uid), grp.getgrgid(gid)
    except KeyError:
        return gid == uid  # a container often knows neither by a name
    return user.pw_gid == gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}


def _has_access_list(where: str | os.PathLike[str] | int) -> bool:
    """Return whether a file names users and groups of its own: its group bits are then what any of them may at most."""
    try:
        return ACL in os.listxattr(where)
    except (OSError, AttributeError):  # a file system, or a system, without such lists
        return False
