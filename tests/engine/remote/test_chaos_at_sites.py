"""Whatever is killed, and whenever, over a real Slurm: no run is lost, and none is trained twice at once."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from engine.events import Start, decode
from engine.runs.current_state import status_of
from engine.runs.posted import posted_state, site_status
from engine.runs.posted.posting import posting_of
from engine.runs.store import Run, Store
from engine.system import lock
from tests.conftest import ROOT, Engine
from tests.engine.sites.slurm_cluster import Cluster
from tests.processes import commands
from tests.steps import were_at_work_together

pytestmark = [pytest.mark.sites, pytest.mark.slow, pytest.mark.timeout(400)]
SEEDS, STEPS, KILLS, PATIENCE_S = 8, 25, 40, 240
CODE = "import tests.engine.remote.hasty"
EXPERIMENTS = f"""
[experiments.steps]
command = ["{sys.executable}", "{ROOT}/tests/steps.py", "{STEPS}", "0.1"]
retries = 50
seeds = {list(range(SEEDS))}

[sites.spare]
slurm = "spare"
time = "5"
"""


class SiteChaos:
    """Runs at a cluster, and what kills all that serves them."""

    def __init__(self, folder: Path, engine: Engine, cluster: Cluster) -> None:
        self.store = Store(folder / "runs")
        self.log: list[str] = []
        self._engine, self._cluster = engine, cluster
        self._chance = random.Random(0)
        self._submitter: subprocess.Popen[bytes] | None = None
        self._bridge: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Submit and kill until all seeds have finished."""
        deadline = time.monotonic() + PATIENCE_S
        kills = 0
        while not self._is_done():
            assert time.monotonic() < deadline, self.told()
            self._bring_back()
            time.sleep(self._chance.uniform(0.1, 0.6))
            if kills < KILLS:
                kills += self._strike()

    def _is_done(self) -> bool:
        runs = self.store.runs()
        return len(runs) >= SEEDS and all(status_of(run).state == "finished" for run in runs)

    def _bring_back(self) -> None:
        """Do what a user would: submit the seeds that there are no runs of, look at the list."""
        if self._submitter is None or self._submitter.poll() is not None:
            seeds = {run.info().seed for run in self.store.runs()}
            if missing := sorted(set(range(SEEDS)) - seeds)[:3]:
                words = ["submit", "steps", "--on", "spare", "--wait", "--seeds", ",".join(map(str, missing))]
                self._submitter = self._engine.start(*words, code=CODE)
        if self._bridge is None or self._bridge.poll() is not None:
            self._bridge = self._engine.start("bridge", "--backoff", "0.1", code=CODE)

    def _strike(self) -> int:
        """Kill something that serves the runs; return how many things were hit."""
        whom = self._chance.choice(["bridge", "submitter", "job", "job", "program"])
        if whom == "bridge":
            return self._kill(whom, self._bridge.pid if self._bridge else 0)
        if whom == "submitter":
            is_at_it = self._submitter is not None and self._submitter.poll() is None
            return self._kill(whom, self._submitter.pid) if is_at_it and self._submitter else 0
        word = "train" if whom == "job" else "steps.py"
        pids = [
            pid
            for pid, words in commands(self.store.root.parent)
            if any(each.endswith(word) for each in words) and "bridge" not in words
        ]
        return self._kill(whom, self._chance.choice(pids)) if pids else 0

    def _kill(self, whom: str, pid: int) -> int:
        if not pid:
            return 0
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            self.log.append(f"{time.time():.2f} {whom} {pid}")
            return 1
        return 0

    def told(self) -> str:
        runs = "\n".join(f"{status_of(run)} {posting_of(run)}" for run in self.store.runs())
        bridge = (
            (self.store.root / ".bridge.log").read_text()
            if (self.store.root / ".bridge.log").exists()
            else ""
        )
        return "\n".join([runs, *self.log, self._cluster.say("squeue"), bridge])  # fmt: skip


def attempts(run: Run) -> list[int]:
    events = (decode(line) for line in run.events.read_bytes().splitlines())
    return [event.attempt for event in events if isinstance(event, Start)]


def test_no_run_is_lost_and_none_is_trained_twice(
    tmp_path: Path, cluster: Cluster, engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    for name in ("SURE_S", "SILENCE_S"):
        monkeypatch.setattr(posted_state, name, 2.0)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "experiments.toml").write_text(EXPERIMENTS)
    chaos = SiteChaos(tmp_path, engine, cluster)
    chaos.run()
    print(Counter(line.split()[1] for line in chaos.log))
    runs = chaos.store.runs()
    assert sorted(run.info().seed for run in runs) == list(range(SEEDS)), chaos.told()
    for run in runs:
        began = attempts(run)
        assert began == list(range(1, len(began) + 1)), (began, chaos.told())
        assert not were_at_work_together(run.path), chaos.told()
        assert status_of(run).step == STEPS
    deadline = time.monotonic() + 40
    while any(posting_of(run).seen is None for run in runs) or "vitui-" in cluster.say(
        "squeue", "-h", "-o", "%j"
    ):
        assert time.monotonic() < deadline, chaos.told()
        time.sleep(0.2)
    while lock.is_held(site_status.bridge_lock(chaos.store.root)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
