"""Who else can write a file, by owner, group, mode and access list."""

from __future__ import annotations

import os
import struct
from types import SimpleNamespace

import pytest

from engine.system import permissions
from engine.system.permissions import who_else_can_write

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def file(tmp_path):
    """A file of this user and of a group that others may be in."""
    path = tmp_path / "file"
    path.touch()
    path.chmod(0o644)
    return path


@pytest.fixture
def group(monkeypatch):
    """Have the group of every file be another: ``group(name, members)``."""

    def be(name, members):
        found = SimpleNamespace(gr_name=name, gr_mem=members)
        permissions._is_private.cache_clear()
        monkeypatch.setattr(permissions.grp, "getgrgid", lambda gid: found)

    yield be
    permissions._is_private.cache_clear()


@pytest.mark.parametrize(
    ("mode", "who"),
    [
        (0o600, ""), (0o644, ""), (0o755, ""), (0o664, "the group students"), (0o620, "the group students"),
        (0o666, "everybody"), (0o602, "everybody"), (0o1666, "everybody"),
    ],
)  # fmt: skip
def test_a_mode_says_who(file, group, mode, who):
    group("students", [])
    file.chmod(mode)
    assert who_else_can_write(file) == who


def test_in_a_folder_with_the_sticky_bit_others_can_take_nothing_away(tmp_path):
    tmp_path.chmod(0o1777)
    assert who_else_can_write(tmp_path) == ""
    tmp_path.chmod(0o777)
    assert who_else_can_write(tmp_path) == "everybody"


def test_the_group_that_a_user_has_alone_is_nobody_else(file, group):
    file.chmod(0o664)
    me = permissions.user_name(os.geteuid())
    for members, who in (([], ""), ([me], ""), ([me, "eve"], f"the group {me}")):
        group(me, members)
        assert who_else_can_write(file) == who


def test_a_container_knows_neither_user_nor_group_by_a_name(file, monkeypatch):
    def unknown(number):
        raise KeyError(number)

    monkeypatch.setattr(permissions.grp, "getgrgid", unknown)
    monkeypatch.setattr(permissions.pwd, "getpwuid", unknown)
    permissions._is_private.cache_clear()
    assert permissions._is_private(1234, 1234)
    assert not permissions._is_private(1234, 4321)
    permissions._is_private.cache_clear()


def test_an_access_list_lets_others_in_through_the_own_group(file, group):
    group(permissions.user_name(os.geteuid()), [])
    named, absent = NOBODY, 0xFFFFFFFF
    entries = [(0x01, 6, absent), (0x02, 6, named), (0x04, 4, absent), (0x10, 6, absent), (0x20, 4, absent)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(file, "system.posix_acl_access", acl)
    except OSError:
        pytest.skip("this file system has no access lists")
    assert who_else_can_write(file) == "who its access list names"


@needs_root
def test_an_owner_can_whatever_the_mode(file):
    os.chown(file, NOBODY, -1)
    file.chmod(0o400)
    assert who_else_can_write(file) == f"the user {permissions.user_name(NOBODY)}, its owner,"


def test_a_link_has_no_say_and_is_not_followed(file, tmp_path, group):
    group("students", [])
    file.chmod(0o666)
    link = tmp_path / "link"
    link.symlink_to(file)
    assert who_else_can_write(link) == ""
    with pytest.raises(FileNotFoundError):
        who_else_can_write(tmp_path / "none")
