"""Stopping for sure: real processes that do not listen, and nothing of them is left."""

from __future__ import annotations

import os
import signal
import sys
import time

import msgspec
import psutil
import pytest

from engine.events import Start, encode
from engine.queue.force_stop import force_stop
from engine.runs import stop_request
from engine.runs.current_state import status_of
from engine.runs.processes import processes_of
from engine.runs.store import Store, StoreError
from tests.conftest import queued

DEAF = """
import json, os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(json.dumps({"event": "metrics", "step": 7, "epoch": 1.0, "values": {"child": child.pid}}))
while True:
    time.sleep(1)
"""


@pytest.fixture
def deaf(lab, engine, until):
    """A run whose program hears no SIGTERM and has a child in a session of its own."""
    (lab / "program.py").write_text(DEAF)
    command = msgspec.json.encode([sys.executable, "program.py"]).decode()
    (lab / "experiments.toml").write_text(f"[experiments.mine]\ncommand = {command}\n")
    process = engine.start("run", "mine")
    until(lambda: Store(lab / "runs").runs())
    (run,) = Store(lab / "runs").runs()
    until(lambda: status_of(run).step == 7)
    return run, process


def child_of(run) -> int:
    return int(status_of(run).last["child"])


def test_it_names_all_processes_of_a_run_and_no_others(deaf, until):
    run, process = deaf
    found = {each.pid for each in processes_of(run, status_of(run))}
    assert {process.pid, child_of(run)} < found
    assert len(found) == 4  # and the one that ends its program with it
    assert os.getpid() not in found


@pytest.mark.slow
def test_what_does_not_listen_is_killed_with_all_it_started(deaf, until):
    run, process = deaf
    child, said = child_of(run), []
    process.send_signal(signal.SIGSTOP)  # as if it hung: it hears nothing at all
    ended = force_stop(run, said.append, patience_s=0.5)
    process.wait(10)
    assert said[0] == f"{run.id} will stop after this step, with a checkpoint"
    assert said[1].startswith("no answer in ")
    assert f"SIGTERM to process {process.pid}" in said[1]
    assert any("SIGKILL" in each and str(child) in each for each in said)
    assert ended == f"{run.id} is stopped: killed on request at step 7, after its last checkpoint"
    until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE, 10)
    assert status_of(run).state == "stopped"
    assert stop_request.asked(run) is None
    assert processes_of(run, status_of(run)) == []


@pytest.mark.slow
def test_what_listens_is_not_killed(lab, engine, until):
    process = engine.start("run", "long", "--device", "cpu")
    until(lambda: Store(lab / "runs").runs())
    (run,) = Store(lab / "runs").runs()
    until(lambda: status_of(run).step > 3)
    said = []
    ended = force_stop(run, said.append, patience_s=60)
    assert process.wait(10) == 3
    assert len(said) == 1
    assert " is stopped: stopped on request at epoch " in ended
    assert (run.checkpoints / "last.pt").exists()


def test_what_is_elsewhere_or_over_is_not_touched(run, store, tiny):
    waits = queued(store, tiny, seed=1)
    assert "taken out of the queue" in force_stop(waits, lambda _: None, patience_s=1)
    with pytest.raises(StoreError, match="it is stopped"):
        force_stop(waits, lambda _: None)
    run.events.write_bytes(encode(Start(time=time.time(), run=run.id, host="elsewhere")))
    with pytest.raises(StoreError, match="runs on elsewhere: only there"):
        force_stop(run, lambda _: None)


@pytest.mark.slow
def test_the_command_says_each_rung(deaf, engine):
    run, process = deaf
    done = engine("stop", run.id, "--force", "--patience", "0.5")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().splitlines()
    assert lines[-1].startswith(f"{run.id} is stopped")
    assert any("SIGKILL" in line for line in lines)
    process.wait(10)
