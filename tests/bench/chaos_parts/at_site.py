"""Runs at a site while all that serves them is killed: what is the same over ssh and at Slurm.

The app, which runs on a terminal of our own, is among what is killed, and it is what brings the bridge back.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from engine.events import Metrics, Start, decode
from engine.runs.liveness import status_of
from engine.runs.posted.posting import posting_of
from engine.runs.store import Run, Store
from tests.conftest import ROOT, Engine
from tests.processes import commands
from tests.steps import were_at_work_together
from tests.tui.terminal.pty_session import PtySession

STEPS = 50
CODE = "import tests.engine.remote.hasty"
APP = (
    "import tests.engine.remote.hasty, tui.app; tui.app.BRIDGE_S = tui.app.BRIDGE_AGAIN_S = 1\n"
    "from tui.cli import main; main()"
)
APP_CHANCE = 0.2
"""How often the app may be what is hit: it is always there, and has to live to bring the bridge back."""
WRONG_S = 10.0
"""Seconds for which a state may be another than the truth while the site is heard, on a busy machine."""


def experiment(steps: int = STEPS, more: str = "") -> str:
    """Return the experiment whose seeds are sent: a line a step, for a tenth of a second each."""
    command = f'["{sys.executable}", "{ROOT}/tests/steps.py", "{steps}", "0.1"]'
    return f"[experiments.steps]\ncommand = {command}\nretries = 50\n{more}\n"


class ChaosAtSite:
    """One go: ``run`` it, then ``verdict`` says what was not as it has to be.

    Args:
        engine: The command, in the folder that sends the runs.
        seed: What chance begins with.
        runs: How many seeds of the experiment are sent.
        kills: How many processes are killed at most.
    """

    kinds: tuple[str, ...] = ()
    """What is killed, by the words of ``kind_of``."""

    def __init__(self, engine: Engine, *, seed: int, runs: int, kills: int) -> None:
        self.store = Store(engine.folder / "runs")
        self.kills: Counter[str] = Counter()
        self.complaints: list[str] = []
        self.longest_wrong_s, self._longest_wrong = 0.0, "nothing"
        self.chance, self.runs = random.Random(seed), runs
        self.engine, self._most = engine, kills
        self._log: list[str] = []
        self._wrong_since: dict[str, float] = {}
        self._app: PtySession | None = None
        self._began = time.monotonic()

    def run(self, patience_s: float = 240) -> None:
        """Send runs and kill until all have finished, or ``patience_s`` have passed."""
        struck_at = time.monotonic()
        while not self.is_done():
            if self._time() > patience_s:
                self.complain(f"it has not finished after {patience_s:.0f} s")
                break
            self.bring_back()
            self._open_app()
            if self.kills.total() < self._most and time.monotonic() >= struck_at:
                self._strike()
                struck_at = time.monotonic() + self.chance.uniform(0.1, 0.9)
            self._look()
            time.sleep(0.1)
        self._leave_app()

    def is_done(self) -> bool:
        """Return whether the last word of the site on each run is here."""
        runs = self.store.runs()
        postings = [posting_of(run) for run in runs]
        return len(runs) >= self.runs and all(
            posting is not None and posting.seen is not None for posting in postings
        )

    def bring_back(self) -> None:
        """Do what a user would beside looking at the app."""
        raise NotImplementedError

    def is_right(self, run: Run) -> bool:
        """Return whether the state that is shown of a run is one that the truth allows."""
        raise NotImplementedError

    def processes(self) -> dict[str, list[int]]:
        """Return the processes that have to do with the runs, by what they are."""
        return self.sort_processes(commands(self.store.root.parent))

    def sort_processes(self, found: list[tuple[int, list[str]]]) -> dict[str, list[int]]:
        """Return the ids of processes, by what they are."""
        by_kind: dict[str, list[int]] = {}
        for pid, words in found:
            if (kind := kind_of(words)) is not None and pid not in by_kind.setdefault(kind, []):
                by_kind[kind].append(pid)
        if self._app is not None and self._app.process.poll() is None:
            by_kind["app"] = [self._app.process.pid]
        return by_kind

    def say(self, words: str) -> None:
        """Note what happened."""
        self._log.append(f"{self._time():7.2f}  {words}")

    def complain(self, words: str) -> None:
        """Note what must not be."""
        if words not in self.complaints:
            self.say(f"WRONG: {words}")
            self.complaints.append(words)

    def _time(self) -> float:
        return time.monotonic() - self._began

    def _open_app(self) -> None:
        """Open the app where it is not, and take what it draws, so that it never waits for the terminal."""
        if self._app is not None and self._app.process.poll() is None:
            return
        if self._app is not None:
            self._app.close()
        state = Path(os.environ["XDG_STATE_HOME"])  # where the key is that signs what is sent
        self._app = PtySession(self.store.root.parent, APP, state)
        threading.Thread(target=self._app.listen, args=(10_000,), daemon=True).start()

    def _leave_app(self) -> None:
        if self._app is not None:
            self._app.process.kill()
            self._app.process.wait()
            time.sleep(0.2)  # its reader ends by itself
            self._app.close()
            self._app = None

    def _strike(self) -> None:
        processes = self.processes()
        spared = set() if self.chance.random() < APP_CHANCE else {"app"}
        if there := [kind for kind in self.kinds if kind in processes.keys() - spared]:
            whom = self.chance.choice(there)
            pid = self.chance.choice(processes[whom])
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                self.kills[whom] += 1
                self.say(f"killed {whom} {pid}")

    def _look(self) -> None:
        """See that no state here is wrong for longer than it takes to hear of it, or to know that nothing is heard."""
        now = time.monotonic()
        for run in self.store.runs():
            state, since = status_of(run).state, self._wrong_since.setdefault(run.id, now)
            if self.is_right(run):
                del self._wrong_since[run.id]
            elif now - since > self.longest_wrong_s:
                self.longest_wrong_s, self._longest_wrong = now - since, f"{run.id} was {state}"
                if self.longest_wrong_s > WRONG_S:
                    self.complain(f"{run.id} is {state} for so long: {self.truth(run)}")

    def truth(self, run: Run) -> str:
        """Return what is the case with a run, in words."""
        return f"{posting_of(run)}"

    def verdict(self) -> list[str]:
        """Return all that is wrong, nothing if nothing is."""
        runs = self.store.runs()
        if sorted(run.info().seed for run in runs) != list(range(self.runs)):
            self.complain(f"there are {len(runs)} runs here, not {self.runs}")
        for run in runs:
            self.judge(run)
        deadline = time.monotonic() + 20
        while left := self.processes():
            if time.monotonic() > deadline:
                self.complain(f"processes are left: {left}")
                break
            time.sleep(0.2)
        return self.complaints

    def judge(self, run: Run) -> None:
        """Complain of a run that is not finished, or not by one process after the other, each step once."""
        if (status := status_of(run)).state != "finished":
            self.complain(f"{run.id} is {status.state}: {status.reason}; {posting_of(run)}")
        events = (
            [decode(line) for line in run.events.read_bytes().splitlines()] if run.events.exists() else []
        )
        began = [event.attempt for event in events if isinstance(event, Start)]
        if began != list(range(1, len(began) + 1)):
            self.complain(f"{run.id} counts its attempts {began}")
        steps = [
            event.step for event in events if isinstance(event, Metrics) and "train/loss" in event.values
        ]
        if steps != list(range(1, STEPS + 1)):
            self.complain(f"{run.id} has the steps {steps}")
        if were_at_work_together(self.folder_of_work(run)):
            self.complain(f"{run.id} was at work twice at once")

    def folder_of_work(self, run: Run) -> Path:
        """Return the folder in which a run's program notes when it is at work."""
        return run.path

    def told(self, *more: str) -> str:
        """Return what happened, and what was said of it."""
        hits = ", ".join(f"{whom} {count}" for whom, count in sorted(self.kills.items()))
        runs = [f"{run.id}: {status_of(run).state}, {status_of(run).reason}" for run in self.store.runs()]
        log = self.store.root / ".bridge.log"
        said = log.read_text()[-3000:] if log.exists() else ""
        end = f"{self._time():.0f} s, {self.longest_wrong_s:.1f} s wrong ({self._longest_wrong}): {hits}"
        return "\n".join([*self._log, *runs, said, *more, end])


def kind_of(words: list[str]) -> str | None:
    """Return what a process is by its words, None if it has nothing to do with runs."""
    if words and Path(words[0]).name == "ssh":
        return "ssh"
    kinds = {
        "submit": "submitter", "bridge": "bridge", "far-end": "far end", "work": "worker", "train": "run",
    }  # fmt: skip
    kind = next((kind for word, kind in kinds.items() if word in words), None)
    return kind or ("program" if any(word.endswith("steps.py") for word in words) else None)
