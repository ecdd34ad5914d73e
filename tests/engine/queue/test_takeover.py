"""A run of another machine goes on here once nobody has it there, if the user says so, and not before."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from engine.events import Metrics, Start, decode
from engine.queue import takeover
from engine.queue.stop_and_resume import request_resume
from engine.queue.takeover import look_at_takeover
from engine.runner.attempt import train_run
from engine.runs import run_lock
from engine.runs.liveness import status_of
from engine.runs.queue_entry import waiting_entry
from engine.runs.recorder import Recorder
from engine.runs.store import Run, Store, StoreError
from engine.system import lock
from tests.engine.system.test_lease import put

ROOT = Path(__file__).parents[3]


@pytest.fixture
def left(run: Run) -> Run:
    """A run that another machine left running, two minutes ago by the file server's clock."""
    leave(run)
    age(run, 120)
    return run


def leave(run: Run) -> None:
    with run_lock.hold(run):
        recorder = Recorder(run)
        recorder.claim()
        recorder.emit(Start(
            time=time.time(), run=run.id, attempt=1, experiment="tiny", config={}, seed=0, pid=7,
            host="elsewhere", boot="another", process_started=1.0,
        ))  # fmt: skip
        recorder.close()


def age(run: Run, seconds: float) -> None:
    """Let it seem that a run has written nothing, and its lease was not touched, for so long."""
    for path in [run.status_file, run.events, run.queue_file, *run.path.glob("lock.lease/[0-9]*")]:
        with contextlib.suppress(FileNotFoundError):
            os.utime(path, (time.time() - seconds,) * 2)


def test_without_it_the_refusal_names_it(left):
    with pytest.raises(
        StoreError, match=f"if elsewhere is gone, `engine resume --takeover {left.id}` goes on"
    ):
        request_resume(left)


def test_what_would_be_done_is_said(left):
    assert (asked := look_at_takeover(left)) is not None
    assert f"{left.id} is running on elsewhere, which has not been heard of for 2 min" in asked.sentence
    assert "begin anew" in asked.sentence


def test_the_queue_takes_it_too(left):
    assert look_at_takeover(left) is not None
    request_resume(left, takeover=True)
    assert waiting_entry(left) is not None
    assert status_of(left).state == "queued"


def test_one_that_speaks_is_not_taken_over(run, monkeypatch):
    leave(run)
    threading.Timer(0.1, os.utime, [run.status_file]).start()
    with pytest.raises(StoreError, match="lives on elsewhere: it has just said so"):
        look_at_takeover(run)


def test_one_that_was_heard_of_lately_is_watched(run, monkeypatch):
    leave(run)
    monkeypatch.setattr(takeover, "WATCH_S", 0.3)
    began = time.monotonic()
    assert look_at_takeover(run) is not None
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_wrong_clock_here_does_not_matter(left, monkeypatch, hours):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600 * hours)
    assert "heard of for 2 min" in look_at_takeover(left).sentence


def test_one_whose_lock_is_held_is_not(left, monkeypatch):
    monkeypatch.setattr("engine.runs.run_lock.HOLD_TIMEOUT_S", 0.1)
    with run_lock.hold(left), pytest.raises(StoreError, match="by another process"):
        look_at_takeover(left)


def test_one_whose_lease_is_fresh_is_not(left, monkeypatch):
    monkeypatch.setattr("engine.runs.run_lock.HOLD_TIMEOUT_S", 0.1)
    made = put(left.lock)
    with pytest.raises(StoreError, match=r"by another process \(1 on elsewhere\)"):
        look_at_takeover(left)
    os.utime(made, (time.time() - 100,) * 2)
    assert look_at_takeover(left) is not None


def test_one_that_spoke_while_the_user_was_asked_is_not(left):
    asked = look_at_takeover(left)
    status = msgspec.json.decode(left.status_file.read_bytes())
    left.status_file.write_bytes(msgspec.json.encode(status | {"heartbeat": status["heartbeat"] + 1}))
    with pytest.raises(StoreError, match="has said something meanwhile"):
        train_run(left, takeover=asked)


def test_what_can_go_on_anyway_needs_none(run):
    assert look_at_takeover(run) is None  # crashed: it never began
    assert request_resume(run) is None
    assert look_at_takeover(run) is None  # it waits


@pytest.mark.parametrize(("seconds", "state"), [(0, "running"), (120, "silent")])
@pytest.mark.parametrize("held_s", [0, 1000, -1000], ids=["fresh", "old", "ahead"])
def test_no_lease_of_another_machine_makes_it_crashed(run, seconds, state, held_s):
    leave(run)
    age(run, seconds)
    status = msgspec.json.decode(run.status_file.read_bytes())
    run.status_file.write_bytes(msgspec.json.encode(status | {"heartbeat": time.time() - seconds}))
    put(run.lock, age=held_s)
    assert status_of(run).state == ("running" if held_s == 0 else state)


# ---- two machines, by name


@pytest.fixture
def elsewhere(engine):
    """Start the `engine` command on a machine of another name that has the same folder."""
    prefix = ["unshare", *([] if os.geteuid() == 0 else ["-Ur"]), "--uts"]
    if not shutil.which("unshare") or subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("no process can have another host name here")

    def start(*arguments: str, code: str = "") -> subprocess.Popen[bytes]:
        script = f"{code}\nfrom engine.cli import main; main()"
        process = subprocess.Popen(
            [*prefix, "sh", "-c", 'hostname elsewhere && exec "$@"', "sh", sys.executable, "-c", script, *arguments],
            cwd=engine.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        engine.processes.append(process)
        return process

    return start


@pytest.fixture(params=["flock", "lease"])
def disk(request: pytest.FixtureRequest) -> str:
    """A disk with and one without flock."""
    if request.param == "lease":
        request.getfixturevalue("no_flock")
    return request.param


STEPS = f"""
[experiments.steps]
command = ["{sys.executable}", "{ROOT}/tests/steps.py", "60", "0.05"]
"""


def only(folder: Path) -> Run | None:
    return next(iter(Store(folder / "runs").runs()), None)


def reached(folder: Path) -> int:
    run = only(folder)
    return status_of(run).step if run is not None else 0


def starts(run: Run) -> list[str]:
    events = map(decode, run.events.read_bytes().splitlines())
    return [event.host for event in events if isinstance(event, Start)]


def steps(run: Run) -> list[int]:
    events = map(decode, run.events.read_bytes().splitlines())
    return [event.step for event in events if isinstance(event, Metrics) and "train/loss" in event.values]


@pytest.mark.slow
def test_killed_there_it_goes_on_here_exactly(engine, elsewhere, lab, until, disk):
    long = ("--set", "epochs=60", "--device", "cpu")
    assert engine("run", "tiny", *long, "--runs", "whole").returncode == 0
    there = elsewhere("run", "tiny", *long)
    until(lambda: reached(lab) > 20)
    run = only(lab)
    assert status_of(run).state == "running"
    assert b"is being trained by another process" in engine("resume", run.id, "--takeover", "--yes").stderr
    there.kill()
    there.communicate()
    if disk == "lease":  # it is held until its time is over
        assert b"on elsewhere)" in engine("resume", run.id, "--takeover", "--yes").stderr
    refused = engine("resume", run.id)
    assert (refused.returncode, b"--takeover" in refused.stderr) == (2, True)
    age(run, 100)
    unasked = engine("resume", run.id, "--takeover")
    assert (unasked.returncode, b"`--yes` agrees" in unasked.stderr) == (2, True)
    assert b"running on elsewhere, which has not been heard of for 2 min" in unasked.stderr
    done = engine("resume", run.id, "--takeover", "--yes", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert starts(run) == ["elsewhere", os.uname().nodename]
    (whole,) = Store(lab / "whole").runs()
    assert weights(run) == weights(whole)


def weights(run: Run) -> dict[str, list[float]]:
    import torch

    from engine.training import checkpoint

    model = checkpoint.load(run.checkpoints / "last.pt", torch.device("cpu"))["model"]
    return {name: tensor.flatten().tolist() for name, tensor in model.items()}


@pytest.mark.slow
def test_of_two_takers_one_wins(engine, elsewhere, lab, until, disk):
    (lab / "experiments.toml").write_text(STEPS)
    there = elsewhere("run", "steps")
    until(lambda: reached(lab) > 5)
    there.kill()
    there.communicate()
    run = only(lab)
    age(run, 100)
    takers = [engine.start("resume", run.id, "--takeover", "--yes") for _ in range(3)]
    takers.append(elsewhere("resume", run.id, "--takeover", "--yes"))
    codes = [(taker.communicate(timeout=60), taker.returncode)[1] for taker in takers]
    assert sorted(codes) == [0, 2, 2, 2]
    assert len(starts(run)) == 2
    assert steps(run) == list(range(1, 61))


@pytest.mark.slow
@pytest.mark.usefixtures("no_flock")
def test_one_that_comes_back_ends_and_writes_nothing(engine, elsewhere, lab, until):
    (lab / "experiments.toml").write_text(STEPS)
    there = elsewhere(
        "run", "steps", code="from engine.system import lease; lease.RENEW_S = 0.2; lease.SURE_S = 0.5"
    )
    until(lambda: reached(lab) > 5)
    os.kill(there.pid, signal.SIGSTOP)
    run = only(lab)
    time.sleep(0.6)
    age(run, 100)
    here = engine.start("resume", run.id, "--takeover", "--yes")
    until(lambda: len(starts(run)) == 2)
    os.kill(there.pid, signal.SIGCONT)
    there.communicate(timeout=20)
    assert there.returncode == lock.LOST
    here.communicate(timeout=60)
    assert here.returncode == 0
    assert starts(run) == ["elsewhere", os.uname().nodename]
    assert status_of(run).state == "finished"
    here_alone = run.events.read_bytes().splitlines()
    second = next(i for i, line in enumerate(here_alone) if b'"attempt":2' in line)
    assert all(event is not None for event in map(decode, here_alone[second:]))
    assert steps(run) == list(range(1, 61))
