"""Experiments that are any program: real processes, real signals."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from engine.events import decode
from engine.runs.current_state import status_of
from engine.runs.store import Run, Store
from tests.conftest import Engine

PROGRAM = """
import json, os, sys
print("hello", os.environ["VITUI_SEED"])
for step in range(1, 4):
    print(json.dumps({"event": "metrics", "step": step, "epoch": float(step), "values": {"train/loss": 1 / step}}))
print('{"event": "metrics", "values": {"x": "no number"}}')
print('{"event": "end", "state": "finished"}')
print('{"event": "log", "level": "info", "message": "almost there"}')
sys.stderr.write("oh no\\n")  # in one piece, so that nothing comes between
sys.exit(int(os.environ.get("STATUS", "0")))
"""


def lab_with(lab: Path, program: str) -> None:
    (lab / "program.py").write_text(program)
    command = msgspec.json.encode([sys.executable, "program.py"]).decode()
    (lab / "experiments.toml").write_text(f"[experiments.mine]\ncommand = {command}\n")


def only_run(lab: Path) -> Run:
    (run,) = Store(lab / "runs").runs()
    return run


def test_what_a_program_prints_as_json_becomes_events_and_the_rest_goes_to_the_console(
    lab: Path, engine: Engine
) -> None:
    lab_with(lab, PROGRAM)
    done = engine("run", "mine", "--seed", "3")
    assert done.returncode == 0, done.stderr
    events = [decode(line) for line in done.stdout.splitlines()]
    assert None not in events
    run = only_run(lab)
    status = status_of(run)
    assert status.state == "finished"
    assert status.step == 3
    assert status.last["train/loss"] == pytest.approx(1 / 3)
    console = run.console.read_text().splitlines()
    assert {"hello 3", "oh no"} <= set(console)
    assert '{"event": "end", "state": "finished"}' in console
    assert b"almost there" in run.events.read_bytes()


def test_a_program_that_fails_fails_its_run_with_what_it_said(
    lab: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab_with(lab, PROGRAM)
    monkeypatch.setenv("STATUS", "7")
    assert engine("run", "mine").returncode == 1
    assert "ended with status 7" in status_of(only_run(lab)).reason
    assert b"oh no" in run_end(only_run(lab))


def test_a_program_that_is_not_there_fails_its_run(lab: Path, engine: Engine) -> None:
    (lab / "experiments.toml").write_text('[experiments.mine]\ncommand = ["no-such-program"]\n')
    assert engine("run", "mine").returncode == 1
    assert "no-such-program cannot be started" in status_of(only_run(lab)).reason


def test_stopping_ends_the_program_and_what_it_started(
    lab: Path, engine: Engine, until: Callable[..., None]
) -> None:
    lab_with(
        lab,
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('child', 'w').write(str(child.pid))\n"
        "time.sleep(600)\n",
    )
    process = engine.start("run", "mine")
    until(lambda: (lab / "child").exists() and (lab / "child").read_text())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 3
    assert status_of(only_run(lab)).state == "stopped"
    child = int((lab / "child").read_text())
    until(
        lambda: (
            not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]
        )
    )


def run_end(run: Run) -> bytes:
    return run.events.read_bytes().splitlines()[-1]
