"""What follows from a look at a posted run, for each way in which its job and its attempt can end."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace

from engine.config.site import Site
from engine.remote.post_again_or_leave import next_step
from engine.runs import stop_request
from engine.runs.posted.posting import Posting, Seen
from engine.runs.status import Status
from engine.runs.stop_request import TIME_NEARLY_UP

NOW = time.time()
JZ = Site(name="jz", slurm="gpu")
POSTED = Posting(site=JZ, name="vitui-x-1", posted=NOW - 1000, job="8")


def status(
    state: str, reason: str = "", *, attempt: int = 1, first: int = 0, checkpoint: int | None = 10
) -> Status:
    return Status(
        run="x", state=state, reason=reason, attempt=attempt, first_step=first, checkpoint=checkpoint,
        ended=NOW - 300,
    )  # fmt: skip


def seen(state: str, how: str = "", *, since: float = 200.0, at: float = NOW) -> Seen:
    return Seen(state=state, at=at, since=at - since, exit=how)


NEARLY = f"{TIME_NEARLY_UP} at epoch 1"


@pytest.mark.parametrize(
    ("of_run", "word", "retries", "failures", "do"),
    [
        # the site has it, or says nothing, or speaks of the job before
        (status("running"), seen("running"), 1, 0, "wait"),
        (status("stopped"), seen("pending"), 1, 0, "wait"),
        (status("failed"), seen("unknown"), 1, 0, "wait"),
        (status("failed"), None, 1, 0, "wait"),
        (status("failed"), seen("ended", at=NOW - 2000), 1, 0, "wait"),
        # over
        (status("finished"), seen("ended", "TIMEOUT"), 1, 0, "leave"),
        (status("finished"), seen("gone", since=0), 1, 0, "leave"),
        (status("running"), seen("ended", "1:0", since=0), 1, 0, "wait"),
        # time
        (status("stopped", NEARLY), seen("ended", "75:0", since=0), 0, 0, "post anew"),
        (status("stopped", NEARLY), seen("gone", since=10), 0, 0, "wait"),
        (status("stopped", NEARLY), seen("gone", since=60), 0, 0, "post anew"),
        (status("stopped", "stopped by SIGTERM at epoch 1"), seen("ended", "PREEMPTED"), 0, 0, "post anew"),
        (status("stopped", "stopped by SIGTERM at epoch 1"), seen("ended", "TIMEOUT"), 0, 0, "post anew"),
        (status("crashed"), seen("ended", "TIMEOUT"), 0, 0, "post anew"),
        (status("stopped", NEARLY, first=10), seen("ended", "75:0"), 0, 0, "leave"),
        (status("stopped", NEARLY, first=10), seen("ended", "75:0"), 1, 0, "post anew"),
        (status("stopped", NEARLY, first=10), seen("ended", "75:0"), 1, 1, "leave"),
        (status("crashed", checkpoint=None), seen("ended", "TIMEOUT"), 0, 0, "leave"),
        # stopped or cancelled by people
        (status("stopped", "stopped on request"), seen("ended", "3:0"), 5, 0, "leave"),
        (status("stopped", "stopped by SIGTERM at epoch 1"), seen("ended", "CANCELLED"), 5, 0, "leave"),
        (status("crashed"), seen("ended", "CANCELLED"), 5, 0, "leave"),
        (status("queued", attempt=0), seen("ended", "CANCELLED", since=0), 5, 0, "leave"),
        # retries
        (status("failed"), seen("ended", "1:0", since=100), 0, 0, "leave"),
        (status("failed"), seen("ended", "1:0", since=100), 2, 1, "post anew"),
        (status("failed"), seen("ended", "1:0", since=100), 2, 2, "leave"),
        (status("failed"), seen("ended", "1:0", since=5), 2, 0, "wait"),
        (status("crashed"), seen("ended", "OUT_OF_MEMORY", since=100), 1, 0, "post anew"),
        (status("crashed"), seen("ended", "NODE_FAIL", since=100), 0, 0, "leave"),
    ],
)  # fmt: skip
def test_steps(store, tiny, of_run, word, retries, failures, do):
    run = store.create(replace(tiny, retries=retries), seed=0)
    assert next_step(run, of_run, replace(POSTED, failures=failures), word).do == do


@pytest.mark.parametrize(
    ("word", "age", "do"),
    [
        (seen("gone"), 59, "wait"),
        (seen("gone"), 60, "ask again"),
        (seen("pending"), 600, "wait"),
        (seen("unknown"), 600, "wait"),
    ],
)
def test_what_did_not_arrive_is_asked_for_again_after_a_minute(run, word, age, do):
    waits = status("queued", attempt=0)
    assert next_step(run, waits, replace(POSTED, job="", posted=NOW - age), word).do == do


def test_a_run_that_was_asked_to_stop_is_not_begun_anew(store, tiny):
    run = store.create(replace(tiny, retries=3), seed=0)
    stop_request.ask(run, "stop-now")
    assert next_step(run, status("crashed"), POSTED, seen("ended", "0:9")).do == "leave"


def test_what_takes_a_retry_is_said(store, tiny):
    run = store.create(replace(tiny, retries=1), seed=0)
    failed = next_step(run, status("failed"), POSTED, seen("ended", "1:0"))
    assert (failed.is_failure, failed.words) == (
        True,
        "it failed; the queue begins it anew in 30 s, for time 1 of 1",
    )
    timed = next_step(run, status("stopped", NEARLY), POSTED, seen("ended", "75:0"))
    assert (timed.is_failure, timed.words) == (False, "its time was up: it is posted anew, for time 2")
    stuck = next_step(
        run, status("stopped", NEARLY, first=10), replace(POSTED, failures=1), seen("ended", "75:0")
    )
    assert "before it got further than the time before" in stuck.words


def test_what_was_asked_after_its_time_was_up_is_heard(store, tiny):
    run = store.create(tiny, seed=0)
    stop_request.ask(run, "stop-after-epoch")
    assert next_step(run, status("stopped", NEARLY), POSTED, seen("ended", "75:0")).do == "leave"


@pytest.mark.parametrize("state", ["failed", "stopped", "crashed"])
def test_what_is_over_at_a_site_over_ssh_is_left_at_once(store, tiny, state):
    run = store.create(replace(tiny, retries=3), seed=0)
    far = replace(POSTED, site=Site(name="box", ssh="box", slurm="gpu"))
    assert next_step(run, status(state), far, seen("ended", since=0)).do == "leave"
    assert next_step(run, status(state), far, seen("unknown")).do == "wait"
