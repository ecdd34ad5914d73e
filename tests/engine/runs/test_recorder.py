"""What a run says is in its file at once and whole, whatever became of the attempt before."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import Checkpoint, End, Estimate, Metrics, Start, decode
from engine.runs.recorder import Recorder
from engine.runs.status import Status
from engine.runs.status_file import rebuild
from engine.runs.store import Run
from engine.system.files import tail


def start(run, attempt=1, **fields):
    return Start(
        time=time.time(),
        run=run.id,
        attempt=attempt,
        experiment="tiny",
        epochs=4,
        steps_per_epoch=5,
        **fields,
    )


def lines(run):
    return tail(run.events, 0)[0]


def test_each_event_is_a_line_and_goes_to_the_echo(run):
    heard = []
    recorder = Recorder(run, lambda event, line: heard.append((event, line)))
    recorder.emit(start(run))
    recorder.metrics(1, 0.2, {"train/loss": 2.0})
    recorder.log("warning", "hot")
    recorder.end("finished", "done")
    recorder.close()
    assert [line + b"\n" for line in lines(run)] == [line for _, line in heard]
    assert [type(decode(line)).__name__ for line in lines(run)] == ["Start", "Metrics", "Log", "End"]


def test_a_torn_line_of_the_attempt_before_is_cut_off(run):
    recorder = Recorder(run)
    recorder.emit(start(run))
    recorder.close()
    with run.events.open("ab") as file:
        file.write(b'{"event":"metrics","time":1,"ru')
    recorder = Recorder(run)
    recorder.emit(start(run, attempt=2))
    recorder.close()
    assert [decode(line) and decode(line).attempt for line in lines(run)] == [1, None, 2]


def test_a_line_that_fits_in_part_is_taken_back_and_written_once_there_is_space(run):
    script = """
import pathlib, resource, sys
from engine.runs.recorder import Recorder
from engine.runs.store import Run
recorder = Recorder(Run(pathlib.Path(sys.argv[1])))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
recorder.log("info", "a" * 5000)
recorder.metrics(1, 0.5, {"test/f1": 0.5})
assert recorder.run.events.stat().st_size == 0
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
recorder.end("failed", "no space")
"""
    said = subprocess.run(
        [sys.executable, "-c", script, run.path], check=True, timeout=60, capture_output=True
    )
    events = [decode(line) for line in lines(run)]
    assert [type(event).__name__ for event in events] == ["Log", "Log", "Metrics", "Log", "End"]
    assert [event.message[:40] for event in events[1:4:2]] == [
        "its events cannot be written: File too l", "its events could not be written for 0 s ",
    ]  # fmt: skip
    assert said.stderr.decode().count(f"{run.id}: its events ") == 2


def test_a_status_that_cannot_be_saved_is_no_reason_to_say_nothing(run):
    recorder = Recorder(run)
    run.status_file.mkdir()  # nothing can be renamed onto a folder
    recorder.emit(start(run))
    recorder.end("finished", "done")
    recorder.close()
    assert isinstance(decode(lines(run)[-1]), End)


def test_the_status_saved_is_the_status_rebuilt(run):
    recorder = Recorder(run)
    recorder.emit(start(run, pid=1, host="h"))
    for step in range(1, 8):
        recorder.metrics(step, step / 5, {"train/loss": 3 / step, "gpu/power": 10.0 * step})
    recorder.metrics(7, 1.4, {"train/loss": float("nan"), "test/loss": float("nan"), "test/f1": float("inf")})
    recorder.metrics(8, 1.6, {"test/loss": 0.5, "test/f1": 0.9})
    recorder.end("stopped", "on request")
    recorder.emit(start(run, attempt=2, step=5))
    recorder.metrics(6, 1.2, {"train/loss": 1.5, "test/f1": 0.7})
    recorder.end("finished", "done")
    recorder.close()
    saved = msgspec.json.decode(run.status_file.read_bytes(), type=Status)
    assert saved == rebuild(run)
    assert saved == recorder.status
    assert (saved.best["train/loss"], saved.best["test/f1"]) == (3 / 7, 0.7)  # without validation, the last
    assert saved.extremes == {"test/loss": 0.5, "test/f1": 0.9}
    assert "gpu/power" not in saved.best


MEASURED = st.builds(
    Metrics, time=st.floats(1e9, 2e9), run=st.just("r"), step=st.integers(0, 100), epoch=st.floats(0, 10),
    values=st.dictionaries(st.sampled_from(["train/loss", "test/f1", "test/loss", "gpu/power"]), st.floats()),
)  # fmt: skip
KEPT = st.builds(
    Checkpoint, time=st.floats(1e9, 2e9), run=st.just("r"), step=st.integers(0, 100), epoch=st.floats(0, 10),
    path=st.just("checkpoints/last.pt"), kind=st.just("last"), bytes=st.integers(0, 9),
)  # fmt: skip


@settings(max_examples=20)
@given(st.lists(MEASURED | KEPT, max_size=12))
def test_whatever_is_said_the_status_is_the_one_rebuilt(tmp_path_factory, events):
    run = Run(tmp_path_factory.mktemp("run"))
    recorder = Recorder(run)
    recorder.emit(start(run))
    for event in events:
        recorder.emit(event)
    recorder.end("stopped", "on request")
    recorder.close()
    assert recorder.status == rebuild(run)


def test_the_status_keeps_the_intervals_of_the_end_until_the_run_goes_on(run):
    recorder = Recorder(run)
    recorder.emit(start(run))
    f1 = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 96}
    recorder.end(
        "stopped", "", summary={"test/f1": f1, "test/accuracy": {"value": float("nan")}, "x" * 99: f1}
    )
    saved = msgspec.json.decode(run.status_file.read_bytes(), type=Status)
    assert saved.final == {"test/f1": Estimate(value=0.5, low=0.4, high=0.6, n=96)}
    assert saved == rebuild(run)
    recorder.emit(start(run, attempt=2))
    recorder.close()
    assert recorder.status.final == rebuild(run).final == {}


def test_a_resumed_attempt_counts_on_from_its_step(run):
    recorder = Recorder(run)
    recorder.emit(start(run))
    recorder.metrics(12, 2.4, {"train/loss": 1.0})
    recorder.emit(start(run, attempt=2, step=5))
    assert (recorder.status.step, recorder.status.epoch) == (5, 1.0)
    recorder.emit(start(run, attempt=3))
    assert (recorder.status.step, recorder.status.epoch) == (0, 0.0)
    recorder.close()


def test_the_time_left_is_what_the_pace_of_this_attempt_says(run):
    status = Status(run=run.id)
    status.apply(Start(time=100.0, run=run.id, epochs=4, steps_per_epoch=5, step=10))
    status.apply(Metrics(time=110.0, run=run.id, step=15, epoch=3.0, values={}))
    assert status.eta_s == 10.0


def test_many_threads_write_whole_lines(run):
    recorder = Recorder(run)

    def talk(k: int) -> None:
        for i in range(100):
            recorder.log("info", f"{k} {i} " + "x" * 2000)

    threads = [threading.Thread(target=talk, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()
    said = [decode(line).message.split()[:2] for line in _all(run)]
    assert sorted(said) == sorted([str(k), str(i)] for k in range(4) for i in range(100))


def test_after_the_end_nothing_is_written_but_the_next_start(run):
    recorder = Recorder(run)
    recorder.emit(start(run))
    recorder.end("failed", "its command ended with status 1")
    recorder.end("stopped", "a second end")
    recorder.metrics(1, 0.2, {"train/loss": 2.0})
    recorder.telemetry({"cpu/memory_process": 1.0})
    recorder.log("info", "late")
    recorder.heartbeat()
    assert kinds(run) == ["Start", "End"]
    assert (recorder.status.state, recorder.status.step) == ("failed", 0)
    recorder.emit(start(run, attempt=2))
    recorder.log("info", "in time")
    assert kinds(run) == ["Start", "End", "Start", "Log"]
    recorder.close()


def test_once_closed_it_writes_no_file_not_even_one_that_has_its_descriptor_now(run):
    recorder = Recorder(run)
    recorder.emit(start(run))
    descriptor = recorder._event_log._file
    recorder.close()
    saved = run.status_file.read_bytes()
    other = os.open(run.path / "other", os.O_RDWR | os.O_CREAT)
    assert other == descriptor  # the lowest number that is free
    for speak in (
        lambda: recorder.emit(start(run, attempt=2)),
        lambda: recorder.metrics(1, 0.2, {"train/loss": 2.0}),
        lambda: recorder.telemetry({"cpu/memory_process": 1.0}),
        lambda: recorder.log("info", "late"),
        lambda: recorder.end("stopped", "late"),
        recorder.heartbeat,
        recorder.close,
    ):
        speak()
    assert os.fstat(other).st_size == 0
    os.close(other)
    assert kinds(run) == ["Start"]
    assert run.status_file.read_bytes() == saved


def test_threads_that_speak_while_it_is_closed_are_not_heard_and_do_not_fail(run):
    recorder, failed, left = Recorder(run), [], threading.Event()
    recorder.emit(start(run))

    def talk() -> None:
        try:
            while not left.is_set():
                recorder.log("info", "still there")
        except (OSError, ValueError) as error:
            failed.append(error)

    threads = [threading.Thread(target=talk) for _ in range(3)]
    for thread in threads:
        thread.start()
    recorder.end("failed", "over")
    recorder.close()
    left.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert kinds(run)[-1] == "End"
    assert kinds(run).count("End") == 1


@settings(max_examples=8)
@given(st.integers(1, 4), st.integers(1, 60))
def test_telemetry_never_goes_back_a_step(tmp_path_factory, watchers, steps):
    run = Run(tmp_path_factory.mktemp("runs") / "x-s0-20261128-100000-0000")
    run.path.mkdir()
    recorder, left = Recorder(run), threading.Event()
    recorder.emit(start(run))

    def watch() -> None:
        while not left.is_set():
            recorder.telemetry({"cpu/memory_process": 1.0})

    threads = [threading.Thread(target=watch) for _ in range(watchers)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that they come between each other as often as can be
    try:
        for thread in threads:
            thread.start()
        for step in range(1, steps + 1):
            recorder.metrics(step, step / 5, {"train/loss": 1.0})
    finally:
        left.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    recorder.end("finished", "")
    recorder.close()
    seen = [event.step for line in _all(run) if isinstance(event := decode(line), Metrics)]
    assert seen == sorted(seen)
    assert (recorder.status.step, rebuild(run).step) == (steps, steps)


def kinds(run):
    return [type(decode(line)).__name__ for line in _all(run)]


def _all(run):
    found, offset = [], 0
    while (more := tail(run.events, offset))[1] != offset:
        found += more[0]
        offset = more[1]
    return found
