"""Stopping for sure: real processes that do not listen, and nothing of them is left."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import msgspec
import psutil
import pytest

from engine.events import Start, encode
from engine.queue.force_stop import force_stop
from engine.runs import stop_request
from engine.runs.liveness import status_of
from engine.runs.processes.membership import processes_of
from engine.runs.queue_entry import queue_entry
from engine.runs.store import Store, StoreError
from engine.runs.trust import entry_writer
from tests.conftest import queued
from tests.pretended_nvml import ALONE, GIB, MACHINES, Card, uuid

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


@pytest.mark.slow
def test_it_names_all_processes_of_a_run_and_no_others(deaf, until):
    run, process = deaf
    found = {each.pid for each in processes_of(run)}
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
    assert processes_of(run) == []


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
    assert " is stopped: on request at epoch " in ended
    assert (run.checkpoints / "last.pt").exists()


@pytest.mark.slow
@pytest.mark.parametrize("is_freed", [True, False])
def test_it_is_proven_that_the_memory_is_free_again(deaf, nvml, monkeypatch, is_freed):
    run, process = deaf
    nvml.put(Card(processes={child_of(run): 20 * GIB, 1: GIB}), ALONE)
    said: list[str] = []

    def say(sentence: str) -> None:
        said.append(sentence)
        if "SIGKILL" in sentence:  # the driver takes its time
            after = Card(processes={1: GIB}, used=None if is_freed else 21 * GIB)
            threading.Timer(1, nvml.put, (after, ALONE)).start()

    monkeypatch.setattr("engine.queue.force_stop.LEAVING_S", 10.0 if is_freed else 3.0)
    process.send_signal(signal.SIGSTOP)
    force_stop(run, say, patience_s=0.5)
    process.wait(10)
    words = (
        "20.0 GiB of it are free again, 1.6 GiB of 80.0 GiB are in use"
        if is_freed
        else "its processes have left the 20.0 GiB that they held, but 21.0 GiB of 80.0 GiB are in use"
    )
    assert said[-1] == f"GPU 0: {words}"
    assert sum(sentence.startswith("GPU") for sentence in said) == 1
    assert nvml.open == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("host pids", "GPU 0: 20.6 GiB were in use, now 20.6 GiB of 80.0 GiB are in use"),
        ("no list", "GPU 0: 20.0 GiB were in use, now 20.0 GiB of 80.0 GiB are in use"),
        ("GB10", "GPU 0: it does not say how much is in use"),
    ],
)
def test_of_a_card_that_does_not_name_its_processes_it_says_what_is_in_use(deaf, nvml, kind, said):
    run, process = deaf
    nvml.put(*MACHINES[kind])
    entry = queue_entry(run)
    entry_writer.enter(run, msgspec.structs.replace(entry, devices={uuid(0): "GPU 0"}))
    sentences: list[str] = []
    process.send_signal(signal.SIGSTOP)
    force_stop(run, sentences.append, patience_s=0.5)
    process.wait(10)
    assert sentences[-1] == said


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
