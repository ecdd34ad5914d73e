"""What a machine says of a run that was brought to it: over is only what is not begun anew by itself."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace

from engine.config.site import Site
from engine.events import Failure, Start
from engine.queue import retry
from engine.remote.other_machine.far_verdict import verdict_on
from engine.runs import run_lock
from engine.runs.posted.posting import Posting, Seen
from engine.runs.queue_entry import queue_entry
from engine.runs.recorder import Recorder
from engine.runs.status import ENDED
from engine.runs.store import Run
from engine.runs.trust import entry_writer
from engine.runs.trust.posted_by_user import enter_posting
from tests.conftest import queued

SITE = Site(name="gpu", slurm="gpu")


def end(run: Run, state: str) -> None:
    """Live through an attempt to its end in a state."""
    recorder = Recorder(run)
    recorder.emit(Start(time=time.time(), run=run.id, attempt=1, experiment="tiny"))
    failure = Failure(type="E", message="broken", traceback="", transient=True) if state == "failed" else None
    recorder.end(state, "broken", failure)
    recorder.close()


def taken(store, experiment, state: str) -> Run:
    """Return a run of the queue whose attempt has ended, and that no worker has looked at since."""
    run = queued(store, experiment)
    end(run, state)
    entry = queue_entry(run)
    entry_writer.change(run, entry, replace(entry, stage="taken"))
    return run


def posted(store, experiment, state: str) -> tuple[Run, Posting]:
    run = store.create(experiment, seed=0)
    posting = enter_posting(run, Posting(site=SITE, name=f"vitui-{run.id}-1", posted=time.time(), job="8"))
    end(run, state)
    return run, posting


def test_a_run_that_the_queue_has_not_decided_about_is_not_over(store, tiny):
    run = taken(store, replace(tiny, retries=1), "failed")
    verdict = verdict_on(run)
    assert (verdict.state, verdict.reason) == (
        "silent",
        "it failed (broken); whether it is begun anew there is not decided yet",
    )
    retry.settle(run, backoff_s=30)
    assert verdict_on(run).state == "queued"


def test_a_run_that_the_queue_has_left_is_over(store, tiny):
    run = taken(store, tiny, "failed")
    assert verdict_on(run).state == "silent"
    retry.settle(run)
    assert (verdict_on(run).state, verdict_on(run).reason) == ("failed", "broken")


@pytest.mark.parametrize("state", ["finished", "stopped"])
def test_a_run_that_the_queue_does_not_begin_anew_is_over_at_once(store, tiny, state):
    assert verdict_on(taken(store, tiny, state)).state == state


@pytest.mark.parametrize("state", ["failed", "stopped"])
def test_a_run_of_a_cluster_is_over_with_the_last_word_on_its_posting(store, tiny, state):
    run, posting = posted(store, tiny, state)
    assert verdict_on(run).state == "silent", "the bridge waits until it posts it anew"
    enter_posting(run, replace(posting, seen=Seen(at=time.time(), state="ended", exit="1:0")))
    assert verdict_on(run).state == state


def test_a_run_of_a_cluster_that_has_finished_is_over_at_once(store, tiny):
    run, _ = posted(store, tiny, "finished")
    assert verdict_on(run).state == "finished"


def test_a_posting_that_no_bridge_looks_after_is_over(store, tiny):
    run, posting = posted(store, tiny, "failed")
    (run.path / "posted.json").write_bytes(
        (run.path / "posted.json").read_bytes().replace(posting.proof.encode(), b"0" * len(posting.proof))
    )
    assert verdict_on(run).state == "failed"


def test_a_run_whose_process_has_not_let_it_go_is_not_over(store, tiny):
    run = taken(store, tiny, "finished")
    with run_lock.hold(run):
        assert verdict_on(run).state not in ENDED
