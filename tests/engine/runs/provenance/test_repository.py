"""Git is asked what a commit is and what differs from it; nothing that a stranger's configuration names is run."""

from __future__ import annotations

import contextlib
import os

import pytest

from engine.runs.provenance import repository as asked
from engine.runs.provenance.code_snapshot import take_snapshot
from engine.runs.provenance.repository import GitFailed, TooMuch, ask, changed_between, git_commit
from tests.engine.runs.provenance.repositories import git, hostile, repository


def test_looking_at_the_commit_leaves_the_index_as_it_is(tmp_path, monkeypatch):
    """A git that was killed while it wrote the index would leave its lock, and nobody could commit any longer."""
    here = repository(tmp_path / "project")
    monkeypatch.chdir(here)
    os.utime(here / "train.py", (1e9, 1e9))  # the index has another time of it
    before = (here / ".git/index").stat()
    for commit in (git_commit(), take_snapshot().git):
        assert (len(commit["commit"]), commit["dirty"]) == (40, False)
    after = (here / ".git/index").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_nothing_that_a_hostile_repository_names_is_executed(tmp_path, monkeypatch):
    traces = tmp_path / "traces"
    outer = hostile(tmp_path / "outer", traces)
    hostile(tmp_path / "inner", tmp_path / "made")
    git(outer, "-c", "core.fsmonitor=false", "submodule", "--quiet", "add", str(tmp_path / "inner"), "sub")
    hostile_settings = (outer / ".git/config").read_text().partition("[submodule")[0]
    with (outer / ".git/modules/sub/config").open("a") as file:
        file.write(hostile_settings.partition("\n[")[2].join(("\n[", "")))
    (outer / "sub/train.py").write_text("changed\n")
    for left in (*traces.iterdir(), *(tmp_path / "made").iterdir()):  # of the making
        left.unlink()
    monkeypatch.chdir(outer)
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(outer / ".git/external"))
    snapshot = take_snapshot()
    assert git_commit()["dirty"]
    commit = snapshot.git["commit"]
    changed_between(outer, commit, commit)
    assert b"-b\n+B\n" in snapshot.patch
    assert b"+changed\n" in snapshot.patch
    assert b"x.evil" not in snapshot.patch
    assert [*traces.iterdir(), *(tmp_path / "made").iterdir()] == []


def test_the_hostile_repository_would_run_its_programs(tmp_path):
    """Else the test above tested nothing."""
    traces = tmp_path / "traces"
    here = hostile(tmp_path / "here", traces)
    for words in (["status"], ["diff", "HEAD", "--", "train.py"]):
        with contextlib.suppress(AssertionError):
            git(here, *words)
    left = {path.name for path in traces.iterdir()}
    assert "fsmonitor" in left
    assert left & {"clean", "process"}
    assert left & {"command", "external"}


@pytest.mark.parametrize("path", ["", "/no/such/folder"])
def test_where_there_is_no_git_nothing_is_known(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", path)
    assert git_commit() is None
    assert take_snapshot().git is None


def test_an_answer_is_bounded_in_length_and_time(tmp_path):
    here = repository(tmp_path / "project")
    with pytest.raises(TooMuch, match="more than 0 MiB"):
        ask(here, "show", "HEAD", most=3)
    git(here, "config", "alias.slow", "!exec sleep 20")
    with pytest.raises(GitFailed, match=r"longer than 0\.1 s"):
        ask(here, "slow", timeout_s=0.1)
    with pytest.raises(GitFailed, match="does not know"):
        ask(here, "show", "nothing")


def test_commits_are_compared_by_their_files(tmp_path):
    here = repository(tmp_path / "project")
    first = git_commit(here)["commit"]
    (here / "train.py").write_text("a\nx\ny\n")
    (here / "new é.py").write_text("1\n")
    (here / "data.bin").write_bytes(b"\0")
    git(here, "add", ".")
    git(here, "commit", "-qm", "second")
    second = git_commit(here)["commit"]
    files = changed_between(here, first, second)
    assert {name: change.lines for name, change in files.items()} == {
        "train.py": 4,
        "new é.py": 1,
        "data.bin": 0,
    }
    blob = git(here, "rev-parse", "HEAD:train.py").decode().strip()
    assert files["train.py"].after == blob != files["train.py"].before
    assert files["data.bin"].before == "0" * 40
    assert changed_between(here, first, first) == {}
    for unknown in ("0" * 40, "--output=x", "(initial)", ""):
        assert changed_between(here, first, unknown) is None
    assert asked.has_commit(first)
