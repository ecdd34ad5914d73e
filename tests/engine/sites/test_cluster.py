"""The cluster that the other tests of sites use."""

from __future__ import annotations

import time

import pytest

from tests.engine.sites.slurm_cluster import Cluster

pytestmark = pytest.mark.sites


def test_a_job_of_main_takes_the_node_of_one_of_spare(cluster: Cluster):
    low = cluster.sbatch("-p", "spare", "--gres=gpu:2", "--nodes=2", "--requeue")
    while "RUNNING" not in cluster.say("squeue", "-ho", "%T", "-j", low):
        time.sleep(0.05)
    high = cluster.sbatch("-p", "main", "--gres=gpu:2", "--nodes=2")
    while "RUNNING" not in cluster.say("squeue", "-ho", "%T", "-j", high):
        time.sleep(0.05)
    assert cluster.say("squeue", "-ho", "%T %r", "-j", low) == "PENDING BeginTime\n"
