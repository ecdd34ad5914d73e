"""What may be asked of a run depends on what it does."""

from __future__ import annotations

import time

import pytest

from engine.events import End, decode
from engine.queue.requests import request_resume, request_stop
from engine.runs.recorder import Recorder
from engine.runs.status import status_of
from engine.runs.store import StoreError
from engine.system.files import last_lines


def ended(run, state):
    recorder = Recorder(run)
    recorder.emit(End(time=time.time(), run=run.id, state=state))
    recorder.close()


def test_a_queued_run_leaves_the_queue(store, tiny):
    run = store.create(tiny, seed=0, queued=True)
    assert "has left the queue" in request_stop(run, "stop-now")
    assert run.ticket() is None
    assert status_of(run).state == "stopped"
    assert decode(last_lines(run.events)[-1]).reason == "taken out of the queue"


def test_a_live_run_is_asked(run):
    with run.hold():
        assert "after this epoch" in request_stop(run, "stop-after-epoch")
        assert run.asked() == "stop-after-epoch"
        assert "after this step" in request_stop(run, "stop-now")
        assert run.asked() == "stop-now"


@pytest.mark.parametrize("state", ["finished", "failed", "stopped"])
def test_what_has_ended_cannot_be_stopped(run, state):
    ended(run, state)
    with pytest.raises(StoreError, match=f"it is {state}"):
        request_stop(run, "stop-now")
    assert run.asked() is None


@pytest.mark.parametrize("state", ["failed", "stopped"])
def test_what_has_not_finished_waits_again(run, state):
    ended(run, state)
    run.ask("stop-now")
    request_resume(run, "cpu")
    assert run.ticket().device == "cpu"
    assert run.asked() is None


def test_what_has_finished_cannot_be_resumed(run):
    ended(run, "finished")
    with pytest.raises(StoreError, match="only a stopped, failed or crashed run"):
        request_resume(run)


def test_what_lives_or_waits_cannot_be_resumed(run):
    with run.hold(), pytest.raises(StoreError, match="is starting"):
        request_resume(run)
    run.enqueue()
    with pytest.raises(StoreError, match="is queued"):
        request_resume(run)
