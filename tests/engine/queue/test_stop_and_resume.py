"""What may be asked of a run depends on what it does."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time

import pytest

from engine.events import End, Start, decode
from engine.queue.stop_and_resume import NotAsked, request_resume, request_stop
from engine.runs import run_lock, stop_request
from engine.runs.liveness import status_of
from engine.runs.queue_entry import waiting_entry
from engine.runs.recorder import Recorder
from engine.runs.store import StoreError
from engine.system import process
from engine.system.files import last_lines
from tests.conftest import enqueue, queued


def ended(run, state):
    recorder = Recorder(run)
    recorder.emit(End(time=time.time(), run=run.id, state=state))
    recorder.close()


def test_a_queued_run_leaves_the_queue(store, tiny):
    run = queued(store, tiny, seed=0)
    assert "has left the queue" in request_stop(run, "stop-now")
    assert waiting_entry(run) is None
    assert status_of(run).state == "stopped"
    assert decode(last_lines(run.events)[-1]).reason == "taken out of the queue"


def test_a_run_that_cannot_be_asked_is_told_in_a_line(run, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(stop_request, "write_atomic", full)
    with run_lock.hold(run), pytest.raises(NotAsked, match="No space left on device"):
        request_stop(run, "stop-now")


def test_a_live_run_is_asked(run):
    with run_lock.hold(run):
        assert "after this epoch" in request_stop(run, "stop-after-epoch")
        assert stop_request.asked(run) == "stop-after-epoch"
        assert "after this step" in request_stop(run, "stop-now")
        assert stop_request.asked(run) == "stop-now"


@pytest.mark.parametrize("state", ["finished", "failed", "stopped"])
def test_what_has_ended_cannot_be_stopped(run, state):
    ended(run, state)
    with pytest.raises(StoreError, match=f"it is {state}"):
        request_stop(run, "stop-now")
    assert stop_request.asked(run) is None


@pytest.mark.parametrize("state", ["failed", "stopped"])
def test_what_has_not_finished_waits_again(run, state):
    ended(run, state)
    stop_request.ask(run, "stop-now")
    request_resume(run, "cpu")
    assert waiting_entry(run).device == "cpu"
    assert stop_request.asked(run) is None


def test_what_has_finished_cannot_be_resumed(run):
    ended(run, "finished")
    with pytest.raises(StoreError, match="only a stopped, failed or crashed run"):
        request_resume(run)


def test_what_crashed_is_resumed_while_its_worker_still_looks_at_it(run):
    recorder = Recorder(run)
    recorder.emit(Start(time=time.time(), run=run.id, attempt=1, host=process.host(), pid=2**22 + 1))
    recorder.close()
    assert status_of(run).state == "crashed"
    looking = contextlib.ExitStack()
    looking.enter_context(run_lock.hold(run))
    assert status_of(run).state == "starting"  # whoever has the lock may be about to train it
    threading.Timer(0.1, looking.close).start()
    request_resume(run)
    assert waiting_entry(run) is not None


def test_what_lives_or_waits_cannot_be_resumed(run):
    with run_lock.hold(run), pytest.raises(StoreError, match="is starting"):
        request_resume(run)
    enqueue(run)
    with pytest.raises(StoreError, match="is queued"):
        request_resume(run)
