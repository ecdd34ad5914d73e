"""A snapshot is the tree that trains: applied to the commit, its patch makes the files again."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys

from engine.config.schema import Experiment
from engine.runs.provenance.code_snapshot import (
    CodeSnapshot,
    installation_digest,
    patch_of,
    take_snapshot,
)
from engine.runs.provenance.git_patch_format import files_of
from engine.runs.trash import disk_usage
from tests.engine.runs.provenance.repositories import git

EXPERIMENT = Experiment(name="x", model="vit_mini", command=["python", "train.py"])


def test_a_clean_tree_has_no_patch(project, tmp_path):
    snapshot = take_snapshot()
    assert (snapshot.patch, snapshot.git["dirty"], "patch" in snapshot.git) == (b"", False, False)
    snapshot.place(tmp_path, tmp_path)
    assert patch_of(tmp_path) == b""


def test_the_patch_makes_the_tree_again(project, tmp_path):
    git(project, "config", "diff.noprefix", "true")
    git(project, "config", "color.ui", "always")
    (project / "blob.dat").write_bytes(bytes(range(256)))
    git(project, "add", "blob.dat")
    git(project, "commit", "-qm", "binary")
    (project / "train.py").write_text("a\nB\nc")
    (project / "blob.dat").write_bytes(bytes(reversed(range(256))))
    (project / "gone.py").unlink()
    (project / 'odd "name" é\t.py').write_text("no newline at the end")
    (project / "deep/er").mkdir(parents=True)
    (project / "deep/er/run.sh").write_text("#!/bin/sh\necho a  \r\n")
    (project / "deep/er/run.sh").chmod(0o755)
    (project / "deep/__init__.py").write_text("")
    (project / ".env").write_text("TOKEN=1\n")
    (project / "train.log").write_text("ignored\n")
    (project / "photo.png").write_bytes(b"no code")
    snapshot = take_snapshot()
    assert snapshot.git["dirty"]
    assert snapshot.git["patch"] == hashlib.sha256(snapshot.patch).hexdigest()
    assert b"TOKEN" not in snapshot.patch
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "-q", str(project), str(copy))
    git(copy, "apply", "--whitespace=nowarn", "-", data=snapshot.patch)
    names = sorted(
        p.relative_to(copy).as_posix() for p in copy.rglob("*") if p.is_file() and ".git/" not in str(p)
    )
    assert "gone.py" not in names
    assert len(names) == 6
    for name in names:
        assert (copy / name).read_bytes() == (project / name).read_bytes()
        assert (copy / name).stat().st_mode & 0o100 == (project / name).stat().st_mode & 0o100
    assert files_of(snapshot.patch).keys() >= {"train.py", "gone.py", 'odd "name" é\t.py', "deep/er/run.sh"}
    assert take_snapshot().patch == snapshot.patch


def test_the_files_of_a_program_are_known_without_git(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("print(1)\n")
    (tmp_path / "c.yaml").write_text("lr: 1\n")
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/__main__.py").write_text("")
    snapshot = take_snapshot(
        [sys.executable, "train.py", "--config=c.yaml", "--lr", "0.1", "-m", "pkg", "no\0file"]
    )
    assert snapshot.git is None
    digest = hashlib.sha256(b"print(1)\n").hexdigest()
    assert snapshot.code["train.py"] == f"sha256:{digest}"
    assert snapshot.code.keys() == {"train.py", "c.yaml", "pkg/__main__.py"}
    assert take_snapshot().code == {"vitui": installation_digest()}


def test_runs_of_one_submit_share_the_patch_and_each_has_it_alone(project, store, tiny):
    (project / "train.py").write_text("A\n")
    code = take_snapshot()
    runs = [store.create(tiny, seed, code=code) for seed in range(3)]
    assert {run.info().git["patch"] for run in runs} == {hashlib.sha256(code.patch).hexdigest()}
    assert len({(run.path / "source.patch").stat().st_ino for run in runs}) == 1
    shutil.rmtree(runs[0].path)
    assert patch_of(runs[1].folder) == code.patch
    last = store.create(tiny, 3, code=code)  # the one that was linked to is gone
    assert patch_of(last.folder) == code.patch


def test_a_disk_without_hard_links_gets_copies(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    code = CodeSnapshot({}, {}, b"patch")
    for name in "ab":
        (tmp_path / name).mkdir()
        code.place(tmp_path / name, tmp_path / name)
        assert patch_of(tmp_path / name) == b"patch"


def test_what_a_run_frees_leaves_out_what_others_share(tmp_path):
    code = CodeSnapshot({}, {}, os.urandom(100_000))
    for name in "ab":
        (tmp_path / name).mkdir()
        code.place(tmp_path / name, tmp_path / name)
    assert disk_usage(tmp_path / "a") < 100_000 <= disk_usage(tmp_path)
