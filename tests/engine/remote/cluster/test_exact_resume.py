"""Trainings on a real Slurm that are taken from their nodes and end with the weights of an undisturbed run."""

from __future__ import annotations

import pytest
import torch
from msgspec.structs import replace

from engine.config.schema import Experiment
from engine.events import Metrics
from engine.runs.status import Status
from engine.runs.store import Run, Store
from tests.conftest import ROOT
from tests.engine.remote.posted_runs import PostedRuns, ends, events
from tests.engine.sites.slurm_cluster import Cluster

pytestmark = pytest.mark.sites

HYBRID = Experiment(
    name="quick-Hybrid", model="hybrid_mini", dataset="digits", image_size=16, epochs=4, batch_size=16,
    subset_per_class=20, val_fraction=0.1, log_every=1, augment="light", lr=2e-3,
)  # fmt: skip


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_a_training_that_is_preempted_and_told_of_its_time_is_as_one_that_was_not(
    cluster: Cluster, store: Store
):
    undisturbed, runs, one, two = begun(cluster, store, gpus=1, epochs=16)
    runs.wait(lambda: is_at_work(runs.status(two), attempt=2), 60, two)
    cluster.say("scancel", "--batch", "--signal=USR2", runs.posting(two).job)
    runs.until(two, "queued")
    undisturbed.until(one, "finished", 90)
    runs.until(two, "finished", 90)
    preempted, timed, _ = ends(two)
    assert preempted.startswith("stopped by SIGTERM at epoch ")
    assert timed.startswith("its time is nearly up: stopped at epoch ")
    assert_same(one, two)


def test_a_training_of_two_processes_that_is_preempted_is_as_one_that_was_not(cluster: Cluster, store: Store):
    undisturbed, runs, one, two = begun(cluster, store, gpus=2)
    undisturbed.until(one, "finished", 90)
    runs.until(two, "finished", 90)
    preempted, _ = ends(two)
    assert preempted.startswith("stopped by SIGTERM at epoch ")
    assert_same(one, two)


def test_a_training_on_two_nodes_that_is_preempted_is_as_one_of_two_processes(cluster: Cluster, store: Store):
    undisturbed = PostedRuns(store, slurm="main")
    experiment = replace(HYBRID, gpus=2)
    one = undisturbed.post(experiment)
    undisturbed.until(one, "finished", 120)
    core_of_node = ["bash", "-c", 'exec taskset -c "$SLURM_NODEID" "$@"', "-"]
    runs = PostedRuns(store, nodes=2, setup=["export GLOO_SOCKET_IFNAME=lo"], wrap=core_of_node)
    two = runs.post(experiment)
    runs.wait(lambda: runs.status(two).step >= 5, 60, two)
    assert runs.look()[two.id].node == "n[1-2]"
    other = cluster.sbatch("-p", "main", "--gres=gpu:2", "--nodelist=n2")
    runs.until(two, "queued")
    cluster.say("scancel", other)
    runs.until(two, "finished", 120)
    runs.wait(lambda: runs.look()[two.id].exit == "COMPLETED", 20, two)
    preempted, _ = ends(two)
    assert preempted.startswith("stopped by SIGTERM at epoch ")
    assert_same(one, two)


def is_at_work(status: Status, attempt: int) -> bool:
    return status.attempt == attempt and status.state == "running" and status.step > status.first_step


def begun(
    cluster: Cluster, store: Store, gpus: int, epochs: int = 4
) -> tuple[PostedRuns, PostedRuns, Run, Run]:
    """Begin the same training twice; the second is preempted, and waits to be begun anew."""
    undisturbed = PostedRuns(store, slurm="main", extra=["--nodelist=n2"])
    runs = PostedRuns(store, extra=["--nodelist=n1"])
    experiment = replace(HYBRID, gpus=gpus, epochs=epochs)
    one, two = undisturbed.post(experiment), runs.post(experiment)
    runs.wait(lambda: runs.status(two).step >= 5, 60, two)
    other = cluster.sbatch("-p", "main", "--gres=gpu:2", "--nodelist=n1")
    runs.until(two, "queued")
    cluster.say("scancel", other)
    return undisturbed, runs, one, two


def assert_same(one: Run, two: Run) -> None:
    """Compare what two runs have learned, and their scores, to the last bit."""
    first, second = (
        torch.load(run.checkpoints / "last.pt", weights_only=True, map_location="cpu") for run in (one, two)
    )
    assert first["model"].keys() == second["model"].keys()
    for name, tensor in first["model"].items():
        assert torch.equal(tensor, second["model"][name]), name
    assert scores(one) == scores(two)


def scores(run: Run) -> dict[float, float]:
    return {
        event.epoch: event.values["test/f1"]
        for event in events(run)
        if isinstance(event, Metrics) and "test/f1" in event.values
    }
