"""The seven rules by which a posted run is judged, each at its edges, and what holds for all of them."""

from __future__ import annotations

import time
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.config.site import Site
from engine.queue.move_and_hold import put_back, require_resumable
from engine.queue.worker import Worker
from engine.runs import run_lock
from engine.runs.heartbeat_and_silence import SILENCE_S
from engine.runs.liveness import status_of
from engine.runs.posted import site_status
from engine.runs.posted.posted_state import FRESH_S, SURE_S, judge_posted
from engine.runs.posted.posting import DAMAGED_POSTING, JobState, Posting, Seen, posting_of, write_posting
from engine.runs.posted.site_status import SiteStatus
from engine.runs.queue_entry import QueueEntry, Stage, write_entry
from engine.runs.status import ENDED, Status
from engine.runs.store import StoreError
from engine.sites.local_devices import LocalDevices
from engine.system.lock import Holder
from tests.conftest import queued

NOW = 1_000_000.0
JZ = Site(name="jz", slurm="gpu")
POSTED = Posting(site=JZ, name="vitui-x-1", posted=NOW - 1000, job="8")


def status(state: str = "queued", *, attempt: int = 0, heard: float = 1000.0, ended: float = 0.0) -> Status:
    return Status(run="x", state=state, attempt=attempt, heartbeat=NOW - heard, ended=ended)


def seen(state: str, *, age: float = 5.0, since: float = 500.0, **more) -> Seen:
    return Seen(state=state, at=NOW - age, since=NOW - since, **more)


WAITS = status()
BEGUN = status("running", attempt=1)
BEATS = status("running", attempt=1, heard=10)
STOPPED = status("stopped", attempt=1, heard=30, ended=NOW - 30)


@pytest.mark.parametrize(
    ("of_events", "word", "state", "reason"),
    [
        # a job that waits, seen after the last end
        (WAITS, seen("pending", reason="Resources"), "queued", "Resources"),
        (STOPPED, seen("pending", reason="begun anew at 11:28"), "queued", "begun anew at 11:28"),
        (STOPPED, seen("pending", age=31), "stopped", None),
        (STOPPED, seen("pending", age=FRESH_S + 1), "stopped", None),
        # an end of an attempt since it was posted; one from before says nothing
        (STOPPED, seen("running"), "stopped", None),
        (STOPPED, seen("ended", exit="3:0"), "stopped", None),
        (status("failed", attempt=1, ended=NOW - 30), None, "failed", None),
        (status("failed", attempt=0, ended=NOW - 2000), None, "queued", "posted 17 min ago, jz has not been asked yet"),
        (status("failed", attempt=0, ended=NOW - 30), seen("running"), "failed", None),
        # a heartbeat
        (BEATS, None, "running", None),
        (BEATS, seen("gone"), "running", None),
        (status("running", attempt=1, heard=-SILENCE_S - 1), None, "silent", "posted 17 min ago"),
        # what the site said of late
        (WAITS, seen("running", node="n17"), "starting", "its job began on n17"),
        (WAITS, seen("unknown"), "queued", "jz does not know its state"),
        (WAITS, seen("gone", since=59), "queued", "job 8 is no longer there; jz is asked again"),
        (WAITS, seen("ended", since=59, exit="1:0"), "queued", "job 8 is over: 1:0; jz is asked again"),
        (BEGUN, seen("running", node="n17"), "silent", "jz says it runs on n17, nothing heard for 17 min"),
        (BEGUN, seen("ending"), "silent", "jz says it runs, nothing heard for 17 min"),
        (BEGUN, seen("gone", since=59), "silent", "job 8 is no longer there; jz is asked again"),
        # a job that is over for a minute of looks, without an end
        (BEGUN, seen("gone", since=5 + SURE_S), "crashed", "jz no longer has job 8, and it left no word"),
        (BEGUN, seen("ended", since=5 + SURE_S, exit="OUT_OF_MEMORY"), "crashed", "jz ended job 8: OUT_OF_MEMORY"),
        (WAITS, seen("ended", since=5 + SURE_S, exit="CANCELLED"), "crashed", "jz ended job 8: CANCELLED"),
        (WAITS, seen("refused", reason="Invalid account"), "failed", "Invalid account"),
        (WAITS, seen("refused", age=9999, since=9999), "queued", "posted 17 min ago, jz has not been asked yet"),
        # the last that is known, with its age
        (WAITS, None, "queued", "posted 17 min ago, jz has not been asked yet"),
        (WAITS, seen("pending", age=720), "queued", "jz was heard 12 min ago"),
        (WAITS, seen("running", age=720), "starting", "jz was heard 12 min ago"),
        (BEGUN, seen("running", age=720), "silent", "jz was heard 12 min ago"),
        # before all
        (status("finished", attempt=1), seen("ended", exit="TIMEOUT"), "finished", None),
    ],
)  # fmt: skip
def test_rules(of_events, word, state, reason):
    judged = judge_posted(of_events, POSTED, word, NOW)
    assert judged.state == state
    assert (judged.reason or "").startswith(reason or "")
    assert (judged.reason is None) == (reason is None)


def test_a_word_from_before_it_was_posted_anew_is_about_the_job_before():
    anew = replace(POSTED, posted=NOW - 2, number=2, attempts=1)
    ended = status("failed", attempt=1, ended=NOW - 300)
    judged = judge_posted(ended, anew, seen("ended", age=5, exit="1:0"), NOW)
    assert judged.state == "queued"


def test_nothing_lives_after_the_last_word():
    left = replace(POSTED, seen=seen("ended", since=100))
    assert judge_posted(BEATS, left, left.seen, NOW).state == "crashed"


def test_a_site_whose_clock_is_ahead_is_not_from_the_future():
    ahead = status("running", attempt=1, heard=-300)
    assert judge_posted(ahead, POSTED, None, NOW).state == "silent"
    assert judge_posted(ahead, POSTED, None, NOW, clock_ahead_s=300).state == "running"


def test_a_damaged_posting_is_never_judged_by_its_events():
    assert judge_posted(BEATS, DAMAGED_POSTING, None, NOW).state == "silent"
    assert judge_posted(status("finished"), DAMAGED_POSTING, None, NOW).state == "finished"


AGES = st.floats(-200, 2000)
WORDS = st.none() | st.builds(
    lambda state, age, since, text: Seen(state=state, at=NOW - age, since=NOW - age - since, exit=text),
    st.sampled_from(get_args(JobState)), AGES, st.floats(0, 2000), st.sampled_from(["", "TIMEOUT", "3:0"]),
)  # fmt: skip
STATUSES = st.builds(
    lambda state, attempt, heard, ended: Status(
        run="x", state=state, attempt=attempt, heartbeat=NOW - heard,
        ended=NOW - ended if state in ENDED else 0.0,
    ),
    st.sampled_from(["queued", "running", "finished", "failed", "stopped"]), st.integers(0, 3), AGES, AGES,
)  # fmt: skip
POSTINGS = st.builds(
    lambda posted, attempts, job, last: Posting(
        site=JZ, name="n", posted=NOW - posted, attempts=attempts, job=job, seen=last
    ),
    AGES, st.integers(0, 3), st.sampled_from(["", "8"]), st.none(),
)  # fmt: skip


@given(STATUSES, POSTINGS, WORDS)
def test_nothing_crashes_before_it_is_sure(of_events, posting, word):
    judged = judge_posted(of_events, posting, word, NOW)
    if judged.state == "crashed":
        assert word is not None
        assert word.state in ("ended", "gone")
        assert word.at - max(word.since, posting.posted) >= SURE_S
    if of_events.state == "finished":
        assert judged.state == "finished"
    if judged.state in ("failed", "stopped"):
        told = of_events.state == judged.state
        assert told or (word is not None and word.state == "refused")
    if word is None:
        assert judged.state != "crashed"


@pytest.fixture(scope="module")
def machine_without_gpus():
    devices = LocalDevices("cpu:1")
    yield devices
    devices.close()


def holder(host: str) -> Holder:
    return Holder(pid=1, started=0.0, boot="b", host=host, space="s")


@pytest.mark.parametrize("stage", get_args(Stage))
@pytest.mark.parametrize("host", ["", "elsewhere"])
def test_no_worker_starts_a_posted_run_whatever_its_queue_entry_says(
    store, tiny, machine_without_gpus, stage, host
):
    run = queued(store, tiny)
    write_entry(run, QueueEntry(
        submitted=time.time(), stage=stage, attempts=0, holder=holder(host) if stage == "taken" else None,
    ))  # fmt: skip
    write_posting(run, Posting(site=JZ, name="n", posted=time.time()))
    worker = Worker(store, machine_without_gpus, 0.0)
    assert worker.turn()
    assert worker.started == 0
    assert status_of(run).state == "queued"
    with pytest.raises(StoreError, match="is queued: only a"):
        require_resumable(run, status_of(run))


def test_a_run_taken_back_is_this_folders_own(store, tiny):
    run = queued(store, tiny)
    now = time.time()
    write_entry(run, QueueEntry(submitted=now, stage="left", attempts=0))
    word = Seen(at=now, since=now - 100, state="ended", exit="1:0")
    write_posting(run, Posting(site=JZ, name="n", posted=now - 200, job="8", seen=word))
    assert status_of(run).state == "crashed"
    put_back(run)
    assert (posting_of(run), status_of(run).state) == (None, "queued")


def test_a_process_that_has_the_lock_is_believed_before_its_site(store, tiny):
    run = queued(store, tiny)
    now = time.time()
    write_posting(run, Posting(site=JZ, name="n", posted=now - 200, job="8"))
    word = Seen(at=now, since=now - 100, state="gone")
    site_status.publish(store.root, SiteStatus(site=JZ, at=now, runs={run.id: word}))
    assert status_of(run).state == "crashed"
    with run_lock.hold(run):
        assert status_of(run).state == "starting"


def test_files_of_sites_are_found_by_any_name(store):
    for name in ("jz", "slurm:*", "host:gpu@box", "slurm:a,b"):
        site_status.publish(store.root, SiteStatus(site=Site(name=name, slurm="gpu"), at=1.0))
        assert site_status.read(store.root, name).at == 1.0
    found = {status.site.name for status in site_status.read_all(store.root)}
    assert found == {"jz", "slurm:*", "host:gpu@box", "slurm:a,b"}
