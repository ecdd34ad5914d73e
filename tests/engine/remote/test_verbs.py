"""What is asked of a run goes to the site that has it, and comes back in words."""

from __future__ import annotations

import json
import time

import pytest

from engine.config.site import Site
from engine.remote import verbs
from engine.runs.liveness import status_of
from engine.runs.posted.posting import FILE, posting_of
from engine.runs.queue_entry import waiting_entry
from engine.runs.store import StoreError
from engine.runs.trash import throw_away
from engine.sites.ssh_command import SiteError, Unreachable
from tests.conftest import queued


def asked(jz) -> list[str]:
    return (jz.folder / "asked").read_text().splitlines()


@pytest.fixture
def waiting(jz, tiny):
    """A run that waits at a site, seen there."""
    jz.put("full")
    (run,) = jz.submit(tiny)
    jz.serve_until(lambda: status_of(run).reason == "Resources")
    return run


@pytest.fixture
def hanging(jz, tiny):
    """A run that runs at a site until it is asked to stop."""
    jz.plan("hang finish")
    (run,) = jz.submit(tiny)
    jz.serve_until(lambda: status_of(run).state == "running")
    return run


def test_a_run_that_waits_there_is_held_moved_and_let_go(jz, waiting, tiny):
    assert verbs.hold(waiting) == f"{waiting.id} at jz: hold at jz"
    verbs.hold(waiting, release=True)
    verbs.prioritize(waiting, -5)
    verbs.move(jz.store, waiting, "first")
    name = posting_of(waiting).name
    assert asked(jz) == [f"hold {name}", f"release {name}", f"priority {name} -5", f"move {name} first"]


def test_a_run_that_waits_there_is_cancelled_and_nothing_begins_it(jz, waiting):
    assert verbs.request_stop(waiting, "stop-now") == f"{waiting.id} has left the queue of jz: cancel at jz"
    jz.drop("full")
    jz.serve_to_end()
    status = status_of(waiting)
    assert (status.state, status.reason) == ("stopped", "taken out of the queue of jz")
    assert posting_of(waiting).seen.exit == "CANCELLED"


def test_a_job_cancelled_behind_our_back_is_a_run_that_was_stopped(jz, waiting):
    jz.link.ask(waiting, posting_of(waiting), "cancel")
    jz.serve_to_end()
    status = status_of(waiting)
    assert (status.state, status.reason) == ("stopped", "its job was cancelled at jz")


def test_a_run_that_runs_there_is_asked_first_and_its_job_cancelled_then(jz, hanging):
    said = verbs.request_stop(hanging, "stop-after-epoch")
    assert said.endswith(
        "will stop after this epoch, with a checkpoint; asked again, its job is cancelled at jz"
    )
    jz.serve_to_end()
    assert status_of(hanging).state == "stopped"
    with pytest.raises(StoreError, match="does not run: it is stopped"):
        verbs.request_stop(hanging, "stop-now")


def test_a_run_that_does_not_hear_has_its_job_cancelled(jz, tiny):
    jz.plan("deaf finish")
    (run,) = jz.submit(tiny)
    jz.serve_until(lambda: status_of(run).state == "running")
    verbs.request_stop(run, "stop-now")
    assert "it had been asked to stop before" in verbs.request_stop(run, "stop-now")
    assert asked(jz) == [f"cancel {posting_of(run).name}"]


def test_force_cancels_the_job_and_waits_for_its_end(jz, hanging, monkeypatch):
    monkeypatch.setattr(verbs, "POLL_S", 0.02)
    said: list[str] = []
    assert "is stopped: by SIGTERM" in verbs.force_stop(hanging, said.append, patience_s=10)
    assert said == [f"{hanging.id} at jz: cancel at jz"]


def test_a_stopped_run_goes_on_at_its_site_and_keeps_its_name_apart(jz, hanging):
    verbs.request_stop(hanging, "stop-now")
    jz.serve_to_end()
    assert verbs.request_resume(hanging, settings=["batch_size=16"]) == f"{hanging.id} waits at jz, job 2"
    posting = posting_of(hanging)
    assert (posting.number, posting.attempts, posting.settings) == (2, 1, ["batch_size=16"])
    assert status_of(hanging).state in ("queued", "starting", "running")
    jz.serve_to_end()
    assert (status_of(hanging).state, status_of(hanging).attempt) == ("finished", 2)


def test_a_run_goes_to_another_site_and_home(jz, hanging, tiny):
    verbs.request_stop(hanging, "stop-now")
    jz.serve_to_end()
    other = Site(name="other", slurm="cpu")
    (jz.folder.parent / "other").mkdir()
    (jz.folder.parent / "other" / "full").touch()
    verbs.request_resume(hanging, on=other)
    assert (posting_of(hanging).site.name, posting_of(hanging).number) == ("other", 2)
    with pytest.raises(StoreError, match="queued: only a stopped, failed or crashed run"):
        verbs.take_home(hanging)
    verbs.cancel(hanging)
    verbs.take_home(hanging)
    assert posting_of(hanging) is None
    verbs.request_resume(hanging)
    assert waiting_entry(hanging) is not None


def test_a_run_whose_job_lives_goes_nowhere(jz, hanging):
    """It has stopped, and Slurm is about to begin it anew: the last word on it is old."""
    verbs.request_stop(hanging, "stop-now")
    while status_of(hanging).state != "stopped":
        time.sleep(0.02)
    job = jz.link.jobs / "1"
    while not (job / "exit").exists():
        time.sleep(0.02)
    jz.put("full")
    (job / "exit").unlink()
    said = json.loads((job / "job.json").read_text())
    (job / "job.json").write_text(json.dumps({key: said[key] for key in ("name", "run", "hold")}))
    for go in (lambda: verbs.request_resume(hanging), lambda: verbs.take_home(hanging)):
        with pytest.raises(StoreError, match="jz still has its job 1: `engine stop --force"):
            go()


def test_a_local_run_goes_to_a_site_and_the_worker_leaves_it(jz, tiny):
    run = queued(jz.store, tiny)
    verbs.cancel(run)
    jz.put("full")
    verbs.request_resume(run, on=jz.site)
    assert waiting_entry(run) is None
    assert status_of(run).state == "queued"


def test_what_a_site_has_is_not_thrown_away(jz, waiting):
    assert "engine stop" in verbs.why_not_thrown_away(waiting, force=True)
    verbs.cancel(waiting)
    assert verbs.why_not_thrown_away(waiting) == ""
    throw_away(jz.store, waiting)


def test_a_site_that_is_away_changes_nothing(jz, waiting):
    jz.put("down")
    before = (waiting.path / FILE).read_bytes()
    for go in (verbs.hold, verbs.cancel, lambda run: verbs.prioritize(run, 1)):
        with pytest.raises(Unreachable, match="jz is down"):
            go(waiting)
    assert (waiting.path / FILE).read_bytes() == before
    assert status_of(waiting).state == "queued"


def test_a_refused_resume_is_said_and_kept(jz, hanging):
    verbs.request_stop(hanging, "stop-now")
    jz.serve_to_end()
    jz.put("refuse", "sbatch: error: Invalid account")
    with pytest.raises(SiteError, match=r"jz does not take .*Invalid account"):
        verbs.request_resume(hanging)
    status = status_of(hanging)
    assert (status.state, status.reason) == ("failed", "sbatch: error: Invalid account")
    jz.drop("refuse")
    verbs.request_resume(hanging)
    jz.serve_to_end()
    assert status_of(hanging).state == "finished"


def test_a_damaged_posting_is_told_of(jz, waiting):
    (waiting.path / FILE).write_text("{")
    assert status_of(waiting).state == "silent"
    with pytest.raises(StoreError, match=r"posted.json is damaged: see `engine doctor`"):
        verbs.request_stop(waiting, "stop-now")


def test_local_runs_are_asked_as_ever(store, tiny):
    run = queued(store, tiny)
    assert verbs.hold(run).startswith(f"{run.id} is held")
    assert verbs.request_stop(run, "stop-now") == f"{run.id} has left the queue"


def test_a_run_of_a_site_that_is_gone_is_taken_over(jz, waiting):
    jz.put("down")
    with pytest.raises(StoreError, match="is queued: only a"):
        verbs.take_home(waiting)
    verbs.take_home(waiting, takeover=True)
    assert posting_of(waiting) is None


def test_a_run_that_a_process_here_has_is_not_taken_over(jz, hanging, monkeypatch):
    monkeypatch.setattr("engine.runs.run_lock.HOLD_TIMEOUT_S", 0.1)
    jz.put("down")
    with pytest.raises(StoreError, match="is being trained by another process"):
        verbs.take_home(hanging, takeover=True)


def test_a_site_that_answers_is_heeded(jz, hanging):
    with pytest.raises(StoreError, match="jz still has its job 1"):
        verbs.take_home(hanging, takeover=True)
