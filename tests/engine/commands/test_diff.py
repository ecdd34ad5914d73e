"""`engine diff` and `engine check --run`, on runs of a program in a real repository."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from engine.cli import main
from engine.config.schema import Experiment
from engine.runs.provenance.code_snapshot import take_snapshot
from engine.runs.store import Store
from tests.engine.runs.provenance.repositories import git, repository

PROGRAM = Experiment(name="mine", model="script", command=["python", "train.py"])


@pytest.fixture
def project(tmp_path, monkeypatch):
    here = repository(tmp_path / "project", _gitignore="runs/\n", README_md="x\n")
    monkeypatch.chdir(here)
    return here


def run_of(seed=0):
    return Store("runs").create(PROGRAM, seed, code=take_snapshot(PROGRAM.command))


def call(*words, code=0):
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == code, done.output
    return done.stdout


def test_two_runs_and_the_folder_are_compared(project):
    first = run_of()
    assert (
        call("check", "--run", first.id)
        == f"nothing that is known differs between {first.id} and this folder now\n"
    )
    assert call("diff", first.id, first.id).startswith("nothing that is known differs")
    (project / "train.py").write_text("a\nB\x1b[31m\nc\n")
    second = run_of(1)
    git(project, "commit", "-qam", "second")
    told = json.loads(call("diff", second.id, run_of(1).id, "--json"))
    assert told["why"] == "another commit, and no file differs"
    (project / "helper.py").write_text("1\n")
    third = run_of()
    lines = call("diff", first.id, second.id).splitlines()
    assert lines[:2] == [f"first   {first.id}", f"second  {second.id}"]
    assert [line.split()[0] for line in lines[3:]] == ["what", "train.py", "seed"]
    assert "+1 −1" in lines[4]
    patch = call("diff", first.id, second.id, "--patch")
    assert "-b\n+B [31m\n" in patch
    records = [
        json.loads(line) for line in call("diff", first.id, third.id, "--json", "--patch").splitlines()
    ]
    assert [(each["kind"], each["what"]) for each in records] == [
        ("code", "train.py"), ("code", "commit"), ("code", "helper.py"), ("patch", "helper.py"),
    ]  # fmt: skip
    assert records[0]["why"] == "the program is another, 2 lines between the commits"
    assert records[-1]["first"] is None
    assert records[-1]["second"].endswith("+1\n")
    call("check", "--run", third.id)
    assert "helper.py" in call("check", "--run", second.id, code=1)
    (project / "train.py").unlink()
    assert "the program is another" in call("check", "--run", third.id, code=1)


def test_a_run_of_an_older_version_is_not_said_to_be_equal(project):
    run = run_of()
    info = json.loads((run.path / "run.json").read_text())
    del info["code"]
    (run.path / "run.json").write_text(json.dumps(info | {"git": None}))
    call("check", "--run", run.id, code=1)


def test_experiments_and_a_run_are_not_checked_at_once(project):
    call("check", "mine", "--run", "x", code=2)
