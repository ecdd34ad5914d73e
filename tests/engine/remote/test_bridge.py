"""The bridge looks after posted runs at a real site in a folder, whose jobs are real processes."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engine.queue.notifier import Notifier, Pace
from engine.runs.liveness import status_of
from engine.runs.posted import site_status
from engine.runs.posted.posting import FILE, posting_of
from engine.system import lock
from tests.engine.notifications.notification_server import told
from tests.engine.remote.conftest import FolderSite

__all__ = ["told"]  # a fixture

QUICK = Pace(look_s=0.02, first_pause_s=0.05, linger_s=5.0)


def test_a_posted_run_finishes_and_the_last_word_is_kept(jz, tiny):
    (run,) = jz.submit(tiny)
    jz.serve_to_end()
    posting = posting_of(run)
    assert status_of(run).state == "finished"
    assert (posting.job, posting.number, posting.seen.exit) == ("1", 1, "0:0")


def test_time_that_is_up_is_no_failure_and_goes_on_until_it_is_done(jz, tiny):
    jz.plan("time time finish")
    (run,) = jz.submit(tiny)
    jz.serve_to_end()
    status, posting = status_of(run), posting_of(run)
    assert (status.state, status.attempt, status.checkpoint) == ("finished", 3, 30)
    assert (posting.number, posting.failures) == (3, 0)
    assert jz.link.names() == [f"vitui-{run.id}-{n}" for n in (1, 2, 3)]


def test_a_run_that_failed_is_posted_anew_as_often_as_its_retries_say(jz, tiny):
    jz.plan("fail")
    (run,) = jz.submit(replace(tiny, retries=2))
    jz.serve_to_end()
    status, posting = status_of(run), posting_of(run)
    assert (status.state, status.attempt) == ("failed", 3)
    assert (posting.number, posting.failures) == (3, 2)


def test_a_run_that_would_fail_again_is_left(jz, tiny):
    jz.plan("fail-for-good finish")
    (run,) = jz.submit(replace(tiny, retries=2))
    jz.serve_to_end()
    assert (status_of(run).state, posting_of(run).number) == ("failed", 1)
    assert b"would fail again" in run.events.read_bytes()


def test_a_crashed_run_is_posted_anew_once_it_is_sure(jz, tiny):
    jz.plan("crash finish")
    (run,) = jz.submit(replace(tiny, retries=1))
    jz.serve_to_end()
    assert (status_of(run).state, posting_of(run).number) == ("finished", 2)


def test_a_crash_without_retries_is_left_as_crashed(jz, tiny):
    jz.plan("crash")
    (run,) = jz.submit(tiny)
    jz.serve_to_end()
    status = status_of(run)
    assert (status.state, status.reason) == ("crashed", "jz ended job 1: 0:9")


def test_an_answer_that_is_lost_is_found_by_the_name(jz, tiny):
    jz.put("deaf")
    (run,) = jz.submit(tiny)
    assert posting_of(run).job == ""
    jz.serve_to_end()
    assert (status_of(run).state, posting_of(run).job) == ("finished", "1")
    assert jz.link.names() == [f"vitui-{run.id}-1"]


def test_what_never_arrived_is_asked_for_again_by_the_same_name(jz, tiny):
    jz.put("down")
    (run,) = jz.submit(tiny)
    assert status_of(run).state == "queued"
    jz.drop("down")
    jz.serve_to_end()
    assert (status_of(run).state, posting_of(run).job) == ("finished", "1")
    assert jz.link.names() == [f"vitui-{run.id}-1"]


def test_a_site_that_is_away_says_why_and_no_run_fails(jz, tiny):
    jz.put("full")
    (run,) = jz.submit(tiny)
    jz.put("down")
    jz.serve_until(lambda: bool(read(jz) and read(jz).trouble))
    assert read(jz).trouble.startswith("since ")
    assert "jz is down" in read(jz).trouble
    assert status_of(run).state == "queued"
    (new,) = jz.submit(tiny)
    with lock.hold(site_status.bridge_lock(jz.store.root), 1):
        assert status_of(new).reason == f"not known yet whether it arrived; {read(jz).trouble}"
    jz.drop("down")
    jz.drop("full")
    jz.serve_to_end()
    assert (status_of(run).state, read(jz).trouble) == ("finished", "")


def test_a_refusal_of_a_further_posting_is_its_last_word(jz, tiny):
    jz.plan("time finish")
    jz.put("full")
    (run,) = jz.submit(tiny)
    jz.put("refuse", "sbatch: error: your time is over")
    jz.drop("full")
    jz.serve_to_end()
    status = status_of(run)
    assert (status.state, status.reason) == ("failed", "jz refuses it: sbatch: error: your time is over")


def test_the_time_since_when_a_site_says_the_same_is_kept(jz, tiny):
    jz.put("full")
    (run,) = jz.submit(tiny)
    jz.serve_until(lambda: read(jz) is not None and run.id in read(jz).runs)
    first = read(jz).runs[run.id]
    jz.serve_until(lambda: read(jz).runs[run.id].at > first.at)
    assert read(jz).runs[run.id].since == first.since


@pytest.mark.slow
def test_a_slow_site_holds_up_no_other(jz, tiny):
    slow = FolderSite(jz.store, "slow")
    slow.put("slow-look")
    (stuck,), (run,) = slow.submit(tiny), jz.submit(tiny)
    jz.serve_until(lambda: posting_of(run).seen is not None)
    assert posting_of(stuck).seen is None
    slow.drop("slow-look")
    jz.serve_to_end()
    assert status_of(stuck).state == "finished"


def test_another_users_posting_is_left_alone(jz, tiny, tmp_path, monkeypatch):
    jz.put("full")
    (run,) = jz.submit(tiny)
    before = (run.path / FILE).read_bytes()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another"))
    jz.serve_to_end()
    assert (run.path / FILE).read_bytes() == before
    assert read(jz) is None


def read(jz):
    return site_status.read(jz.store.root, "jz")


def test_the_end_of_a_run_at_a_site_is_told_by_the_bridge_once(jz, tiny, told, tmp_path):
    config = tmp_path / "experiments.toml"
    config.write_text(f'[notify]\nurl = "{told.address}"\n')
    jz.plan("fail finish")
    (run,) = jz.submit(replace(tiny, retries=1))
    jz.serve_to_end(Notifier(jz.store, config, of_sites=True, pace=QUICK))
    assert told.told == [(run.id, "finished")]
    assert told.messages[0]["on"] == "jz"
    here = Notifier(jz.store, config, pace=QUICK)
    here.rest(0, 0)
    here.close()
    assert len(told.messages) == 1
