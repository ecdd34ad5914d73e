"""``--json``: every verb that does something says what it did as one object a line, and nothing else on stdout."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from engine.cli import VERBS, main
from engine.runs.recorder import Recorder
from engine.runs.store import Store
from tests.conftest import TINY

ANSWERS = {
    "submit": ["submit", "--wait", "tiny", "--seeds", "0,1"],
    "move": ["move", "s1", "--first"],
    "hold": ["hold", "s0", "s1"],
    "tag": ["tag", "s0", "+good"],
    "note": ["note", "s0", "worth a look"],
    "cancel": ["cancel", "s0"],
    "resume": ["resume", "s0", "--queue"],
    "stop": ["stop", "s1"],
    "rm": ["rm", "s1", "--yes"],
    "restore": ["restore", "s1"],
}
"""How each verb that does something with runs is called, in an order in which each can be done."""
OTHERWISE = {
    "run": "its events are the JSON",
    "train": "what the worker starts: its output is the run's console",
    "work": "it serves until it is told to end",
    "ls": "a line a run already",
    "logs": "its events are the JSON",
    "check": "a line an experiment, and its mistakes",
    "models": "a line a model",
    "diff": "one object with all that differs",
    "doctor": "a line a finding",
    "site": "a line a site, a line a finding",
    "fetch": "it needs a site: tests/engine/remote/over_ssh/test_bridge_over_ssh.py",
    "far-end": "it speaks to another machine",
    "logger": "it prints a file",
    "completion": "it prints a script",
    "bridge": "it serves until no site has a run",
}


@pytest.fixture
def call(tmp_path, monkeypatch):
    (tmp_path / "experiments.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("engine.queue.worker.ensure_worker", lambda *_: None)
    return lambda *arguments: CliRunner().invoke(main, arguments)


def test_every_verb_is_asked():
    assert set(ANSWERS) | set(OTHERWISE) == set(VERBS)


def test_each_run_gets_one_object(call, tmp_path):
    for verb, arguments in ANSWERS.items():
        done = call(*arguments, "--json")
        assert done.exit_code == 0, (verb, done.stderr)
        said = [json.loads(line) for line in done.stdout.splitlines()]
        assert [line["verb"] for line in said] == [verb] * (2 if verb in ("submit", "hold") else 1)
        assert all(line["run"].startswith("tiny-s") and line["text"] for line in said)
        there = Store(tmp_path / "runs")
        for line in said:
            if line["run"] in {run.id for run in there.runs()}:
                assert line["state"] in ("queued", "stopped"), line
        if verb == "cancel":
            assert said[0]["state"] == "stopped"


def test_a_refusal_is_no_answer(call):
    done = call("hold", "nothing", "--json")
    assert (done.exit_code, done.stdout) == (2, "")


@pytest.mark.parametrize("verb", ANSWERS)
def test_the_words_say_the_same_without_it(call, tmp_path, verb):
    """What JSON calls ``text`` is what people read; a verb with an id or nothing to print says that it is one."""
    for other, arguments in ANSWERS.items():
        if other == verb:
            break
        call(*arguments)
    store = Store(tmp_path / "runs")
    shown = call(*ANSWERS[verb]).stdout
    ids = [run.id for run in store.runs()]
    assert any(run_id in shown for run_id in ids) or verb in ("note", "rm")


def test_the_name_of_a_run_cannot_break_a_line(call, tmp_path):
    call("submit", "--wait", "tiny")
    (run,) = Store(tmp_path / "runs").runs()
    recorder = Recorder(run)
    recorder.end("stopped", "x\x1b]0;y\x07\nz")
    recorder.close()
    out = call("note", run.id, "a\x1b[2J\u202eb\nc", "--json").stdout
    assert out.count("\n") == 1
    assert out.strip().isprintable()
    assert json.loads(out)["note"] == "a\x1b[2J\u202eb\nc"
