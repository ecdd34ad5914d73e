"""Runs at a machine over ssh while everything that serves them is killed, here and there, and what is left of them.

    python -m tests.bench.chaos_parts.over_ssh [--seed 0] [--runs 40] [--kills 120]

It needs root and an OpenSSH server: the machine is a space of another host name (``tests.engine.remote.far_host``).
The app and the bridge here, its ssh, the far end, the worker there, the runs and their programs get SIGKILL at random;
only the app is opened again. At the end every run has finished there and is here with the same events, each step
written once, no two attempts at a run at work at once, and no process is left.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

from engine.runs.liveness import status_of
from engine.runs.posted import posted_state, site_status
from engine.runs.store import Run, Store
from tests.bench.chaos_parts.at_site import CODE, ChaosAtSite, experiment
from tests.conftest import Engine
from tests.engine.remote import far_host
from tests.processes import commands

SOON_S = 2.0
"""Seconds that stand for the minute after which a state is sure, or a heartbeat old."""
FRESH_S = 4.0
"""Seconds that stand for those for which a site's word is taken for what is the case."""
HEARD_S = 1.5
"""Seconds since the last look after which the machine is not heard."""


class ChaosOverSsh(ChaosAtSite):
    """One go with a machine over ssh."""

    kinds = ("app", "bridge", "ssh", "far end", "worker", "run", "program")

    def __init__(
        self, engine: Engine, host: far_host.FarHost, *, seed: int = 0, runs: int = 7, kills: int = 30
    ) -> None:
        super().__init__(engine, seed=seed, runs=runs, kills=kills)
        self.there = Store(host.project / "runs")
        self._host = host
        table = host.table(python=host.hasty_python())
        (engine.folder / "experiments.toml").write_text(experiment(more=table))

    def run(self, patience_s: float = 240) -> None:
        """Send the runs, and kill until all have finished."""
        seeds = ",".join(map(str, range(self.runs)))
        sent = self.engine("submit", "steps", "--on", far_host.NAME, "--seeds", seeds, code=CODE)
        if sent.returncode:
            self.complain(f"it was not sent: {sent.stderr.decode()}")
            return
        super().run(patience_s)

    def bring_back(self) -> None:
        """Do nothing: the app brings back what is missing."""

    def processes(self) -> dict[str, list[int]]:
        """Return the processes here and there."""
        return self.sort_processes([*commands(self.store.root.parent), *commands(self._host.project)])

    def is_right(self, run: Run) -> bool:
        """Return whether a state is that of the run there, or fits a machine that is not heard."""
        site = site_status.read(self.store.root, far_host.NAME)
        unheard_s = time.time() - site.at if site is not None else 0.0
        here, there = status_of(run).state, status_of(self._original(run)).state
        if unheard_s > HEARD_S:
            return here != "running" or unheard_s < FRESH_S + SOON_S
        return here == there or "silent" in (here, there)

    def truth(self, run: Run) -> str:
        """Return the state there."""
        return f"it is {status_of(self._original(run)).state} there"

    def verdict(self) -> list[str]:
        """Return all that is wrong, here and there."""
        if {run.id for run in self.there.runs()} != {run.id for run in self.store.runs()}:
            self.complain(f"there are other runs there: {[run.id for run in self.there.runs()]}")
        return super().verdict()

    def judge(self, run: Run) -> None:
        """Complain of a run that is not finished, or is another than there."""
        super().judge(run)
        here, there = (each.events for each in (run, self._original(run)))
        if here.exists() != there.exists() or (here.exists() and here.read_bytes() != there.read_bytes()):
            self.complain(f"{run.id} has other events than there")

    def folder_of_work(self, run: Run) -> Path:
        """Return the run's folder there."""
        return self._original(run).path

    def _original(self, run: Run) -> Run:
        return Run(self.there.root / run.id)

    def told(self, *more: str) -> str:
        """Return what happened here, and what the worker and the ssh server there said."""
        logs = [self.there.root / ".worker.log", self._host.folder / "log" / "sshd"]
        return super().told(*(f"{log}:\n{log.read_text()[-3000:]}" for log in logs if log.exists()), *more)


def main() -> None:
    """Make a machine, let it be killed at, and say what was wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--kills", type=int, default=120)
    options = parser.parse_args()
    if why := far_host.why_not():
        sys.exit(why)
    with tempfile.TemporaryDirectory(prefix="chaos-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        for part in ("here", "box", "state"):
            (folder / part).mkdir()
        os.environ["XDG_STATE_HOME"] = str(folder / "state")
        be_hasty()
        host = far_host.begin(folder / "box")
        stack.callback(far_host.end, host)
        os.environ["PATH"] = f"{host.folder}/bin:{os.environ['PATH']}"
        engine = Engine(folder / "here")
        stack.callback(engine.close)
        chaos = ChaosOverSsh(engine, host, seed=options.seed, runs=options.runs, kills=options.kills)
        chaos.run(patience_s=20 + 5.0 * (options.runs + options.kills))
        wrong = chaos.verdict()
        print(chaos.told())
    sys.exit("\n".join(wrong) if wrong else 0)


def be_hasty() -> None:
    """Have this process judge states by the seconds of the test."""
    posted_state.SURE_S = posted_state.SILENCE_S = SOON_S
    posted_state.FRESH_S = FRESH_S


if __name__ == "__main__":
    main()
