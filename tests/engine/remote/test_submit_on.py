"""`engine submit --on`, `engine resume --on` and the bridge as processes of their own, killed where it hurts."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from engine.runs.liveness import status_of
from engine.runs.posted import posted_state, site_status
from engine.runs.posted.posting import posting_of
from engine.runs.store import Store
from engine.system import lock
from tests.engine.remote.conftest import FolderSite

CODE = "import tests.engine.remote.impatient"
SITES = '\n[sites.jz]\nslurm = "gpu"\n\n[sites.box]\nssh = "gpubox"\n'


@pytest.fixture
def jz(lab, monkeypatch):
    """A site in a folder beside a project of tiny experiments."""
    monkeypatch.setattr(posted_state, "SURE_S", 0.5)
    with (lab / "experiments.toml").open("a") as file:
        file.write(SITES)
    store = Store(lab / "runs")
    store.root.mkdir()
    site = FolderSite(store)
    yield site
    site.close()


def wait_for(what, timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_run_is_posted_looked_after_and_finishes(engine, jz):
    done = engine("submit", "tiny", "--on", "jz", "--seeds", "0,1", code=CODE)
    assert done.returncode == 0, done.stderr
    runs = jz.store.runs()
    assert done.stdout.decode().split() == [run.id for run in runs]
    wait_for(lambda: all(posting_of(run).seen is not None for run in runs))
    assert {status_of(run).state for run in runs} == {"finished"}
    wait_for(lambda: not site_status.is_looked_after(jz.store.root))
    assert (jz.store.root / ".bridge.log").read_text() == ""


@pytest.mark.slow
def test_only_posting_starts_no_bridge_and_ls_does(engine, jz):
    jz.put("full")
    engine("submit", "tiny", "--on", "jz", "--wait", code=CODE)
    (run,) = jz.store.runs()
    jz.drop("full")
    time.sleep(0.3)
    assert not site_status.is_looked_after(jz.store.root)
    assert status_of(run).reason.endswith("; nobody looks after it: `engine ls` has that done")
    assert b"nobody" not in engine("ls", code=CODE).stdout
    wait_for(lambda: posting_of(run).seen is not None)
    assert status_of(run).state == "finished"


def test_a_folder_without_posted_runs_gets_no_bridge(engine, jz):
    engine("submit", "tiny", "--wait", code=CODE)
    engine("ls", code=CODE)
    assert not (jz.store.root / ".bridge.log").exists()


@pytest.mark.slow
@pytest.mark.parametrize("where", ["slow", "slow-answer"])
def test_a_submitter_killed_between_intent_and_answer_loses_nothing(engine, jz, where):
    jz.put(where)
    submitter = engine.start("submit", "tiny", "--on", "jz", code=CODE)
    wait_for((jz.folder / "asking").exists)
    (run,) = jz.store.runs()
    assert (posting_of(run).job, status_of(run).state) == ("", "queued")
    submitter.send_signal(signal.SIGKILL)
    submitter.wait()
    jz.drop(where)
    engine("ls", code=CODE)
    wait_for(lambda: posting_of(run).seen is not None)
    assert (status_of(run).state, status_of(run).attempt) == ("finished", 1)
    assert jz.link.names() == [f"vitui-{run.id}-1"]


@pytest.mark.slow
def test_a_bridge_that_is_killed_is_followed_by_the_next(engine, jz):
    jz.plan("time time finish")
    jz.put("full")
    engine("submit", "tiny", "--on", "jz", code=CODE)
    (run,) = jz.store.runs()
    wait_for(lambda: status_of(run).reason == "Resources")
    bridge = lock.holder_of(site_status.bridge_lock(jz.store.root))
    os.kill(bridge.pid, signal.SIGKILL)
    wait_for(lambda: not site_status.is_looked_after(jz.store.root))
    jz.drop("full")
    engine("ls", code=CODE)
    wait_for(lambda: posting_of(run).seen is not None)
    assert (status_of(run).state, posting_of(run).number) == ("finished", 3)


def test_a_site_that_is_not_there_is_named(engine, jz):
    done = engine("submit", "tiny", "--on", "jy", code=CODE)
    assert done.returncode == 2
    said = done.stderr.decode()
    assert "no site 'jy'" in said
    assert "'jz'" in said
    assert jz.store.runs() == []


def test_programs_that_are_not_here_are_named(engine, jz, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    for site, program in (("jz", "sbatch"), ("box", "ssh")):
        done = engine("submit", "tiny", "--on", site)
        assert done.returncode == 2
        assert f"{site}: {program} is not installed here" in done.stderr.decode()
    assert jz.store.runs() == []


def test_a_refusal_is_said_and_leaves_no_run(engine, jz):
    jz.put("refuse", "sbatch: error: Batch job submission failed: Invalid account")
    done = engine("submit", "tiny", "--on", "jz", code=CODE)
    assert done.returncode == 2
    assert "sbatch: error: Batch job submission failed: Invalid account" in done.stderr.decode()
    assert jz.store.runs() == []


def test_what_the_queue_here_takes_is_refused_for_a_site(engine, jz):
    done = engine("submit", "tiny", "--on", "jz", "--device", "cpu", code=CODE)
    assert done.returncode == 2
    assert "--on jz: the site gives the devices" in done.stderr.decode()


def test_a_run_goes_on_at_its_site_or_comes_home(engine, jz):
    jz.plan("fail-for-good finish")
    engine("submit", "tiny", "--on", "jz", code=CODE)
    (run,) = jz.store.runs()
    wait_for(lambda: posting_of(run).seen is not None)
    assert status_of(run).state == "failed"
    done = engine("resume", run.id, "--device", "cpu", code=CODE)
    assert b"its site gives the device" in done.stderr
    done = engine("resume", run.id, code=CODE)
    assert done.stdout.decode() == f"{run.id} waits at jz, job 2\n"
    wait_for(lambda: posting_of(run).seen is not None)
    assert status_of(run).state == "finished"


@pytest.mark.slow
def test_all_that_crashed_goes_on_where_it_was(engine, jz):
    jz.plan("crash finish")
    engine("submit", "tiny", "--on", "jz", "--seeds", "0,1", code=CODE)
    runs = jz.store.runs()
    wait_for(lambda: all(posting_of(run).seen is not None for run in runs))
    assert {status_of(run).state for run in runs} == {"crashed"}
    done = engine("resume", "--all-crashed", code=CODE)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: all(status_of(run).state == "finished" for run in runs))


def test_with_json_each_run_is_one_object_that_names_its_site(engine, jz):
    jz.put("full")
    verbs = {
        "submit": ["tiny", "--on", "jz", "--wait"],
        "hold": ["s0"],
        "move": ["s0", "--first"],
        "cancel": ["s0"],
        "resume": ["s0"],
        "stop": ["s0", "--now"],
    }
    for verb, words in verbs.items():
        done = engine(verb, *words, "--json", code=CODE)
        assert done.returncode == 0, (verb, done.stderr)
        (line,) = done.stdout.splitlines()
        said = json.loads(line)
        assert (said["verb"], said["run"]) == (verb, jz.store.runs()[0].id)
        assert "jz" in said["text"]
        assert said["state"] in ("queued", "stopped")
