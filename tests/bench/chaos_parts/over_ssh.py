"""Runs at a machine over ssh while everything that serves them is killed, here and there, and what is left of them.

    python -m tests.bench.chaos_parts.over_ssh [--seed 0] [--runs 40] [--kills 120]

It needs root and an OpenSSH server: the machine is a space of another host name (``tests.engine.remote.far_host``).
The bridge here, its ssh, the far end, the worker there, the runs and their programs get SIGKILL at random; only the
bridge is started again, as `engine ls` does it. At the end every run has finished there and is here with the same
events, each step written once, no two attempts at a run at work at once, and no process is left.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from engine.events import Metrics, Start, decode
from engine.runs.current_state import status_of
from engine.runs.posted import posted_state, site_status
from engine.runs.posted.posting import posting_of
from engine.runs.store import Run, Store
from engine.system import lock
from tests.conftest import ROOT, Engine
from tests.engine.remote import far_host
from tests.processes import commands
from tests.steps import were_at_work_together

STEPS = 50
CODE = "import tests.engine.remote.hasty"
SOON_S = 2.0
"""Seconds that stand for the minute after which a state is sure, or a heartbeat old."""
FRESH_S = 4.0
"""Seconds that stand for those for which a site's word is taken for what is the case."""
HEARD_S = 1.5
"""Seconds since the last look after which the machine is not heard."""
WRONG_S = 10.0
"""Seconds for which a state here may be another than there while it is heard, on a busy machine."""
KINDS = ("bridge", "ssh", "far end", "worker", "run", "program")


class ChaosOverSsh:
    """One go: ``run`` it, then ``verdict`` says what was not as it has to be."""

    def __init__(
        self, engine: Engine, host: far_host.FarHost, *, seed: int = 0, runs: int = 7, kills: int = 30
    ) -> None:
        self.store, self.there = Store(engine.folder / "runs"), Store(host.project / "runs")
        self.kills: Counter[str] = Counter()
        self.complaints: list[str] = []
        self.longest_wrong_s, self._longest_wrong = 0.0, "nothing"
        self._engine, self._host = engine, host
        self._chance, self._runs, self._most = random.Random(seed), runs, kills
        self._log: list[str] = []
        self._wrong_since: dict[str, float] = {}
        self._bridge: subprocess.Popen[bytes] | None = None
        self._began = time.monotonic()
        (engine.folder / "experiments.toml").write_text(
            f'[experiments.steps]\ncommand = ["{sys.executable}", "{ROOT}/tests/steps.py", "{STEPS}", "0.1"]\n'
            f"retries = 50\n{host.table(python=host.hasty_python())}"
        )

    def run(self, patience_s: float = 240) -> None:
        """Send runs and kill until all have finished, or ``patience_s`` have passed."""
        seeds = ",".join(map(str, range(self._runs)))
        sent = self._engine("submit", "steps", "--on", far_host.NAME, "--seeds", seeds, code=CODE)
        if sent.returncode:
            self._complain(f"it was not sent: {sent.stderr.decode()}")
            return
        struck_at = time.monotonic()
        while not self._is_done():
            if self._time() > patience_s:
                self._complain(f"it has not finished after {patience_s:.0f} s")
                break
            self._bring_back()
            if self.kills.total() < self._most and time.monotonic() >= struck_at:
                self._strike()
                struck_at = time.monotonic() + self._chance.uniform(0.1, 0.9)
            self._look()
            time.sleep(0.1)

    def _time(self) -> float:
        return time.monotonic() - self._began

    def _say(self, words: str) -> None:
        self._log.append(f"{self._time():7.2f}  {words}")

    def _complain(self, words: str) -> None:
        if words not in self.complaints:
            self._say(f"WRONG: {words}")
            self.complaints.append(words)

    def _is_done(self) -> bool:
        """Return whether the last word of the site on each run is here."""
        postings = [posting_of(run) for run in self.store.runs()]
        return all(posting is not None and posting.seen is not None for posting in postings)

    def _bring_back(self) -> None:
        """Do what a look at the list does: start a bridge where there is none."""
        if lock.is_held(site_status.bridge_lock(self.store.root)):
            return
        if self._bridge is None or self._bridge.poll() is not None:
            self._bridge = self._engine.start("bridge", code=CODE, stdout=subprocess.DEVNULL)

    def _strike(self) -> None:
        whom = self._chance.choice(KINDS)
        pids = self._processes().get(whom, [])
        if pids:
            pid = self._chance.choice(pids)
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                self.kills[whom] += 1
                self._say(f"killed {whom} {pid}")

    def _processes(self) -> dict[str, list[int]]:
        """Return the processes that have to do with the runs, by what they are."""
        found: dict[str, list[int]] = {}
        for folder in (self.store.root.parent, self._host.project):
            for pid, words in commands(folder):
                if (kind := _kind(words)) is not None and pid not in found.setdefault(kind, []):
                    found[kind].append(pid)
        return found

    def _look(self) -> None:
        """See that no state here is wrong for longer than it takes to hear of it, or to know that nothing is heard."""
        now = time.monotonic()
        site = site_status.read(self.store.root, far_host.NAME)
        unheard_s = time.time() - site.at if site is not None else 0.0
        for run in self.store.runs():
            here, there = status_of(run), status_of(Run(self.there.root / run.id))
            if unheard_s > HEARD_S:
                is_right = here.state != "running" or unheard_s < FRESH_S + SOON_S
            else:
                is_right = here.state == there.state or "silent" in (here.state, there.state)
            since = self._wrong_since.setdefault(run.id, now)
            if is_right:
                del self._wrong_since[run.id]
            elif now - since > self.longest_wrong_s:
                self.longest_wrong_s = now - since
                self._longest_wrong = f"{here.state} here, {there.state} there"
                if self.longest_wrong_s > WRONG_S:
                    self._complain(f"{run.id} is {here.state} here and {there.state} there for so long")

    def verdict(self) -> list[str]:
        """Return all that is wrong, nothing if nothing is."""
        runs = self.store.runs()
        if sorted(run.info().seed for run in runs) != list(range(self._runs)):
            self._complain(f"there are {len(runs)} runs here, not {self._runs}")
        if {run.id for run in self.there.runs()} != {run.id for run in runs}:
            self._complain(f"there are other runs there: {[run.id for run in self.there.runs()]}")
        for run in runs:
            self._judge(run, Run(self.there.root / run.id))
        deadline = time.monotonic() + 20
        while left := self._processes():
            if time.monotonic() > deadline:
                self._complain(f"processes are left: {left}")
                break
            time.sleep(0.2)
        return self.complaints

    def _judge(self, here: Run, there: Run) -> None:
        if (status := status_of(here)).state != "finished":
            self._complain(f"{here.id} is {status.state}: {status.reason}; {posting_of(here)}")
        if here.events.read_bytes() != there.events.read_bytes():
            self._complain(f"{here.id} has other events than there")
        events = [decode(line) for line in here.events.read_bytes().splitlines()]
        began = [event.attempt for event in events if isinstance(event, Start)]
        if began != list(range(1, len(began) + 1)):
            self._complain(f"{here.id} counts its attempts {began}")
        steps = [
            event.step for event in events if isinstance(event, Metrics) and "train/loss" in event.values
        ]
        if steps != list(range(1, STEPS + 1)):
            self._complain(f"{here.id} has the steps {steps}")
        if were_at_work_together(there.path):
            self._complain(f"{here.id} was at work twice at once")

    def told(self) -> str:
        """Return what happened, and what was said of it."""
        hits = ", ".join(f"{whom} {count}" for whom, count in sorted(self.kills.items()))
        runs = [f"{run.id}: {status_of(run).state}, {status_of(run).reason}" for run in self.store.runs()]
        logs = [
            self.store.root / ".bridge.log",
            self.there.root / ".worker.log",
            self._host.folder / "log" / "sshd",
        ]
        said = [f"{log}:\n{log.read_text()[-3000:]}" for log in logs if log.exists()]
        return "\n".join(
            [
                *self._log,
                *runs,
                *said,
                f"{self._time():.0f} s, {self.longest_wrong_s:.1f} s wrong ({self._longest_wrong}): {hits}",
            ]
        )


def _kind(words: list[str]) -> str | None:
    if words and Path(words[0]).name == "ssh":
        return "ssh"
    kinds = {"bridge": "bridge", "far-end": "far end", "work": "worker", "train": "run"}
    found = next((kind for word, kind in kinds.items() if word in words), None)
    return found or ("program" if any(word.endswith("steps.py") for word in words) else None)


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
