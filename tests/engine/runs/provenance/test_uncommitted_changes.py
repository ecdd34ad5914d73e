"""What differs from a commit is kept as a patch, but for secrets and what is too large, which are named."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from engine.runs.provenance import uncommitted_changes
from engine.runs.provenance.code_snapshot import take_snapshot
from engine.runs.provenance.git_patch_format import files_of
from engine.runs.provenance.uncommitted_changes import is_secret_file
from tests.engine.runs.provenance.repositories import git, repository


def test_new_files_alone_are_a_patch_of_a_tree_that_is_not_dirty(project):
    (project / "helper.py").write_text("1\n")
    git = take_snapshot().git
    assert (git["dirty"], len(git["patch"])) == (False, 64)


def test_large_files_and_secrets_are_only_named(project):
    (project / "weights.bin").write_bytes(b"old")
    (project / ".env.local").write_text("")
    git(project, "add", "-f", "weights.bin", ".env.local")
    git(project, "commit", "-qm", "tracked")
    (project / "weights.bin").write_bytes(os.urandom(5 * 1024 * 1024))
    (project / ".env.local").write_text("PASSWORD=hunter2\n")
    (project / "new.py").write_text("#" * 300_000)
    (project / "credentials.json").write_text("hunter2")
    (project / "train.py").write_text("A\n")
    snapshot = take_snapshot()
    files = files_of(snapshot.patch)
    assert len(snapshot.patch) < 2000
    digest = hashlib.sha256((project / "weights.bin").read_bytes()).hexdigest()
    assert (
        files["weights.bin"].text == f"# left out: weights.bin (5,242,880 bytes, sha256:{digest})\n".encode()
    )
    assert files[".env.local"].text == b"# left out: .env.local (17 bytes)\n"
    assert files["credentials.json"].text == b"# left out: credentials.json (7 bytes)\n"
    assert files["new.py"].text.startswith(b"# left out: new.py (300,000 bytes, sha256:")
    assert b"hunter2" not in snapshot.patch
    assert files["train.py"][:2] == (1, 3)


def test_more_than_all_that_is_kept_is_named(project, monkeypatch):
    monkeypatch.setattr(uncommitted_changes, "MAX_FILE", 1000)
    (project / "train.py").write_text("x" * 800)
    (project / "new.py").write_text("y" * 800)
    patch = take_snapshot().patch
    assert patch.startswith(
        b"# there is no patch: it has more than 4 MiB\n# left out: train.py (800 bytes, sha256:"
    )
    assert files_of(patch).keys() == {"train.py", "new.py"}


def test_a_change_in_a_submodule_is_in_the_patch(project, tmp_path):
    inner = repository(tmp_path / "inner")
    git(project, "submodule", "--quiet", "add", str(inner), "lib")
    git(project, "commit", "-qm", "with a submodule")
    assert take_snapshot().patch == b""
    (project / "lib/train.py").write_text("a\nb\nd\n")
    snapshot = take_snapshot()
    assert snapshot.git["dirty"]
    assert list(files_of(snapshot.patch)) == ["lib/train.py"]
    assert b"--- a/lib/train.py\n+++ b/lib/train.py\n" in snapshot.patch


def test_a_repository_without_a_commit_has_its_new_files(tmp_path, monkeypatch):
    here = tmp_path / "new"
    here.mkdir()
    git(here, "init", "-q")
    (here / "train.py").write_text("a\n")
    monkeypatch.chdir(here)
    snapshot = take_snapshot()
    assert list(files_of(snapshot.patch)) == ["train.py"]


def test_from_a_folder_in_the_repository_only_new_files_below_it_are_kept(project, monkeypatch):
    (project / "sub/runs/x").mkdir(parents=True)
    (project / "sub/runs/x/run.json").write_text("{}")
    (project / "sub/model.py").write_text("1\n")
    (project / "other.py").write_text("1\n")
    (project / "train.py").write_text("1\n")
    monkeypatch.chdir(project / "sub")
    assert files_of(take_snapshot((), Path("runs")).patch).keys() == {"train.py", "sub/model.py"}


@pytest.mark.parametrize(
    "name", [".env", "conf/.env.prod", "id_ed25519", "a.pem", "my_secrets.yaml", "API-key.txt"]
)
def test_names_that_promise_secrets(name):
    assert is_secret_file(name)


@pytest.mark.parametrize("name", ["environment.py", "secret_santa.py", "tokenizer.json", "keys.py", "id.py"])
def test_names_of_code(name):
    assert not is_secret_file(name)
