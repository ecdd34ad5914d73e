"""From the command to the end over a real ssh: submit --on, the bridge, the mirror, stop, resume, fetch."""

from __future__ import annotations

import json
import os
import signal
import sys

import pytest

from engine.runs.liveness import status_of
from engine.runs.posted.posting import posting_of
from engine.runs.posted.site_status import bridge_lock, read
from engine.runs.store import Run, Store
from engine.system import lock
from tests.engine.remote import far_host as machine
from tests.engine.remote.test_host_link import LONG, SHORT, files_of

pytestmark = [pytest.mark.sites, pytest.mark.slow]


@pytest.fixture
def lab_with_box(lab, far_host):
    for name, text in (("long", LONG), ("short", SHORT)):
        (lab / f"{name}.py").write_text(text)
    programs = "".join(
        f"[experiments.{name}-program]\nepochs = 1\ncommand = {json.dumps([sys.executable, f'{lab}/{name}.py'])}\n"
        for name in ("long", "short")
    )
    with (lab / "experiments.toml").open("a") as file:
        file.write(f"{programs}{far_host.table(bring='best')}")
    return lab


def submitted(engine, *arguments: str) -> Run:
    done = engine("submit", *arguments, "--on", machine.NAME)
    assert done.returncode == 0, done.stderr
    return Run(engine.folder / "runs" / done.stdout.decode().split()[-1])


def far(host: machine.FarHost, run: Run) -> Run:
    return Run(host.project / "runs" / run.id)


def test_a_training_is_sent_and_comes_back_with_its_checkpoint(engine, lab_with_box, far_host, until):
    run = submitted(engine, "tiny", "--set", "epochs=2")
    until(lambda: status_of(run).state == "finished", 90)
    until(lambda: posting_of(run).seen is not None, 60)
    assert files_of(run.path) == files_of(far(far_host, run).path)
    there = far(far_host, run).checkpoints / "best.pt"
    assert (run.checkpoints / "best.pt").read_bytes() == there.read_bytes()
    until(lambda: not lock.is_held(bridge_lock(run.path.parent)))
    said = json.loads(engine("fetch", run.id, "last", "--json").stdout)
    assert (said["verb"], said["run"], said["path"]) == (
        "fetch",
        run.id,
        f"runs/{run.id}/checkpoints/last.pt",
    )
    assert (run.checkpoints / "last.pt").stat().st_size == said["bytes"]


def test_stop_resume_and_a_killed_bridge(engine, lab_with_box, far_host, until):
    run = submitted(engine, "long-program")
    until(lambda: status_of(run).state == "running", 60)
    holder = lock.holder_of(bridge_lock(run.path.parent))
    os.kill(holder.pid, signal.SIGKILL)
    assert engine("ls").returncode == 0
    until(lambda: (again := lock.holder_of(bridge_lock(run.path.parent))) is not None and again != holder)
    done = engine("stop", run.id, "--now")
    assert done.returncode == 0, done.stderr
    until(lambda: status_of(run).state == "stopped", 60)
    until(lambda: posting_of(run).seen is not None, 60)
    assert files_of(run.path) == files_of(far(far_host, run).path)
    assert engine("resume", run.id, "--on", machine.NAME).returncode == 0
    until(lambda: status_of(run).state == "running" and status_of(run).attempt == 2, 60)
    assert engine("stop", run.id, "--now").returncode == 0
    until(lambda: posting_of(run).seen is not None, 60)
    assert status_of(run).state == "stopped"
    assert files_of(run.path) == files_of(far(far_host, run).path)


def test_the_doctor_tells_of_a_run_there_that_is_none_here(engine, lab_with_box, far_host, until):
    run = submitted(engine, "long-program")
    until(lambda: status_of(run).state == "running", 60)
    assert "no run here is posted as it" not in engine("doctor").stdout.decode()
    run.path.rename(run.path.parent / ".elsewhere")
    said = engine("doctor").stdout.decode()
    assert f"{machine.NAME} has it in {far_host.project}, and no run here is posted as it" in said
    (cure,) = [line for line in said.splitlines() if "engine stop" in line]
    assert f"ssh {machine.NAME} 'cd {far_host.project} && engine stop {run.id}'" in cure
    assert far_host.engine("stop", run.id, "--now", "--timeout", "20").returncode == 0


def test_a_site_that_wants_a_login_leaves_its_runs_waiting(engine, lab_with_box, until):
    with (engine.folder / "experiments.toml").open("a") as file:
        file.write(f'[sites.{machine.LOCKED}]\nssh = "{machine.LOCKED}"\n')
    done = engine("submit", "short-program", "--on", machine.LOCKED)
    run = Store(engine.folder / "runs").find(done.stdout.decode().split()[-1])
    until(lambda: (known := read(run.path.parent, machine.LOCKED)) is not None and known.trouble)
    assert "wants a login" in read(run.path.parent, machine.LOCKED).trouble
    assert status_of(run).state == "queued"
