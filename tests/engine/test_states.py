"""A run's state is judged from facts: its lock, its ticket and its events, whatever status.json claims."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import msgspec
import pytest

from engine import process
from engine.events import Checkpoint, End, Log, Start, encode
from engine.recorder import Recorder
from engine.states import Status, rebuild, save, status_of
from engine.store import Run
from engine.ticket import Ticket

LIVE = """
import os, pathlib, sys, time
from engine import process
from engine.events import Start
from engine.recorder import Recorder
from engine.store import Run
from engine.ticket import Ticket
run = Run(pathlib.Path(sys.argv[1]))
with run.hold():
    recorder = Recorder(run)
    if "take" in sys.argv:
        run.take(by_hand=False)
    if "start" in sys.argv:
        recorder.emit(Start(time=time.time(), run=run.id, attempt=recorder.status.attempt + 1, pid=os.getpid(),
            host=process.host(), boot=process.boot_id(), process_started=process.started(os.getpid())))
        recorder.metrics(1, 0.1, {"train/loss": 1.0})
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def live():
    """Another process that holds a run, and has said its start: ``live(run, "start")``."""
    processes = []

    def begin(run, *words):
        child = subprocess.Popen(
            [sys.executable, "-c", LIVE, str(run.path), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        processes.append(child)
        assert child.stdout.readline() == b"held\n"
        return child

    yield begin
    for child in processes:
        child.kill()
        child.communicate()


def kill(child):
    child.send_signal(signal.SIGKILL)
    child.wait()


def say(run, *events):
    recorder = Recorder(run)
    for event in events:
        recorder.emit(event)
    recorder.close()


def start(run, **fields):
    return Start(time=time.time(), run=run.id, attempt=1, host=process.host(), pid=1, **fields)


def end(run, state):
    return End(time=time.time(), run=run.id, state=state, reason="because", duration_s=3.0)


def test_queued(store, tiny):
    run = store.create(tiny, seed=0, queued=True)
    status = status_of(run)
    assert (status.state, status.experiment, status.seed) == ("queued", "tiny", 0)


def test_starting_then_running_then_crashed(run, live):
    child = live(run)
    assert status_of(run).state == "starting"
    kill(child)
    child = live(run, "start")
    status = status_of(run)
    assert (status.state, status.pid, status.attempt) == ("running", child.pid, 1)
    kill(child)
    status = status_of(run)
    assert (status.state, status.reason) == ("crashed", "its process ended without a word")


@pytest.mark.parametrize("state", ["finished", "failed", "stopped"])
def test_ended_is_what_the_last_event_says(run, state):
    say(run, start(run), end(run, state))
    status = status_of(run)
    assert (status.state, status.reason, status.trained_s) == (state, "because", 3.0)


def test_stopped_and_queued_again(run):
    say(run, start(run), end(run, "stopped"))
    run.enqueue()
    assert status_of(run).state == "queued"


def test_resumed_is_starting_then_running(run, live):
    say(run, start(run), end(run, "stopped"))
    child = live(run)
    assert status_of(run).state == "starting"
    kill(child)
    assert status_of(run).state == "stopped"  # the attempt never began
    child = live(run, "start")
    status = status_of(run)
    assert (status.state, status.attempt, status.reason) == ("running", 2, "")
    kill(child)
    assert status_of(run).state == "crashed"


def test_held_by_another_than_the_one_that_said_its_start_is_starting(run, live):
    say(run, start(run))
    live(run)
    assert status_of(run).state == "starting"


def test_a_folder_where_nothing_ever_happened_is_a_crash(run):
    assert status_of(run).state == "crashed"


@pytest.mark.parametrize(
    "damage", [None, b"", b"{", b"[]", b'{"run":"another"}', b"\xff\x00", b"{" * 100_000]
)
def test_without_a_usable_status_it_is_rebuilt(run, damage):
    say(run, start(run), end(run, "finished"))
    if damage is None:
        run.status_file.unlink()
    else:
        run.status_file.write_bytes(damage)
    assert status_of(run) == rebuild(run)
    assert status_of(run).state == "finished"


def test_a_status_older_than_the_end_is_not_believed(run):
    say(run, start(run))
    stale = run.status_file.read_bytes()
    say(
        run,
        Checkpoint(time=1, run=run.id, step=3, epoch=1, path="p", kind="last", bytes=1),
        end(run, "stopped"),
    )
    run.status_file.write_bytes(stale)
    status = status_of(run)
    assert (status.state, status.checkpoint) == ("stopped", 3)


def test_an_end_behind_a_torn_line_is_found(run):
    say(run, start(run))
    stale = run.status_file.read_bytes()
    with run.events.open("ab") as file:
        file.write(encode(end(run, "failed")) + b'{"event":"me')
    run.status_file.write_bytes(stale)
    assert status_of(run).state == "failed"


def test_a_pid_that_is_another_process_by_now_is_a_crash(run):
    say(
        run,
        Start(time=1, run=run.id, attempt=1, host=process.host(), boot=process.boot_id(), pid=os.getpid()),
    )
    assert status_of(run).state == "crashed"


@pytest.mark.parametrize(("seconds", "state"), [(0, "running"), (50, "running"), (70, "silent")])
def test_a_run_of_another_machine_is_silent_after_a_minute(run, seconds, state):
    say(run, Start(time=time.time() - seconds, run=run.id, attempt=1, host="elsewhere"))
    assert status_of(run).state == state


def test_a_damaged_run_json_is_said(run):
    (run.path / "run.json").write_text("{")
    status = status_of(run)
    assert status.state == "crashed"
    assert "run.json cannot be used" in status.reason


def test_a_status_of_a_newer_version_is_read(run):
    say(run, start(run), end(run, "finished"))
    fields = msgspec.json.decode(run.status_file.read_bytes())
    run.status_file.write_bytes(msgspec.json.encode(fields | {"colour": "red"}))
    assert status_of(run).state == "finished"


def test_saved_and_read_back_it_is_equal(run):
    status = Status(run=run.id, state="finished", last={"a": None, "b": 1.5}, best={"b": 2.0}, eta_s=3.0)
    save(run, status)
    assert status_of(run) == status


class TestCopies:
    """A copy's lock is free, whoever holds that of the folder it was copied from."""

    def test_a_copy_of_a_live_run_lives_as_long_as_the_process(self, run, live, tmp_path):
        child = live(run, "take", "start")
        copy = Run(shutil.copytree(run.path, tmp_path / "copy" / run.id))
        assert not copy.is_held()
        assert status_of(copy).state == "running"
        kill(child)
        assert status_of(copy).state == "crashed"

    def test_one_that_has_not_said_its_start_is_starting(self, run, live, tmp_path):
        say(run, start(run), end(run, "failed"))
        child = live(run, "take")
        copy = Run(shutil.copytree(run.path, tmp_path / "copy" / run.id))
        assert (status_of(run).state, status_of(copy).state) == ("starting", "starting")
        kill(child)
        assert (status_of(run).state, status_of(copy).state) == ("failed", "failed")

    def test_one_that_ended_while_its_process_lives_on_has_ended(self, run, live, tmp_path):
        live(run, "take", "start")
        with run.events.open("ab") as file:
            file.write(encode(end(run, "failed")))
        run.status_file.unlink()
        copy = Run(shutil.copytree(run.path, tmp_path / "copy" / run.id))
        assert (status_of(run).state, status_of(copy).state) == ("failed", "failed")

    def test_one_that_waits_waits(self, run, live, tmp_path):
        say(run, start(run), end(run, "stopped"))
        run.enqueue()
        copy = Run(shutil.copytree(run.path, tmp_path / "copy" / run.id))
        assert status_of(copy).state == "queued"

    def test_with_an_old_ticket_beside_newer_events_it_is_what_the_events_say(self, run):
        say(run, start(run), end(run, "failed"))
        run.put(Ticket(submitted=1.0, attempts=1))
        assert status_of(run).state == "queued"
        run.put(Ticket(submitted=1.0, attempts=0))
        assert status_of(run).state == "failed"

    def test_with_an_old_status_beside_newer_events_it_is_what_the_events_say(self, run, live, tmp_path):
        say(run, start(run))
        stale = run.status_file.read_bytes()
        live(run, "take", "start")
        copy = Run(shutil.copytree(run.path, tmp_path / "copy" / run.id))
        copy.status_file.write_bytes(stale)
        assert (status_of(copy).state, status_of(copy).attempt) == ("running", 2)

    def test_a_log_line_behind_the_end_changes_nothing(self, run):
        say(run, start(run))
        stale = run.status_file.read_bytes()
        say(run, end(run, "failed"), Log(time=time.time(), run=run.id, level="info", message="left"))
        run.status_file.write_bytes(stale)
        assert status_of(run).state == "failed"
