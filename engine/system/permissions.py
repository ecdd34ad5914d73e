"""Who else can write a file or folder: its owner, its group, everybody."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

ROOT_UID = 0


def who_else_can_write(path: Path) -> str:
    """Return in words who besides this user and root can write a file or folder; empty where it is these two alone.

    An owner can: what it may not do it allows itself. The group that a user has alone, as many systems give to each,
    is the user. Of a folder with the sticky bit others can take nothing away. Links are not followed.

    Args:
        path: The file or folder.

    Returns:
        ``everybody``, ``the group students`` or ``the user eve, its owner,``: the begin of a sentence.

    Raises:
        OSError: It cannot be looked at.
    """
    info = path.lstat()
    if info.st_uid not in (os.geteuid(), ROOT_UID):
        return f"the user {user_name(info.st_uid)}, its owner,"
    if info.st_mode & stat.S_ISVTX or stat.S_ISLNK(info.st_mode):
        return ""
    if info.st_mode & stat.S_IWOTH:
        return "everybody"
    if not info.st_mode & stat.S_IWGRP:
        return ""
    if not is_own_group(info.st_gid):
        return f"the group {_group_name(info.st_gid)}"
    return "who its access list names" if _has_access_list(path) else ""


def is_own_group(gid: int) -> bool:
    """Return whether a group is one that this user has alone: its name is the user's, and no other is in it."""
    uid = os.geteuid()
    try:
        name, members = grp.getgrgid(gid).gr_name, grp.getgrgid(gid).gr_mem
    except KeyError:
        return gid == uid  # a container often knows neither by a name
    return name == user_name(uid) and set(members) <= {name}


def user_name(uid: int) -> str:
    """Return the name of a user, its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _has_access_list(path: Path) -> bool:
    """Return whether a file names users and groups of its own: its group bits are then what any of them may at most."""
    if not hasattr(os, "getxattr"):
        return False
    try:
        return bool(os.getxattr(path, "system.posix_acl_access", follow_symlinks=False))
    except OSError:
        return False
