"""A worker that is stopped, hangs or has lost its folder is told from one that works, and can be replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest
from msgspec import json, structs

from engine.events import Start, decode
from engine.queue.hung_worker import end_hung_worker
from engine.queue.worker import Busy
from engine.runs import worker_status
from engine.runs.liveness import status_of
from engine.runs.store import Store
from engine.system import lock, process
from engine.system.files import tail
from engine.system.lock_holder import this_process
from tests.conftest import queued

PROGRAM = """
[experiments.nap]
command = ["python3", "-c", "import time; time.sleep(%s)"]
"""


@pytest.fixture
def runs(lab):
    return Store(lab / "runs")


def start_worker(engine, runs, until, seconds):
    """Start a worker with one run at work and one that waits."""
    (engine.folder / "experiments.toml").write_text(PROGRAM % seconds)
    assert engine("submit", "--wait", "nap", "--seeds", "1,2").returncode == 0
    worker = engine.start("work", "--devices", "cpu:1")
    until(lambda: sorted(status_of(run).state for run in runs.runs()) == ["queued", "running"])
    return worker


def starts(run):
    return [event for line in tail(run.events, 0)[0] if isinstance(event := decode(line), Start)]


def test_a_worker_that_answers_is_no_trouble(store):
    store.root.mkdir()
    assert worker_status.trouble(store.root) == ""
    with lock.hold(worker_status.lock_file(store.root), 0):
        assert worker_status.trouble(store.root) == ""
        worker_status.publish(store.root, worker_status.WorkerStatus(worker=this_process()))
        assert worker_status.trouble(store.root) == ""
        with pytest.raises(Busy, match="answers, and is not replaced"):
            end_hung_worker(store)


def test_a_worker_that_has_not_answered_for_long_is_told_where_runs_wait(store, tiny):
    run = queued(store, tiny)
    with lock.hold(worker_status.lock_file(store.root), 0):
        worker_status.publish(store.root, worker_status.WorkerStatus(worker=this_process()))
        old = time.time() - 3 * worker_status.SILENT_S
        os.utime(store.root / worker_status.NAME, (old, old))
        assert f"the worker ({os.getpid()}) has not answered for 3 min" in worker_status.trouble(store.root)
        assert "has not answered" in status_of(run).reason
        worker_status.beat(store.root)
        assert worker_status.trouble(store.root) == ""


def test_a_file_that_names_a_process_is_no_proof_that_it_is_the_worker(store, until):
    """Else whoever writes the folder could have any process ended."""
    store.root.mkdir()
    path = worker_status.lock_file(store.root)
    with subprocess.Popen(["sleep", "60"]) as stranger, lock.hold(path, 0):
        named = structs.replace(this_process(), pid=stranger.pid, started=process.started(stranger.pid))
        path.write_bytes(json.encode(named))
        try:
            stranger.send_signal(signal.SIGSTOP)
            until(lambda: process.is_stopped(stranger.pid), 10)
            with pytest.raises(Busy, match="does not prove to be the worker"):
                end_hung_worker(store)
            assert stranger.poll() is None
        finally:
            stranger.kill()


@pytest.mark.slow
def test_a_stopped_worker_is_told_and_replaced(engine, runs, until):
    worker = start_worker(engine, runs, until, seconds=6)
    os.kill(worker.pid, signal.SIGSTOP)
    told = f"the worker ({worker.pid}) is stopped: `kill -CONT {worker.pid}` lets it go on".encode()
    try:
        until(lambda: told in engine("ls", "--json").stdout)
        for verb in ("doctor", "work", "submit"):
            done = engine(verb, *(["nap", "--seeds", "3"] if verb == "submit" else []))
            assert told.partition(b":")[0] in done.stdout + done.stderr, verb
    finally:
        done = engine("work", "--replace", "--devices", "cpu:1")
    assert done.returncode == 0
    assert b"is stopped: it was ended" in done.stderr
    assert worker.wait(10) == 0
    assert [status_of(run).state for run in runs.runs()] == ["finished"] * 3
    assert [len(starts(run)) for run in runs.runs()] == [1, 1, 1]


@pytest.mark.slow
def test_a_worker_whose_folder_is_gone_says_so_and_fails(engine, runs, until):
    worker = start_worker(engine, runs, until, seconds=2)
    runs.root.rename(away := runs.root.with_name("away"))
    _, said = worker.communicate(timeout=30)
    assert worker.returncode == 2
    assert said.decode().strip() == "runs is no longer there: moved or removed; 1 run still waits"
    assert engine("work", "--devices", "cpu:1", "--runs", "away").returncode == 0
    assert [status_of(run).state for run in Store(away).runs()].count("finished") >= 1
