"""What a user does with runs on a real Slurm by the commands, and what the bridge makes of what happens there."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.runs.liveness import status_of
from engine.runs.posted import site_status
from engine.runs.posted.posting import posting_of
from engine.runs.status import Status
from engine.runs.store import Run, Store
from engine.system import lock
from tests.conftest import ROOT, Engine
from tests.engine.sites.slurm_cluster import Cluster

pytestmark = [pytest.mark.sites, pytest.mark.slow]
STEPS = ROOT / "tests" / "steps.py"
EXPERIMENTS = f"""
[experiments.short]
command = ["{sys.executable}", "{STEPS}", "3", "0.1"]

[experiments.long]
command = ["{sys.executable}", "{STEPS}", "600", "0.2"]

[experiments.fails]
command = ["{sys.executable}", "{STEPS}", "3", "0.1", "2"]
retries = 1

[sites.spare]
slurm = "spare"
time = "5"

[sites.brief]
slurm = "spare"
time = "1"
notice = 50
extra = ["--no-requeue"]
"""


class Lab:
    """A project whose runs go to the cluster."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.store = Store(folder / "runs")
        self._engine = engine

    def __call__(self, *words: str, code: int = 0) -> str:
        """Run a command; return all that it prints."""
        done = self._engine(*words)
        said = (done.stdout + done.stderr).decode()
        assert done.returncode == code, said
        return said

    def submit(self, *words: str) -> list[Run]:
        return [self.store.find(name) for name in self("submit", *words).split()]

    def wait(self, run: Run, what: Callable[[Status], bool], seconds: float = 40) -> Status:
        deadline = time.monotonic() + seconds
        while not what(status := status_of(run)):
            assert time.monotonic() < deadline, (status, posting_of(run), run.console.read_text()[-2000:])
            time.sleep(0.05)
        return status

    def until(self, run: Run, state: str, seconds: float = 40) -> Status:
        return self.wait(run, lambda status: status.state == state, seconds)

    def kill_bridge(self) -> None:
        if (holder := lock.holder_of(site_status.bridge_lock(self.store.root))) is not None:
            os.kill(holder.pid, signal.SIGKILL)


@pytest.fixture
def lab(tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, engine: Engine):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "experiments.toml").write_text(EXPERIMENTS)
    engine.folder = tmp_path
    lab = Lab(tmp_path, engine)
    yield lab
    lab.kill_bridge()


def taken(cluster: Cluster) -> str:
    """Have another program take all GPUs, and return its job."""
    job = cluster.sbatch("-p", "main", "--gres=gpu:2", "--nodes=2", "--time=5")
    deadline = time.monotonic() + 20
    while cluster.say("squeue", "-h", "-j", job, "-o", "%T").strip() != "RUNNING":
        assert time.monotonic() < deadline, cluster.say("squeue")
        time.sleep(0.1)
    return job


def test_seeds_are_posted_finish_and_the_bridge_goes(lab: Lab):
    runs = lab.submit("short", "--seeds", "0,1", "--on", "spare")
    for run in runs:
        lab.until(run, "finished")
        lab.wait(run, lambda _, run=run: posting_of(run).seen is not None)
    deadline = time.monotonic() + 10
    while site_status.is_looked_after(lab.store.root):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "every run is well" in lab("doctor")


def test_the_verbs_of_a_run_that_waits(lab: Lab, cluster: Cluster):
    blocks = taken(cluster)
    (run,) = lab.submit("long", "--on", "spare")
    lab.wait(run, lambda status: "(" in status.reason)
    assert "is held" in lab("hold", run.id)
    lab.wait(run, lambda status: "JobHeldUser" in status.reason)
    assert "waits for its turn again" in lab("hold", "--release", run.id)
    assert "is before your others" in lab("move", run.id, "--first")
    assert "is behind your others" in lab("move", run.id, "--last")
    assert "has nice 3" in lab("move", run.id, "--priority", "-3")
    assert "no place before one job" in lab("move", run.id, "--before", run.id, code=2)
    assert "engine stop" in lab("rm", "--yes", run.id, code=2)
    assert "has left the queue of spare: job" in lab("cancel", run.id)
    assert status_of(run).reason == "taken out of the queue of spare"
    assert posting_of(run).job not in cluster.say("squeue", "-h", "-o", "%i")
    cluster.say("scancel", blocks)
    assert "waits at spare, job" in lab("resume", run.id)
    lab.until(run, "running")


def test_a_run_that_runs_is_stopped_in_steps_and_goes_on(lab: Lab):
    (run,) = lab.submit("long", "--on", "spare")
    lab.until(run, "running")
    assert "in the trash" not in lab("rm", "--yes", run.id, code=2)
    assert "asked again, its job is cancelled at spare" in lab("stop", run.id, "--now")
    before = lab.until(run, "stopped")
    lab.wait(run, lambda _: posting_of(run).seen is not None)
    assert "waits at spare" in lab("resume", run.id)
    status = lab.wait(run, lambda status: status.state == "running" and status.step > before.step)
    assert (status.attempt, posting_of(run).number) == (2, 2)
    assert "is stopped: by SIGTERM" in lab("stop", "--force", run.id)


def test_a_job_cancelled_behind_our_back_is_a_stopped_run(lab: Lab, cluster: Cluster):
    taken(cluster)
    (run,) = lab.submit("long", "--on", "spare")
    lab.wait(run, lambda status: "(" in status.reason)
    cluster.say("scancel", posting_of(run).job)
    status = lab.until(run, "stopped")
    assert status.reason == "its job was cancelled at spare"


def test_time_that_is_up_where_slurm_may_not_requeue_is_posted_anew(lab: Lab):
    (run,) = lab.submit("long", "--on", "brief")
    lab.wait(run, lambda status: status.state == "running" and status.attempt == 2, seconds=120)
    posting = posting_of(run)
    assert (posting.number, posting.failures) == (2, 0)
    lab("stop", "--force", run.id)


def test_a_failed_run_is_posted_anew_as_its_retries_say(lab: Lab):
    lab.submit("fails", "--on", "spare", "--wait")
    (run,) = lab.store.runs()
    bridge = lab._engine.start("bridge", "--backoff", "0")
    lab.wait(run, lambda _: posting_of(run).seen is not None, seconds=60)
    assert (status_of(run).state, posting_of(run).number, posting_of(run).failures) == ("finished", 2, 1)
    bridge.wait(20)


def test_the_doctor_tells_of_orphans_both_ways(lab: Lab, cluster: Cluster):
    taken(cluster)
    lost, gone = lab.submit("long", "--seeds", "0,1", "--on", "spare", "--wait")
    job = posting_of(lost).job
    lost.path.rename(lab.store.root / ".elsewhere")
    cluster.say("scancel", posting_of(gone).job)
    lines = lab("doctor").splitlines()
    assert any(f"job {job} (pending) at spare is of no run here" in line for line in lines), lines
    assert any("not looked after" in line for line in lines), lines
    cluster.say("scancel", job)


def test_a_controller_that_dies_is_no_news_about_runs(lab: Lab, cluster: Cluster):
    (run,) = lab.submit("long", "--on", "spare")
    lab.until(run, "running")
    cluster.kill_controller()
    try:
        deadline = time.monotonic() + 40
        while not ((site := site_status.read(lab.store.root, "spare")) and site.trouble):
            assert time.monotonic() < deadline
            assert status_of(run).state == "running"
            time.sleep(0.2)
        assert site.trouble.startswith("since ")
    finally:
        cluster.start_controller()
    lab.wait(run, lambda _: not site_status.read(lab.store.root, "spare").trouble)
    assert status_of(run).state == "running"
    assert status_of(run).attempt == 1
    lab("stop", "--force", run.id)
    for _ in range(3):  # the killed controller has forgotten which ids it gave last, and the nodes have not
        cluster.say("scancel", cluster.sbatch("--hold"))
