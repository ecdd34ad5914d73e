"""A disk that fills up in the middle of a run: nothing said is lost, nothing is spoilt, and the run says so."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch

from engine.events import Checkpoint, End, Log, Metrics, Start, decode
from engine.runs import event_log, stop_request
from engine.runs.liveness import status_of
from engine.runs.recorder import Recorder
from engine.runs.status_file import rebuild
from engine.runs.store import Run, Store
from engine.system import process
from engine.training import checkpoint
from tests.conftest import TINY, Engine


@pytest.fixture
def disk(tmp_path):
    """A file system of 24 MiB."""
    where = tmp_path / "disk"
    where.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "none", where]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can make a small disk")
    yield where
    subprocess.run(["umount", "-l", where], check=True)


PROGRAM = """
[experiments.program]
command = ["python3", "-c", '''
import json, os
filler = open("filler", "wb", buffering=0)
try:
    while True:
        filler.write(b"x" * 4096)
except OSError:
    pass
for step in range(1, 2001):
    print("some noise, which goes to the console", step)
    print(json.dumps({"event": "metrics", "step": step, "values": {"x": step}}), flush=True)
os.unlink("filler")
filler.close()
''']
"""

TALKING = """
[experiments.talking]
command = ["python3", "-c", '''
import json, itertools, time
for step in itertools.count(1):
    print(json.dumps({"event": "metrics", "step": step, "epoch": step / 10, "values": {"x": step}}), flush=True)
    time.sleep(0.05)
''']
"""


def fill(disk: Path) -> Path:
    """Write a file that leaves no byte free, and return it."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return filler


def events_of(run: Run):
    return [decode(line) for line in run.events.read_bytes().split(b"\n")[:-1]]


def start(run: Run) -> Start:
    return Start(time=time.time(), run=run.id, attempt=1, epochs=4, steps_per_epoch=5, host=process.host())


class TestRecorder:
    @pytest.fixture
    def run(self, disk, tiny):
        return Store(disk / "runs").create(tiny, seed=0)

    def test_what_is_said_on_a_full_disk_is_written_in_order_when_there_is_space(self, run, disk, capsys):
        said = []
        recorder = Recorder(run, lambda _, line: said.append(line))
        recorder.emit(start(run))
        filler = fill(disk)
        for step in range(1, 100):
            recorder.metrics(step, step / 5, {"train/loss": 1 / step, "note": step})
        whole = run.events.read_bytes()
        assert whole.endswith(b"\n")
        assert whole == b"".join(said)[: len(whole)]
        assert len(whole) < len(b"".join(said))
        assert "its events cannot be written: No space left on device" in capsys.readouterr().err
        recorder._saved = 0.0
        recorder.metrics(100, 20.0, {})
        assert status_of(run).reason == "its events cannot be written: No space left on device"
        assert status_of(run).step == 100  # written over the old one
        filler.unlink()
        recorder.metrics(101, 20.2, {"train/loss": 0.0})
        recorder.end("finished", "done")
        recorder.close()
        assert run.events.read_bytes() == b"".join(said)
        steps = [event.step for event in events_of(run) if isinstance(event, Metrics)]
        assert steps == list(range(1, 102))
        warnings = [event.message for event in events_of(run) if isinstance(event, Log)]
        assert len(warnings) == 2
        assert warnings[1].endswith("and now are; none is lost")
        assert status_of(run) == rebuild(run)
        assert (status_of(run).state, status_of(run).reason) == ("finished", "done")

    def test_an_end_finds_room_that_was_kept_for_it(self, run, disk, monkeypatch):
        monkeypatch.setattr("engine.runs.recorder.END_PATIENCE_S", 0.2)
        recorder = Recorder(run)
        recorder.emit(start(run))
        fill(disk)
        for step in range(4000):
            recorder.metrics(step, step / 5, {"train/loss": 1.0})
        recorder.metrics(4000, 800.0, {"test/f1": 0.5})
        recorder.end("failed", "the disk is full")
        recorder.close()
        assert not recorder.lost
        *_, evaluation, end = events_of(run)
        assert evaluation.values == {"test/f1": 0.5}
        assert isinstance(end, End)
        lost = 4003 - sum(isinstance(event, Metrics | Log) for event in events_of(run))
        assert end.reason.startswith("the disk is full; the disk was full, ")
        assert 0 < lost < 4000
        assert status_of(run).state == "failed"
        assert not (run.path / ".reserve").exists()

    def test_an_end_that_finds_no_room_is_said_to_be_lost(self, run, disk, monkeypatch, capsys):
        monkeypatch.setattr("engine.runs.recorder.END_PATIENCE_S", 0.2)
        recorder = Recorder(run)
        recorder.emit(start(run))
        (run.path / ".reserve").unlink()
        fill(disk)
        recorder.log("info", "x" * 5000)
        recorder.end("finished", "y" * 5000)
        recorder.close()
        assert recorder.lost
        assert f"`engine resume {run.id}`" in capsys.readouterr().err
        assert [type(event) for event in events_of(run)] == [Start]
        status = status_of(run)
        assert status.state == "crashed"
        assert "could not be written: No space left on device" in status.reason

    def test_a_stop_request_finds_room_in_what_is_kept_for_the_end(self, run, disk):
        recorder = Recorder(run)
        recorder.emit(start(run))
        fill(disk)
        for request in stop_request.REQUESTS:
            stop_request.ask(run, request)
            assert stop_request.asked(run) == request
        recorder.end("stopped", "stopped on request")
        stop_request.clear(run)
        assert stop_request.asked(run) is None
        recorder.close()
        assert isinstance(events_of(run)[-1], End)

    def test_a_start_that_cannot_be_written_is_refused(self, run, disk):
        recorder = Recorder(run)
        filler = fill(disk)
        with pytest.raises(OSError, match="No space left"):
            recorder.emit(start(run))
        assert not recorder.started
        filler.unlink()
        recorder.emit(start(run))
        recorder.close()
        assert [type(event) for event in events_of(run)] == [Start]


class TestWithoutADisk:
    """The same with a write that fails by itself: where nobody can mount anything."""

    @pytest.fixture
    def full(self, monkeypatch):
        state = {"error": None}

        def write(handle, data):
            if state["error"] is not None:
                raise OSError(state["error"], os.strerror(state["error"]))
            return real(handle, data)

        real = os.write
        monkeypatch.setattr(event_log.os, "write", write)
        return state

    @pytest.mark.parametrize("why", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
    def test_what_waits_is_written_in_order(self, run, full, why):
        recorder = Recorder(run)
        recorder.emit(start(run))
        full["error"] = why
        for step in range(1, 10):
            recorder.metrics(step, step / 5, {"train/loss": 1.0})
        assert len(events_of(run)) == 1
        full["error"] = None
        recorder.metrics(10, 2.0, {"train/loss": 1.0})
        recorder.close()
        assert [event.step for event in events_of(run) if isinstance(event, Metrics)] == list(range(1, 11))

    def test_memory_is_bounded_and_evaluations_are_kept_longest(self, run, full, monkeypatch):
        monkeypatch.setattr(event_log, "MAX_WAITING", 20_000)
        recorder = Recorder(run)
        recorder.emit(start(run))
        full["error"] = errno.ENOSPC
        for step in range(1, 2001):
            recorder.metrics(step, step / 5, {"train/loss" if step % 100 else "test/f1": 0.5})
            assert recorder._event_log._bytes <= 20_000
        full["error"] = None
        recorder.log("info", "there is space")
        recorder.close()
        metrics = [event for event in events_of(run) if isinstance(event, Metrics)]
        assert [event.step for event in metrics if "test/f1" in event.values] == list(range(100, 2001, 100))
        steps = [event.step for event in metrics]
        assert steps == sorted(steps)
        dropped = 2000 - len(metrics)
        said = [event.message for event in events_of(run) if isinstance(event, Log)]
        assert said[1].endswith(f"; {dropped} measurements had no room in memory and are lost")

    def test_a_line_cut_off_in_the_middle_leaves_no_trace(self, run, monkeypatch):
        recorder = Recorder(run)
        recorder.emit(start(run))
        before, real = run.events.read_bytes(), os.write

        def write_half(handle, data):
            if len(data) > 40:
                return real(handle, data[:40])
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(event_log.os, "write", write_half)
        recorder.log("info", "hello")
        assert run.events.read_bytes() == before
        monkeypatch.undo()
        recorder.close()
        assert [type(event) for event in events_of(run)] == [Start, Log, Log]

    def test_an_echo_that_fails_does_not_end_the_run(self, run):
        def gone(*_):
            raise OSError(errno.EIO, "the terminal is gone")

        recorder = Recorder(run, gone)
        recorder.emit(start(run))
        recorder.end("finished", "done")
        recorder.close()
        assert status_of(run).state == "finished"


@pytest.mark.slow
class TestRuns:
    @pytest.fixture
    def engine(self, disk):
        (disk / "experiments.toml").write_text(TINY)
        command = Engine(disk)
        yield command
        command.close()

    def test_a_run_goes_on_and_nothing_it_said_is_lost(self, engine, disk, until, tmp_path):
        with (tmp_path / "said").open("wb") as said:
            training = engine.start("run", "long", stdout=said)
            until(
                lambda: Store(disk / "runs").runs() and status_of(Store(disk / "runs").runs()[0]).checkpoint
            )
            (run,) = Store(disk / "runs").runs()
            filler = fill(disk)
            until(lambda: status_of(run).reason.startswith("its events cannot be written: No space left"))
            assert status_of(run).state == "running"
            step = status_of(run).step
            until(lambda: status_of(run).step > step + 20)  # training goes on, and its heart beats
            kept = checkpoint.load(run.checkpoints / "last.pt", torch.device("cpu"))["step"]
            assert kept < status_of(run).step
            assert run.events.read_bytes().endswith(b"\n")
            filler.unlink()
            until(lambda: not status_of(run).reason and status_of(run).checkpoint > kept)
            training.send_signal(signal.SIGTERM)
            _, err = training.communicate(timeout=60)
        assert training.returncode == 3
        assert run.events.read_bytes() == (tmp_path / "said").read_bytes()
        events = events_of(run)
        assert all(events)
        assert [event.state for event in events if isinstance(event, End)] == ["stopped"]
        messages = [event.message for event in events if isinstance(event, Log) and event.level == "warning"]
        assert any(message.startswith("the checkpoint cannot be written: No space") for message in messages)
        assert any(message.endswith("none is lost") for message in messages)
        assert b"free some space" in err
        (last,) = [event for event in events if isinstance(event, Checkpoint) and event.kind == "last"][-1:]
        assert checkpoint.load(run.checkpoints / "last.pt", torch.device("cpu"))["step"] == last.step
        assert not list(run.checkpoints.glob(".*"))

    def test_a_run_that_ends_on_a_full_disk_ends_with_1_and_the_cure(self, engine, disk, until):
        impatient = "import engine.training.trainer as l; l.PATIENCE_S = 0.5"
        training = engine.start(
            "run", "long", "--set", "epochs=60", code=impatient, stdout=subprocess.DEVNULL
        )
        until(lambda: Store(disk / "runs").runs() and status_of(Store(disk / "runs").runs()[0]).checkpoint)
        (run,) = Store(disk / "runs").runs()
        filler = fill(disk)
        _, err = training.communicate(timeout=120)
        assert training.returncode == 1
        status = status_of(run)
        assert status.state == "failed"
        assert "the last weights are lost: the checkpoint cannot be written: No space left" in status.reason
        assert f"`engine resume {run.id}`" in status.reason
        assert b"Traceback" not in err
        assert all(events_of(run))
        step = checkpoint.load(run.checkpoints / "last.pt", torch.device("cpu"))["step"]
        assert step < 180
        filler.unlink()
        assert engine("resume", run.id).returncode == 0
        assert [event.step for event in events_of(run) if isinstance(event, Start)] == [0, step]

    def test_on_a_disk_that_is_full_from_the_start_no_run_is_made(self, engine, disk):
        fill(disk)
        done = engine("run", "tiny")
        assert done.returncode in (1, 2)
        assert b"No space left on device" in done.stderr
        assert b"Traceback" not in done.stderr

    def test_a_program_that_fills_the_disk_and_goes_on_talking_is_heard(self, engine, disk, until):
        (disk / "experiments.toml").write_text(PROGRAM)
        assert engine("submit", "--wait", "program").returncode == 0
        assert engine("work").returncode == 0
        (run,) = Store(disk / "runs").runs()
        status = status_of(run)
        assert (status.state, status.step) == ("finished", 2000)
        said = [
            event.values["x"]
            for event in events_of(run)
            if isinstance(event, Metrics) and "x" in event.values
        ]
        assert said == list(range(1, 2001))

    @pytest.mark.parametrize("words", [[], ["--now"], ["--force"]], ids=["epoch", "now", "force"])
    @pytest.mark.parametrize("kept", [True, False], ids=["reserve", "signal"])
    def test_a_run_on_a_full_disk_is_stopped(self, engine, disk, until, words, kept):
        (engine.folder / "experiments.toml").write_text(TINY + TALKING)
        process = engine.start("run", "talking", "--runs", str(disk))
        until(lambda: [run for run in Store(disk).runs() if run.events.exists() and len(events_of(run)) > 2])
        (run,) = Store(disk).runs()
        if not kept:
            (run.path / ".reserve").unlink()
        fill(disk)
        done = engine("stop", "talking", "--runs", str(disk), *words)
        assert (done.returncode, done.stderr) == (0, b"")
        assert (b"got SIGTERM" in done.stdout) == (not kept)
        assert process.wait(60) == 3
        assert status_of(run).state == "stopped"

    def test_a_run_that_cannot_leave_the_queue_stays_there(self, engine, disk):
        assert engine("submit", "--wait", "tiny").returncode == 0
        (run,) = Store(disk / "runs").runs()
        filler = fill(disk)
        done = engine("cancel", "tiny")
        assert done.returncode == 2
        assert f"{run.id} stays in the queue: that it leaves cannot be written".encode() in done.stderr
        assert b"No space left on device" in done.stderr
        assert b"engine resume" not in done.stderr
        assert status_of(run).state == "queued"
        filler.unlink()
        assert engine("cancel", "tiny").returncode == 0
        assert status_of(run).state == "stopped"
