"""An attempt begins only where there is something to do: nothing runs twice, whoever asks at the same time."""

from __future__ import annotations

import signal
import sys
import threading
import time

import msgspec
import pytest

from engine.events import Start
from engine.runner.attempt import train_run
from engine.runs import run_lock
from engine.runs.liveness import status_of
from engine.runs.recorder import Recorder
from engine.runs.store import Store, StoreError
from engine.system.process import STOP_SIGNALS
from tests.conftest import queued
from tests.processes import waits_for


@pytest.fixture(autouse=True)
def _handlers():
    handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def attempt(run, number: int, state: str) -> None:
    """Live through an attempt at a run, to its end in a state."""
    recorder = Recorder(run)
    recorder.emit(Start(time=time.time(), run=run.id, attempt=number, experiment="tiny"))
    recorder.end(state, "")
    recorder.close()


def files(run) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes() for path in run.path.iterdir() if path.is_file() and path != run.lock
    }


def test_a_finished_run_is_not_trained_again(run):
    attempt(run, 1, "finished")
    run.control.write_text("stop-now")
    before = files(run)
    with pytest.raises(StoreError, match="is finished: only a stopped, failed or crashed run can be resumed"):
        train_run(run)
    assert files(run) == before


def test_a_run_of_the_queue_is_not_trained_by_hand(store, tiny):
    run = queued(store, tiny)
    before = files(run)
    with pytest.raises(StoreError, match="is queued: only"):
        train_run(run)
    assert files(run) == before


@pytest.mark.parametrize(
    ("state", "words"),
    [("finished", "is finished: only"), ("stopped", "has just been resumed .* is stopped$")],
)
def test_what_another_process_ended_while_its_lock_was_waited_for_is_left_to_it(run, until, state, words):
    attempt(run, 1, "stopped")
    held = threading.Event()

    def other() -> None:
        with run_lock.hold(run):
            held.set()
            until(lambda: waits_for(run.lock, held=1), 4)
            attempt(run, 2, state)
            before.update(files(run))

    before: dict[str, bytes] = {}
    first = threading.Thread(target=other)
    first.start()
    held.wait()
    with pytest.raises(StoreError, match=words):
        train_run(run)
    first.join()
    assert files(run) == before
    assert status_of(run).attempt == 2


@pytest.mark.slow
def test_of_two_resumes_at_once_one_trains(lab, engine):
    program = "import time; print('begun', flush=True); time.sleep(1.5)"
    command = msgspec.json.encode([sys.executable, "-c", program]).decode()
    (lab / "experiments.toml").write_text(f"[experiments.mine]\ncommand = {command}\n")
    name = engine("submit", "mine", "--wait").stdout.decode().strip()
    assert engine("cancel", name).returncode == 0
    both = [engine.start("resume", name) for _ in range(2)]
    ends = sorted((process.communicate(timeout=60)[1], process.returncode) for process in both)
    assert sorted(code for _, code in ends) == [0, 2]
    refusal = next(said for said, code in ends if code == 2)
    assert b": only a stopped, failed or crashed run" in refusal or b"is being trained by" in refusal
    (run,) = Store(lab / "runs").runs()
    assert (status_of(run).state, status_of(run).attempt) == ("finished", 1)
    assert run.console.read_bytes().count(b"begun") == 1


SIGNALLED = """
import os, signal
import {module}
do = {module}.{name}
def signalled(*arguments, **options):
    {before}
    done = do(*arguments, **options)
    {after}
    return done
{module}.{name} = signalled
"""
SIGTERM = "os.kill(os.getpid(), signal.SIGTERM)"


@pytest.mark.parametrize(
    ("where", "what", "before", "after", "states"),
    [
        ("engine.runs.store", "Store.create", SIGTERM, "pass", ["stopped"]),
        ("engine.runs.store", "Store.create", "pass", SIGTERM, ["stopped"]),
        pytest.param(
            "engine.runner.attempt", "train_run", SIGTERM, "pass", ["stopped"], marks=pytest.mark.slow
        ),
        ("engine.runner.attempt", "train_run", "pass", SIGTERM, ["finished"]),  # between two seeds
    ],
)
def test_a_signal_at_any_moment_stops_the_whole_command(lab, engine, where, what, before, after, states):
    program = f"import time; time.sleep({60 if states == ['stopped'] else 0})"
    command = msgspec.json.encode([sys.executable, "-c", program]).decode()
    (lab / "experiments.toml").write_text(f"[experiments.mine]\ncommand = {command}\nseeds = [1, 2]\n")
    done = engine("run", "mine", code=SIGNALLED.format(module=where, name=what, before=before, after=after))
    assert b"Traceback" not in done.stderr
    assert done.returncode == 3, done.stderr
    assert [status_of(run).state for run in Store(lab / "runs").runs()] == states
