"""A cluster behind ssh: the far end on its login node posts there, and what comes of it is seen here."""

from __future__ import annotations

import json
import sys

import pytest

from engine.runs.liveness import status_of
from engine.runs.posted.posting import posting_of
from engine.runs.posted.site_status import read
from engine.runs.store import Run
from tests.engine.remote import far_host as machine
from tests.engine.remote.posted_runs import STEPS
from tests.engine.remote.test_host_link import LONG
from tests.engine.sites.slurm_cluster import GPUS

pytestmark = [pytest.mark.sites, pytest.mark.slow]


@pytest.fixture
def lab_with_cluster(lab, far_host, cluster):
    (lab / "long.py").write_text(LONG)
    exports = [f"export {name}={value}" for name, value in cluster.environment.items()]
    with (lab / "experiments.toml").open("a") as file:
        for name, python in (("far", sys.executable), ("hasty", far_host.hasty_python())):
            table = far_host.table(name, slurm="spare", gres="gpu:1", time="10", python=python)
            file.write(f"{table}setup = {json.dumps(exports)}\n")
        file.write(
            f"[experiments.program]\nepochs = 1\ncommand = {json.dumps([sys.executable, f'{lab}/long.py'])}\n"
        )
    return lab


def test_a_run_is_posted_from_its_login_node_stopped_and_gone_on_with(
    engine, lab_with_cluster, far_host, until
):
    assert engine("site", "check", "far").returncode == 0
    done = engine("submit", "program", "--on", "far")
    assert done.returncode == 0, done.stderr
    run = Run(engine.folder / "runs" / done.stdout.decode().split()[-1])
    until(lambda: status_of(run).state == "running", 60)
    posting = posting_of(run)
    assert posting.job.isdecimal()
    until(lambda: read(run.path.parent, "far").runs[run.id].state == "running", 60)
    assert read(run.path.parent, "far").runs[run.id].job == posting.job
    assert engine("stop", run.id, "--now").returncode == 0
    until(lambda: status_of(run).state == "stopped", 60)
    assert engine("resume", run.id, "--on", "far").returncode == 0
    until(lambda: status_of(run).state == "running" and status_of(run).attempt == 2, 60)
    assert posting_of(run).job != posting.job
    engine("stop", run.id, "--now")
    until(lambda: posting_of(run).seen is not None, 120)
    there = Run(far_host.project / "runs" / run.id)
    assert run.events.read_bytes() == there.events.read_bytes()
    assert machine.NAME in read(run.path.parent, "far").host


def test_a_run_that_waits_there_for_its_retry_is_not_over_here(engine, lab_with_cluster, far_host, until):
    with (lab_with_cluster / "experiments.toml").open("a") as file:
        words = json.dumps([sys.executable, str(STEPS), "3", "0.05", "2"])  # its first attempt fails
        file.write(f"[experiments.frail]\nepochs = 1\nretries = 1\ncommand = {words}\n")
    done = engine("submit", "frail", "--on", "hasty", code="import tests.engine.remote.hasty")
    assert done.returncode == 0, done.stderr
    run = Run(engine.folder / "runs" / done.stdout.decode().split()[-1])
    until(lambda: status_of(run).state == "failed", 60)
    until(lambda: status_of(run).state == "finished", 60)
    assert status_of(run).attempt == 2
    until(lambda: posting_of(run).seen is not None, 60)
    assert run.events.read_bytes() == Run(far_host.project / "runs" / run.id).events.read_bytes()


def test_one_that_is_preempted_there_is_seen_to_wait_and_to_go_on(
    engine, lab_with_cluster, far_host, cluster, until
):
    words = json.dumps([sys.executable, str(STEPS), "60", "0.1"])
    with (lab_with_cluster / "experiments.toml").open("a") as file:
        file.write(f"[experiments.steady]\nepochs = 1\nretries = 0\ncommand = {words}\n")
    done = engine("submit", "steady", "--on", "hasty", code="import tests.engine.remote.hasty")
    run = Run(engine.folder / "runs" / done.stdout.decode().split()[-1])
    until(lambda: status_of(run).state == "running" and status_of(run).step > 5, 60)
    job = posting_of(run).job
    other = cluster.sbatch("-p", "main", f"--gres=gpu:{GPUS // 2}", "-N2")
    until(lambda: status_of(run).state in ("queued", "stopped"), 60)
    until(lambda: read(run.path.parent, "hasty").runs[run.id].state == "pending", 60)
    assert posting_of(run).job == job
    cluster.say("scancel", other)
    until(lambda: status_of(run).state == "running" and status_of(run).attempt == 2, 60)
    until(lambda: status_of(run).state == "finished", 60)
    until(lambda: posting_of(run).seen is not None, 60)
    assert status_of(run).step == 60
    assert run.events.read_bytes() == Run(far_host.project / "runs" / run.id).events.read_bytes()
