"""Runs on a real Slurm: handed in, preempted, begun anew, cancelled; and what is seen of them meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.config.schema import Experiment
from engine.remote.cluster_link import ClusterLink
from engine.runs.liveness import status_of
from engine.runs.posted.posting import posting_of
from engine.runs.store import Run, Store
from engine.sites.slurm import Slurm
from engine.sites.ssh_command import Here, SiteError, Unreachable
from tests.conftest import ROOT
from tests.engine.remote.posted_runs import STEPS, PostedRuns, ends, logs
from tests.engine.sites.slurm_cluster import GPUS, KILL_WAIT_S, Cluster

pytestmark = pytest.mark.sites


def steps(count: int, seconds: float, **fields) -> Experiment:
    return Experiment(
        name="steps",
        dataset="",
        model="",
        command=[sys.executable, str(STEPS), str(count), str(seconds)],
        **fields,
    )


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("VITUI_RUN", "another")


@pytest.fixture
def runs(cluster: Cluster, store: Store) -> PostedRuns:
    return PostedRuns(store)


def test_a_run_is_handed_in_and_finishes(runs: PostedRuns):
    run = runs.post(steps(3, 0.1))
    status = runs.until(run, "finished")
    assert status.attempt == 1
    assert logs(run)[0] == f"box began it: job {runs.posting(run).job} on n1"


def test_one_that_is_preempted_is_begun_anew_and_loses_nothing(runs: PostedRuns, cluster: Cluster):
    run = runs.post(steps(40, 0.1))
    runs.until(run, "running")
    runs.wait(lambda: runs.status(run).step >= 5, 20, run)
    other = cluster.sbatch("-p", "main", "--gres=gpu:2", "--nodes=2", "--time=1", "--signal=B:TERM@1")
    waits = runs.until(run, "queued")
    assert waits.reason.startswith("begins anew at ") or waits.reason.endswith("(Resources)"), waits.reason
    cluster.say("scancel", other)
    status = runs.until(run, "finished")
    assert (status.attempt, status.step, ends(run)) == (
        2,
        40,
        ["stopped by SIGTERM", "its command ended well"],
    )
    lines = [line.split() for line in (run.path / "beats").read_text().splitlines()]
    assert len({int(step) for _, _, step, _ in lines}) == 40


def test_a_time_limit_is_announced_or_hits(cluster: Cluster, store: Store):
    """A minute is Slurm's shortest limit: it ends the one run, and tells the other before, which is begun anew."""
    told, hit = PostedRuns(store, name="told", time="1", notice=30), PostedRuns(store, name="hit", time="1")
    goes_on, ended = told.post(steps(800, 0.1)), hit.post(steps(3000, 0.1), seed=1)
    status = told.until(goes_on, "finished", 170)
    assert (status.attempt >= 2, status.step) == (True, 800)
    assert set(ends(goes_on)[:-1]) == {"its time is nearly up: stopped"}
    assert hit.until(ended, "stopped", 100).reason == "stopped by SIGTERM"
    hit.wait(lambda: hit.look()[ended.id].exit == "TIMEOUT", 60, ended)


def test_one_whose_node_dies_goes_on_elsewhere_or_once_it_is_back(runs: PostedRuns, cluster: Cluster):
    run = runs.post(steps(100, 0.1))
    runs.until(run, "running")
    runs.wait(lambda: runs.status(run).step >= 5, 20, run)
    node = runs.look()[run.id].node
    try:
        os.kill(status_of(run).pid, signal.SIGSTOP)  # it says nothing more
        cluster.say("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
        os.kill(status_of(run).pid, signal.SIGKILL)
        runs.until(run, "queued")
        status = runs.until(run, "finished")
        assert (status.attempt, status.step) == (2, 100)
        assert ends(run) == ["its command ended well"]
    finally:
        cluster.say("scontrol", "update", f"NodeName={node}", "State=RESUME")


def test_what_is_asked_to_stop_stops_and_is_not_begun_anew(runs: PostedRuns, cluster: Cluster):
    run = runs.post(steps(600, 0.1))
    runs.until(run, "running")
    assert runs.link.ask(run, runs.posting(run), "stop") == "it stops after its epoch"
    status = runs.until(run, "stopped")
    assert status.reason == "stopped on request"
    runs.wait(lambda: runs.look()[run.id].state == "ended", 20, run)
    assert runs.link.ask(run, runs.posting(run), "stop") == f"job {runs.posting(run).job} is over: FAILED"
    cluster.say("scontrol", "requeue", runs.posting(run).job)
    runs.wait(lambda: runs.look()[run.id].state == "ended", 30, run)
    assert (runs.until(run, "stopped").attempt, len(ends(run))) == (1, 1)


def test_one_that_waits_is_held_let_go_moved_and_cancelled(runs: PostedRuns, cluster: Cluster):
    cluster.sbatch("-p", "main", "--gres=gpu:2", "--nodes=2")
    run, other = runs.post(steps(600, 0.1, gpus=2)), runs.post(steps(600, 0.1), seed=1)
    runs.wait(lambda: runs.look()[run.id].reason == "waits for 2 free GPUs of spare (Resources)", 10, run)
    assert runs.status(run).state == "queued"
    ask, posting = runs.link.ask, runs.posting(run)
    assert ask(run, posting, "hold") == f"job {posting.job} is held"
    assert runs.status(run).reason == "is held: `engine hold --release` lets it go on (JobHeldUser)"
    ask(run, posting, "release")
    runs.wait(lambda: "Held" not in runs.status(run).reason, 10, run)
    ask(run, posting, "priority", ["-500"])
    ask(run, posting, "move", ["last"])
    ranks = cluster.say("squeue", "-h", "-p", "spare", "-t", "PD", "-o", "%Q %A", "--sort=-Q").splitlines()
    assert [rank.split()[1] for rank in ranks] == [runs.posting(other).job, posting.job]
    assert ask(run, posting, "cancel") == f"job {posting.job} is cancelled"
    seen = runs.look()[run.id]
    assert (seen.state, seen.exit) == ("ended", "CANCELLED")
    assert not run.events.exists()


def test_many_are_an_array_whose_tasks_are_their_own(cluster: Cluster, store: Store):
    runs = PostedRuns(store, parallel=3)
    experiment = steps(3, 0.1)
    made = [runs.create(experiment, seed) for seed in range(12)]
    for run_id, posting in runs.link.post_all(made).items():
        assert not isinstance(posting, Exception), posting
        runs.keep(next(run for run, _ in made if run.id == run_id), posting)
    (array,) = {posting.job.partition("_")[0] for _, posting in runs.posted.values()}
    assert [posting.job for _, posting in runs.posted.values()] == [f"{array}_{task}" for task in range(12)]
    last = made[-1][0]
    assert runs.link.ask(last, runs.posting(last), "cancel") == f"job {array}_11 is cancelled"
    lost = PostedRuns(store)  # as after a kill between the intent and the answer
    lost.posted = {run.id: (run, posting) for run, posting in made}
    assert lost.look()[made[0][0].id].state in ("pending", "running", "ended")
    assert lost.link.jobs == {run.id: runs.posting(run).job for run, _ in made[:-1]}
    for run, _ in made[:-1]:
        runs.until(run, "finished", 90)
        assert logs(run)[0].startswith(f"box began it: job {runs.posting(run).job} on n")
    assert runs.look()[last.id].state == "gone"
    assert not last.events.exists()


def test_a_controller_that_is_away_is_no_news(runs: PostedRuns, cluster: Cluster):
    run = runs.post(steps(150, 0.1))
    runs.until(run, "running")
    cluster.kill_controller()
    try:
        with pytest.raises(Unreachable, match=r"^squeue: "):
            runs.look()
        assert status_of(run).state in ("running", "finished")  # a busy machine takes its time to kill one
        with pytest.raises(Unreachable):
            runs.link.post(*runs.create(steps(1, 0.1), 1))
    finally:
        cluster.start_controller()
    status = runs.until(run, "finished")
    assert (status.attempt, status.step) == (1, 150)


def test_what_was_changed_or_posted_by_another_is_not_started(
    runs: PostedRuns, cluster: Cluster, tmp_path: Path
):
    cluster.sbatch("-p", "main", "--gres=gpu:2", "--nodes=2", script="#!/bin/bash\nsleep 3\n")
    changed, replaced = runs.post(steps(1, 0.1)), runs.post(steps(1, 0.1), seed=1)
    described = changed.path / "run.json"
    described.write_text(described.read_text().replace("0.1", "0.2"))
    runs.keep(replaced, replace(runs.posting(replaced), name=f"vitui-{replaced.id}-2"))
    jobs = [posting.job for _, posting in runs.posted.values()]
    runs.wait(
        lambda: (
            cluster.say("squeue", "-ho", "%T", "-t", "all", "-j", ",".join(jobs)).split() == ["FAILED"] * 2
        ),
        30,
        changed,
    )
    assert "its folder was changed since it was posted" in changed.console.read_text()
    assert "it is no longer posted as" in replaced.console.read_text()
    assert not changed.events.exists()
    assert not replaced.events.exists()


def test_a_copied_posting_begins_and_cancels_nothing(runs: PostedRuns, cluster: Cluster, tmp_path: Path):
    run = runs.post(steps(100, 0.1))
    runs.until(run, "running")
    copied = Run(tmp_path / "copies" / run.id)
    shutil.copytree(run.path, copied.path)
    link = ClusterLink(copied.path.parent, runs.site, Here())
    posting = posting_of(copied)
    assert posting is not None
    for verb in ("cancel", "stop", "stop-now", "hold", "release", "priority", "move"):
        with pytest.raises(SiteError, match="posted by somebody else, or copied"):
            link.ask(copied, posting, verb, ["1"])
    with pytest.raises(SiteError, match="posted by somebody else, or copied"):
        link.post(copied, posting)
    assert runs.look()[run.id].state == "running"
    stranger = replace(runs.posting(run), name="vitui-another-1")
    assert runs.link._slurm.cancel(stranger.name, stranger.job) == "it has no job"
    assert runs.look()[run.id].state == "running"


def test_what_sbatch_refuses_is_said(cluster: Cluster, store: Store):
    runs = PostedRuns(store, slurm="nowhere")
    with pytest.raises(SiteError, match=r"sbatch refuses it: .*[Ii]nvalid partition"):
        runs.post(steps(1, 0.1))


def test_a_machine_of_no_cluster_is_told_where_to_begin(cluster: Cluster, store: Store, monkeypatch):
    monkeypatch.delenv("SLURM_CONF")
    with pytest.raises(SiteError, match=r"configuration source: this machine is of no cluster: .*login node"):
        PostedRuns(store, slurm="main").post(steps(1, 0.1))


def test_what_the_cluster_allows_and_has_is_known(runs: PostedRuns, cluster: Cluster):
    slurm = Slurm(Here())
    assert slurm.free_gpus("spare") == (GPUS, GPUS)
    assert slurm.free_gpus("*") == (GPUS, GPUS)
    assert slurm.free_gpus("nowhere") is None
    limits = slurm.limits("spare")
    assert limits is not None
    assert limits[:5] == (None, KILL_WAIT_S, "REQUEUE", True, "spare")
    default = slurm.limits("*")
    assert default is not None
    assert (default.partition, default.preempt_mode) == ("main", "OFF")
    assert slurm.limits("nowhere") is None
    run = runs.post(steps(600, 0.1, gpus=2))
    runs.until(run, "running")
    assert slurm.free_gpus("spare") == (GPUS - 2, GPUS)
    status = runs.link.look(runs.posted)
    assert (status.all_gpus, status.running, status.waiting) == (GPUS, 1, 0)
