"""What failed or crashed is begun anew as often as its experiment says, later each time; what is hopeless is left."""

from __future__ import annotations

import time

import msgspec
import pytest

from engine.events import End, Failure, Log, Start, decode
from engine.queue import retry
from engine.runs import stop_request
from engine.runs.liveness import status_of
from engine.runs.queue_entry import (
    QueueEntry,
    queue_entry,
    waiting_entry,
)
from engine.runs.recorder import Recorder
from engine.runs.trust import entry_writer
from engine.runs.trust.entry_writer import leave_queue, take_from_queue
from engine.system import process
from engine.system.files import last_lines
from tests.conftest import queued


@pytest.fixture
def attempt(store, tiny):
    """A run of the queue whose last attempt ended so: ``attempt("failed", "RuntimeError", allowed=2)``."""

    def make(state: str, error: str = "", *, allowed: int = 2, transient: bool = True, **place):
        run = queued(store, msgspec.structs.replace(tiny, retries=allowed), seed=0)
        entry_writer.enter(run, msgspec.structs.replace(waiting_entry(run), **place))
        take_from_queue(run, 0, by_hand=place.get("by_hand", False))
        again(run, state, error, transient=transient)
        return run

    return make


def again(run, state: str, error: str = "", *, transient: bool = True) -> None:
    """Live through an attempt of a run, to an end in a state."""
    take_from_queue(run, status_of(run).attempt, by_hand=queue_entry(run).by_hand)
    recorder = Recorder(run)
    recorder.emit(
        Start(time=time.time(), run=run.id, attempt=1, host=process.host(), config=run.info().config)
    )
    if state != "crashed":
        failure = Failure(type=error, message="x", transient=transient) if error else None
        recorder.emit(End(time=time.time(), run=run.id, state=state, error=failure))
    recorder.close()
    if state == "crashed":  # its process is another one than this, which lives
        place = queue_entry(run)
        dead = msgspec.structs.replace(place.holder, pid=2**22 + 1)
        entry_writer.enter(run, msgspec.structs.replace(place, holder=dead))
    else:
        leave_queue(run, "failed" if state == "failed" else "left")


def said(run) -> str:
    return next(
        event.message for line in reversed(last_lines(run.events)) if isinstance(event := decode(line), Log)
    )


@pytest.mark.parametrize(
    ("state", "error"),
    [("crashed", ""), ("failed", ""), ("failed", "RuntimeError"), ("failed", "CheckpointError")],
)
def test_it_waits_for_another_attempt(attempt, state, error):
    run = attempt(state, error, gpus=2, priority=3, settings=["batch_size=8"])
    assert status_of(run).state == state
    retry.settle(run)
    entry = waiting_entry(run)
    assert entry is not None
    assert (entry.retried, entry.gpus, entry.priority, entry.settings) == (1, 2, 3, ["batch_size=8"])
    assert entry.not_before == pytest.approx(time.time() + 30, abs=2)
    assert said(run) == f"it {state}; the queue begins it anew in 30 s, for time 1 of 2"
    assert status_of(run).state == "queued"
    retry.settle(run)
    assert waiting_entry(run) == entry


def test_what_would_fail_again_is_left(attempt):
    run = attempt("failed", "DataError", transient=False)
    retry.settle(run)
    assert (waiting_entry(run), queue_entry(run).stage) == (None, "left")
    assert said(run) == "it failed and is left: it would fail again"
    size = run.events.stat().st_size
    retry.settle(run)
    assert run.events.stat().st_size == size  # said once


def test_after_its_last_retry_it_is_left(attempt):
    run = attempt("crashed", allowed=3)
    pauses = []
    for _ in range(3):
        retry.settle(run, 10.0)
        pauses.append(round(waiting_entry(run).not_before - time.time()))
        again(run, "crashed")
    assert pauses == [10, 20, 40]
    retry.settle(run, 10.0)
    assert (waiting_entry(run), queue_entry(run).stage) == (None, "left")
    assert said(run) == "it crashed and is left: 3 times it was begun anew"
    assert status_of(run).state == "crashed"


def test_the_pause_is_an_hour_at_most(attempt):
    run = attempt("crashed", allowed=100, retried=90)
    retry.settle(run)
    assert waiting_entry(run).not_before == pytest.approx(time.time() + 3600, abs=2)


@pytest.mark.parametrize("state", ["stopped", "finished"])
def test_what_ended_as_it_should_is_left(attempt, state):
    run = attempt(state)
    taken = QueueEntry(submitted=1.0, stage="taken", holder=queue_entry(run).holder)
    entry_writer.enter(run, taken)  # killed before it could say so
    size = run.events.stat().st_size
    retry.settle(run)
    assert (waiting_entry(run), queue_entry(run).stage) == (None, "left")
    assert run.events.stat().st_size == size


@pytest.mark.parametrize(("allowed", "place"), [(0, {}), (2, {"by_hand": True})])
def test_without_retries_or_started_by_hand_it_is_left_without_a_word(attempt, allowed, place):
    run = attempt("crashed", allowed=allowed, **place)
    size = run.events.stat().st_size
    retry.settle(run)
    assert (waiting_entry(run), queue_entry(run).stage) == (None, "left")
    assert run.events.stat().st_size == size


def test_what_was_asked_to_stop_and_killed_is_left(attempt):
    run = attempt("crashed")
    stop_request.ask(run, "stop-now")
    retry.settle(run)
    assert (waiting_entry(run), queue_entry(run).stage) == (None, "left")


def test_what_lives_on_another_machine_is_let_be(attempt):
    run = attempt("crashed")
    recorder = Recorder(run)
    recorder.emit(Start(time=time.time(), run=run.id, attempt=2, host="elsewhere", config=run.info().config))
    recorder.close()
    before = queue_entry(run)
    retry.settle(run)
    assert queue_entry(run) == before


def test_a_damaged_description_is_no_reason_to_try_again(attempt):
    run = attempt("crashed")
    (run.path / "run.json").write_text("{")
    before = queue_entry(run)
    retry.settle(run)
    assert queue_entry(run) == before
