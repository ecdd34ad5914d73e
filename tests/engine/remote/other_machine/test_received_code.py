"""Code that is sent: what git tracks, once, and nothing of it outside its folder."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile

import pytest

from engine.remote.other_machine.received_code import CodeStore
from engine.remote.this_machine.code_upload import Archive, archive_of
from engine.sites.ssh_command import SiteError


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "train.py").write_text("print(1)\n")
    (folder / "gone.py").write_text("")
    (folder / "pack").mkdir()
    (folder / "pack" / "run.sh").write_text("#!/bin/sh\n")
    (folder / "pack" / "run.sh").chmod(0o700)
    (folder / "link").symlink_to("train.py")
    git(folder, "add", ".")
    (folder / "untracked.bin").write_text("data")
    return folder


def git(folder, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, timeout=20)


def send(store: CodeStore, archive: Archive, piece: int = 1000) -> None:
    for at in range(0, len(archive.data), piece):
        store.add(archive.digest, at, archive.data[at : at + piece], len(archive.data))


def test_what_git_tracks_arrives_as_it_is_now(project, tmp_path):
    (project / "train.py").write_text("print(2)\n")
    (project / "gone.py").unlink()
    store, archive = CodeStore(tmp_path / "runs"), archive_of(project)
    assert archive_of(project) == archive
    assert not store.has(archive.digest)
    send(store, archive)
    assert store.has(archive.digest)
    folder = store.folder_of(archive.digest)
    assert {str(path.relative_to(folder)) for path in folder.rglob("*")} == {
        "train.py",
        "pack",
        "pack/run.sh",
        "link",
    }
    assert (folder / "link").read_text() == "print(2)\n"
    assert (folder / "pack" / "run.sh").stat().st_mode & 0o100
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    send(store, archive)  # a second run brings the same
    (project / "train.py").write_text("print(3)\n")
    assert archive_of(project).digest != archive.digest


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "../../../outside"])
def test_nothing_lands_outside(tmp_path, name):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"x"))
    data = packed.getvalue()
    store = CodeStore(tmp_path / "a" / "b" / "runs")
    with pytest.raises(SiteError, match="cannot be unpacked"):
        send(store, Archive(hashlib.sha256(data).hexdigest(), data))
    assert not list(tmp_path.rglob("outside"))


def test_what_changed_on_its_way_is_refused(project, tmp_path):
    store, archive = CodeStore(tmp_path / "runs"), archive_of(project)
    with pytest.raises(SiteError, match="changed on its way"):
        send(store, Archive(archive.digest, archive.data[:-1] + b"x"))
    with pytest.raises(SiteError, match="no digest"):
        store.add("../../x", 0, b"", 1)
    store.add(archive.digest, 0, b"abc", 100)
    with pytest.raises(SiteError, match="part of the code is missing"):
        store.add(archive.digest, 5, b"abc", 100)
    with pytest.raises(SiteError, match="too much"):
        store.add(archive.digest, 0, b"abc", 1 << 40)
    assert not store.has(archive.digest)


def test_a_folder_without_a_repository_says_so(tmp_path):
    with pytest.raises(SiteError, match="no git repository"):
        archive_of(tmp_path)
