"""Runs at a Slurm on a shared folder while everything that serves them is killed, and what is left of them.

    python -m tests.bench.chaos_parts.over_slurm [--seed 0] [--runs 40] [--kills 200]

It needs Slurm and munge (Debian: slurm-wlm): two nodes with four GPUs that are not there. The app, the bridge, who
submits, the jobs and their programs get SIGKILL at random, and the controller too; seeds of which there are no runs are
submitted again, the app and the controller are started again. At the end every run has finished, each step written
once, no two attempts at a run at work at once, no job is left and no process.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engine.runs import run_lock
from engine.runs.liveness import status_of
from engine.runs.posted import posted_state
from engine.runs.posted.posting import posting_of
from engine.runs.store import Run
from tests.bench.chaos_parts.at_site import CODE, ChaosAtSite, experiment
from tests.conftest import ROOT, Engine
from tests.engine.sites import slurm_cluster

SITE = '[sites.spare]\nslurm = "spare"\ntime = "5"\n'
SOON_S = 2.0
"""Seconds that stand for the minute after which a state is sure, or a heartbeat old."""
AT_ONCE = 3
"""How many seeds are submitted by one command."""
CONTROLLER_CHANCE = 0.03
"""How often it is the controller that is killed, which is away for a while then."""


class ChaosOverSlurm(ChaosAtSite):
    """One go with a cluster."""

    kinds = ("app", "bridge", "submitter", "run", "run", "program")

    def __init__(
        self, engine: Engine, cluster: slurm_cluster.Cluster, *, seed: int = 0, runs: int = 8, kills: int = 40
    ) -> None:
        super().__init__(engine, seed=seed, runs=runs, kills=kills)
        self._cluster = cluster
        self._submitter: subprocess.Popen[bytes] | None = None
        self._back_at: float | None = None
        """When the controller comes back; None while it is there."""
        self._jobs: dict[str, str] = {}
        """The state of each job by its id, as squeue says it."""
        self._asked_at = 0.0
        (engine.folder / "experiments.toml").write_text(experiment(more=SITE))

    def run(self, patience_s: float = 240) -> None:
        """Submit and kill until all have finished; then wait until no job is left."""
        super().run(patience_s)
        if self._back_at is not None:
            self._cluster.start_controller()
        deadline = time.monotonic() + 40
        while left := self._vitui_jobs():
            if time.monotonic() > deadline:
                self.complain(f"jobs are left: {left}")
                break
            time.sleep(0.2)

    def bring_back(self) -> None:
        """Submit the seeds of which there are no runs, start the controller."""
        self._look_after_controller()
        if self._submitter is not None and self._submitter.poll() is None:
            return
        seeds = {run.info().seed for run in self.store.runs()}
        if missing := sorted(set(range(self.runs)) - seeds)[:AT_ONCE]:
            words = ["submit", "steps", "--on", "spare", "--wait", "--seeds", ",".join(map(str, missing))]
            self._submitter = self.engine.start(
                *words, code=CODE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )

    def _look_after_controller(self) -> None:
        now = time.monotonic()
        if self._back_at is not None:
            if now > self._back_at:
                self._cluster.start_controller()
                self._back_at = None
        elif self.kills.total() and self.chance.random() < CONTROLLER_CHANCE / 10:
            self._cluster.kill_controller()
            self.kills["controller"] += 1
            self.say("killed the controller")
            self._back_at = now + self.chance.uniform(1, 6)

    def is_right(self, run: Run) -> bool:
        """Return whether a state fits the lock of the run and what Slurm says of its job."""
        status = status_of(run)
        if run_lock.is_held(run):
            return status.state in ("starting", "running", "finished", "failed", "crashed", "queued")
        posting, jobs = posting_of(run), self._ask()
        if posting is None or jobs is None:
            return True  # not sent yet, or nothing is known of its job
        word = jobs.get(posting.job, "gone")
        if word == "PENDING":
            return status.state in ("queued", "starting", "silent")
        return status.state != "running" or word not in ("gone", "PENDING")

    def _ask(self) -> dict[str, str] | None:
        """Return what squeue said within half a second, None while it does not answer."""
        if self._back_at is not None:
            return None
        if time.monotonic() - self._asked_at > 0.5:
            lines = self._cluster.say("squeue", "-h", "-r", "-o", "%i %T").splitlines()
            self._jobs = dict(line.split(maxsplit=1) for line in lines if " " in line)
            self._asked_at = time.monotonic()
        return self._jobs

    def _vitui_jobs(self) -> list[str]:
        names = self._cluster.say("squeue", "-h", "-o", "%j").splitlines()
        return [name for name in names if name.startswith("vitui-")]

    def truth(self, run: Run) -> str:
        """Return what Slurm says of its job."""
        return f"its lock is {'held' if run_lock.is_held(run) else 'free'}, {self._jobs}, {posting_of(run)}"

    def told(self, *more: str) -> str:
        """Return what happened, and what Slurm says."""
        return super().told(self._cluster.say("squeue"), *more)


def main() -> None:
    """Make a cluster, kill what serves the runs, and say what was wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--kills", type=int, default=200)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="chaos-") as name,
        tempfile.TemporaryDirectory(prefix="vitui-slurm-") as daemons,
        contextlib.ExitStack() as stack,
    ):
        folder = Path(name)
        for part in ("here", "state"):
            (folder / part).mkdir()
        cluster = slurm_cluster.Cluster(Path(daemons))
        path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/usr/local/sbin"])
        state = {"XDG_STATE_HOME": str(folder / "state"), "PATH": path, "PYTHONPATH": str(ROOT)}
        os.environ.update(state | cluster.environment)
        be_hasty()
        stack.callback(cluster.stop)
        cluster.start()
        engine = Engine(folder / "here")
        stack.callback(engine.close)
        chaos = ChaosOverSlurm(engine, cluster, seed=options.seed, runs=options.runs, kills=options.kills)
        chaos.run(patience_s=60 + 5.0 * (options.runs + options.kills))
        wrong = chaos.verdict()
        print(chaos.told())
    sys.exit("\n".join(wrong) if wrong else 0)


def be_hasty() -> None:
    """Have this process judge states by the seconds of the test."""
    posted_state.SURE_S = posted_state.SILENCE_S = SOON_S


if __name__ == "__main__":
    main()
