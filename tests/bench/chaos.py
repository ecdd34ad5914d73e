"""A queue of short runs on three pretend devices while everything that runs is killed, and what is left of it.

    python -m tests.bench.chaos [--seed 0] [--runs 40] [--kills 100] [--folder DIR] [--strangers]

Worker, runs, their programs and the shell that started them get SIGKILL, SIGTERM, and SIGSTOP with SIGCONT or SIGKILL,
at random; workers are started again, what ended too early is resumed. Meanwhile the folder is copied again and again,
and each copy is opened: it has to be what the folder was at a moment of the copying. At the end every run has finished,
no two attempts at a run and no two runs on a device were at work at once, no event is lost, and no process is left.

With --strangers the same folder holds runs of others that ask to be started, and two that name a process of
this user as theirs: none of them is ever started, and that process lives.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

import msgspec

from engine.events import End, Event, Log, Start, decode
from engine.history.reader import History
from engine.queue.stop_and_resume import request_resume
from engine.queue.worker import ensure_worker
from engine.runs.liveness import status_of
from engine.runs.queue_entry import QueueEntry, queue_entry, waiting_entry
from engine.runs.status import ENDED, State, Status
from engine.runs.store import Run, Store, StoreError
from engine.runs.trust import entry_writer
from engine.system import process
from tests.processes import commands, parent
from tests.strangers import Strangers

ROOT = Path(__file__).parent.parent.parent
STEPS, EPOCHS = 50, 4
WORK = ("--devices", "cpu:3", "--backoff", "0.5")
EXPERIMENTS = f"""
[experiments.steps]
command = ["{sys.executable}", "{ROOT}/tests/steps.py", "{STEPS}", "0.04"]
retries = 50
[experiments.frail]
command = ["{sys.executable}", "{ROOT}/tests/steps.py", "{STEPS}", "0.04"]
[experiments.training]
model = "vit_mini"
dataset = "digits"
image_size = 8
patch_size = 4
epochs = {EPOCHS}
batch_size = 32
subset_per_class = 10
val_fraction = 0.1
log_every = 1
retries = 50
"""
Look = tuple[Status, QueueEntry | None]
CYCLE = ("queued", "starting", "running", "ended")


class Chaos:
    """One go: ``run`` it, then ``verdict`` says what was not as it has to be."""

    def __init__(
        self, folder: Path, *, seed: int = 0, runs: int = 40, trainings: int = 6, kills: int = 100,
        strangers: bool = False,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.store = Store(folder / "runs")
        self.complaints: list[str] = []
        self.counts: Counter[str] = Counter()
        self._chance = random.Random(seed)
        self._runs, self._trainings, self._kills = runs, trainings, kills
        self._strangers = Strangers(self.store.root, folder / "marks") if strangers else None
        self._foreign: set[str] = set()
        """The ids of the runs that strangers put there."""
        self._victim: subprocess.Popen[bytes] | None = None
        self._began = time.monotonic()
        self._log = (folder / "chaos.log").open("a")
        self._console = (folder / "shell.log").open("ab")
        self._shells: list[subprocess.Popen[bytes]] = []
        self._paused: dict[int, float] = {}
        self._done = threading.Event()
        (folder / "experiments.toml").write_text(EXPERIMENTS)

    def say(self, words: str) -> None:
        """Write a line into the log."""
        self._log.write(f"{time.monotonic() - self._began:7.2f}  {words}\n")
        self._log.flush()

    def complain(self, words: str) -> None:
        """Note something that must not be."""
        if words not in self.complaints:
            self.say(f"WRONG: {words}")
            self.complaints.append(words)

    def run(self, patience_s: float = 480) -> None:
        """Queue, kill and resume until every run has finished, or ``patience_s`` have passed."""
        self._submit()
        watchers = [threading.Thread(target=self._guard, args=(look,)) for look in (self._watch, self._copy)]
        for watcher in watchers:
            watcher.start()
        try:
            while self.counts["kills"] < self._kills and not self._finished() and self._time() < patience_s:
                time.sleep(self._chance.uniform(0.1, 0.6))
                self._strike()
                self._continue_paused()
                self._bring_back()
            self.say(f"no more kills after {self.counts['kills']}")
            self._continue_paused(everything=True)
            while not self._finished() and self._time() < patience_s:
                time.sleep(0.5)
                self._bring_back()
        finally:
            self._done.set()
            for watcher in watchers:
                watcher.join()
        self.seconds = self._time()

    def _time(self) -> float:
        return time.monotonic() - self._began

    def _guard(self, look) -> None:
        try:
            while not self._done.is_set():
                began = time.monotonic()
                look()
                time.sleep(max(0.01, 0.05 - (time.monotonic() - began)))
        except Exception as error:  # it belongs into the verdict, whatever it is
            self.complain(f"{look.__name__}: {type(error).__name__}: {error}")
            raise

    # ---- doing

    def _engine(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "engine.cli", *arguments]

    def _options(self) -> dict:
        return {
            "cwd": self.folder, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
            "stderr": self._console, "env": os.environ | {"PYTHONPATH": str(ROOT)},
        }  # fmt: skip

    def _submit(self) -> None:
        steps = self._runs - self._trainings
        for name, count in (
            ("training", self._trainings),
            ("frail", steps // 3),
            ("steps", steps - steps // 3),
        ):
            if count:
                seeds = ",".join(map(str, range(count)))
                subprocess.run(
                    self._engine("submit", name, "--wait", "--seeds", seeds), check=True, **self._options()
                )
        queue = self.store.runs()
        self._chance.shuffle(queue)
        for number, run in enumerate(queue):  # a queue in which kinds are mixed
            place = waiting_entry(run)
            entry_writer.change(run, place, msgspec.structs.replace(place, order=float(number)))
        if self._strangers is not None:
            self._strangers.write_queued()
            self._victim = subprocess.Popen(["sleep", "3600"], cwd="/", start_new_session=True)
            self._strangers.write_spoofed(self._victim.pid, self._victim.pid)
            self._foreign = {run.id for run in self.store.runs()} - {run.id for run in queue}
        self._shell()

    def _shell(self) -> None:
        """Start a worker in a shell, which is killed with its group like a terminal that is closed."""
        command = f"{sys.executable} -m engine.cli work {' '.join(WORK)}; true"
        self._shells.append(
            subprocess.Popen(["bash", "-c", command], start_new_session=True, **self._options())
        )

    def _strike(self) -> None:
        runs = [(run, pid) for run, pid in self._processes() if pid not in self._paused]
        whom = self._chance.choices(["run", "program", "worker", "shell"], [6, 2, 3, 1])[0]
        number = self._chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
        if whom == "shell":
            for shell in self._shells:
                with contextlib.suppress(OSError):
                    os.killpg(shell.pid, signal.SIGKILL)
                    self._hit("shell", shell.pid, signal.SIGKILL)
                shell.wait()
            self._shells.clear()
        elif whom == "worker":
            for pid in self._workers():
                self._send("worker", pid, number)
        elif runs:
            at_work = [
                (run, pid) for run, pid in runs if status_of(Run(self.store.root / run)).state == "running"
            ]
            run, pid = self._chance.choice(at_work if at_work and self._chance.random() < 0.7 else runs)
            if whom == "program":
                pid = next(iter(self._programs(pid)), pid)
            self._send(f"{whom} of {run}", pid, number)

    def _send(self, whom: str, pid: int, number: signal.Signals) -> None:
        with contextlib.suppress(OSError):
            os.kill(pid, number)
            self._hit(whom, pid, number)
            if number == signal.SIGSTOP:
                self._paused[pid] = time.monotonic() + self._chance.uniform(0.2, 2)

    def _hit(self, whom: str, pid: int, number: signal.Signals) -> None:
        self.counts["kills"] += 1
        self.counts[f"{whom.split()[0]} {number.name}"] += 1
        self.say(f"{number.name} to {whom}, pid {pid}")

    def _continue_paused(self, *, everything: bool = False) -> None:
        for pid, until in list(self._paused.items()):
            if everything or time.monotonic() > until:
                del self._paused[pid]
                number = signal.SIGCONT if everything or self._chance.random() < 0.7 else signal.SIGKILL
                self.say(f"{number.name} to paused pid {pid}")
                with contextlib.suppress(OSError):
                    os.kill(pid, number)

    def _bring_back(self) -> None:
        """Do what a user would: resume what stopped or failed, and start a worker where there is none."""
        for run in self._own():
            if status_of(run).state in ("stopped", "failed") and self._chance.random() < 0.5:
                with contextlib.suppress(StoreError):
                    request_resume(run)
                    self.say(f"resumed {run.id}")
        if any(status_of(run).state == "crashed" for run in self._own()) and self._chance.random() < 0.3:
            self.say("resume --all-crashed --queue")
            command = "from engine.queue import worker; worker.ensure_worker = lambda *_: None; "
            command += "from engine.cli import main; main(['resume', '--all-crashed', '--queue'])"
            subprocess.run([sys.executable, "-c", command], check=False, **self._options())
        if not self._workers():
            self.say("starts a worker")
            if self._chance.random() < 0.3:
                self._shell()
            else:
                ensure_worker(self.store, *WORK)

    def _finished(self) -> bool:
        return all(status_of(run).state == "finished" for run in self._own())

    def _own(self) -> list[Run]:
        """Return the runs that were queued here."""
        return [run for run in self.store.runs() if run.id not in self._foreign]

    # ---- looking

    def _processes(self) -> list[tuple[str, int]]:
        """Return the processes that hold runs, with the ids of these; not what they are about to become."""
        found = []
        for pid, words in commands(self.folder):
            if "train" in words:
                found.append((words[words.index("train") + 1], pid))
        pids = {pid for _, pid in found}
        return [(run, pid) for run, pid in found if parent(pid) not in pids]

    def _workers(self) -> list[int]:
        mine = str(self.store.root.resolve())
        return [
            pid for pid, words in commands(self.folder)
            if "work" in words and (mine in words or WORK[0] in words) and "bash" not in words[0]
        ]  # fmt: skip

    def _programs(self, engine: int) -> list[int]:
        return [
            pid
            for pid, words in commands(self.folder)
            if parent(pid) == engine and "steps.py" in " ".join(words)
        ]

    def _watch(self) -> None:
        """See that at this moment no run has two processes and no device two runs."""
        processes = self._processes()
        owners: dict[str, str] = {}
        for run, count in Counter(run for run, _ in processes).items():
            if count > 1:
                self.complain(f"{run} has {count} processes")
        for run, pid in processes:
            place = queue_entry(Run(self.store.root / run))
            if place is None or place.owner is None or place.owner.pid != pid:
                continue
            for device in place.devices:
                if owners.setdefault(device, run) != run and process.started(pid) is not None:
                    self.complain(f"{owners[device]} and {run} are both on {device}")
        self.counts["looks"] += 1

    def _copy(self) -> None:
        """Copy the folder while it changes, and see that the copy is what it was at a moment meanwhile."""
        before = {run.id: (status_of(run), queue_entry(run)) for run in self._own()}
        fresh = self.counts["copies"] % 20 == 0
        target = self.folder / ("fresh" if fresh else f"copy{self.counts['copies'] % 3}")
        if fresh:
            shutil.rmtree(target, ignore_errors=True)
        _mirror(self.store.root, target)
        copies = {run.id: (run, status_of(run)) for run in Store(target).runs()}
        after = {run.id: (status_of(run), queue_entry(run)) for run in self._own()}
        for name, (copy, status) in copies.items():
            if name in before:
                self._judge(copy, before[name], status, after[name])
        if missing := before.keys() - copies.keys():
            self.complain(f"copies without {missing}")
        self.counts["copies"] += 1

    def _judge(self, copy: Run, was: Look, status: Status, then: Look) -> None:
        (before, _), (after, place) = was, then
        allowed = possible(was, then)
        if place is not None and place.owner is not None and not place.owner.is_alive:
            allowed.add("crashed")  # it is dying, and its lock is not free yet
        if status.state not in allowed:
            self.complain(
                f"a copy of {copy.id} was {status.state} between {before.state} ({before.attempt}) and "
                f"{after.state} ({after.attempt}): {queue_entry(copy)}"
            )
        if status.state == "crashed" and after.state != "crashed" and before.state != "crashed":
            self.counts["copies of a run that ended since, called crashed"] += 1
        copied = copy.events.read_bytes() if copy.events.exists() else b""
        original = Run(self.store.root / copy.id).events
        if not (original.read_bytes() if original.exists() else b"").startswith(copied):
            self.complain(f"a copy of {copy.id} has other events than the run")
        history = History(copy.path)
        history.update()
        if history.offset != copied.rfind(b"\n") + 1:
            self.complain(f"a copy of {copy.id} is not read to its last whole line")

    # ---- the verdict

    def verdict(self) -> list[str]:
        """Return all that is wrong, nothing if nothing is."""
        for _ in range(50):
            if not (left := commands(self.folder)):
                break
            time.sleep(0.2)
        for pid, words in left:
            self.complain(f"a process is left: {pid} {' '.join(words)}")
        if self._strangers is not None and (executed := self._strangers.executed()):
            self.complain(f"runs of strangers were started: {', '.join(executed)}")
        if self._victim is not None:
            if self._victim.poll() is not None:
                self.complain("a process was killed that a stranger's run named")
            self._victim.kill()
            self._victim.wait()
        runs = self._own()
        if len(runs) != self._runs:
            self.complain(f"there are {len(runs)} runs, not {self._runs}")
        occupied = defaultdict(list)
        for run in runs:
            if (state := status_of(run).state) != "finished":
                self.complain(f"{run.id} is {state}: {status_of(run).reason}")
            self._check_events(run, occupied)
            self._check_beats(run)
        for device, spans in occupied.items():
            for (_, end, one), (begin, _, two) in itertools.pairwise(sorted(spans)):
                if begin < end:
                    self.complain(f"{one} and {two} were both on {device}")
        for shell in self._shells:
            shell.wait()
        self._console.close()
        self._log.close()
        return self.complaints

    def _check_events(self, run: Run, occupied: dict[str, list[tuple[float, float, str]]]) -> None:
        lines = run.events.read_bytes().split(b"\n")
        events = [event for line in lines if (event := decode(line)) is not None]
        starts = [event for event in events if isinstance(event, Start)]
        torn = sum(bool(line) and decode(line) is None for line in lines)
        if torn > len(starts):
            self.complain(f"{run.id} has {torn} torn lines in {len(starts)} attempts")
        self.counts["attempts"] += len(starts)
        self.counts["torn lines"] += torn
        if [start.attempt for start in starts] != list(range(1, len(starts) + 1)):
            self.complain(f"{run.id} counts its attempts {[start.attempt for start in starts]}")
        for one, two in itertools.pairwise(events):
            if two.time < one.time - 0.5 and isinstance(two, Start):
                self.complain(f"{run.id}: an attempt begins before the last one ends")
        for device, begin, end in _occupations(events):
            occupied[device].append((begin, end, run.id))
        history = History(run.path)
        history.update()
        steps = (
            STEPS if history.starts[0].steps_per_epoch is None else EPOCHS * history.starts[0].steps_per_epoch
        )
        found = history.series("train/loss")[0].tolist()
        if found != list(range(1, steps + 1)):
            self.complain(f"{run.id} has the steps {found}")

    def _check_beats(self, run: Run) -> None:
        """See that no two programs of a run were at work at once."""
        if not (run.path / "beats").exists():
            return
        times = defaultdict(list)
        for line in (run.path / "beats").read_text().splitlines():
            pid, when, *_ = line.split()
            times[pid].append(float(when))
        spans = sorted((min(each), max(each)) for each in times.values())
        if any(begin < end for (_, end), (begin, _) in itertools.pairwise(spans)):
            self.complain(f"{run.id} was at work twice at once")

    def report(self) -> str:
        """Return what happened, as lines of Markdown."""
        kills = {name: count for name, count in self.counts.items() if "SIG" in name}
        hits = ", ".join(f"{name} {count}" for name, count in sorted(kills.items()))
        return (
            f"{self._runs} runs, {self.counts['kills']} kills in {self.seconds:.0f} s: {hits}.\n"
            f"{self.counts['attempts']} attempts, {self.counts['torn lines']} torn lines, "
            f"{self.counts['copies']} copies opened ({self.counts['copies of a run that ended since, called crashed']} "
            f"times a run that had ended since was called crashed), {self.counts['looks']} looks at all processes."
        )


def possible(was: Look, then: Look) -> set[State]:
    """Return the states in which a copy may be that was made and opened between two looks at the run.

    What was copied before its end and is opened after it cannot be told from a crash; and in a copy a run is queued
    until its process has taken it, where the lock tells that it is on its way.
    """
    (before, place), (after, later) = was, then
    if (before.attempt, before.ended, before.state, place) == (
        after.attempt,
        after.ended,
        after.state,
        later,
    ):
        return {before.state} | ({"queued"} if before.state == "starting" else set())
    at, to = (CYCLE.index("ended" if each.state in ENDED else each.state) for each in (before, after))
    passed = [CYCLE[at]]
    while at != to or len(passed) == 1:
        at = (at + 1) % len(CYCLE)
        passed.append(CYCLE[at])
    states: set[State] = set()
    for each in passed:
        states |= ENDED if each == "ended" else {each}  # type: ignore[operator]
    return states | ({"queued"} if "starting" in states else set())


def _occupations(events: list[Event]) -> list[tuple[str, float, float]]:
    """Return when each attempt had a device: from the word that it was given until its last event."""
    found, device, begin, last = [], "", 0.0, 0.0
    for event in events:
        if isinstance(event, Log) and event.message.startswith("the queue gave it "):
            if device:
                found.append((device, begin, last))
            device, begin = event.message.removeprefix("the queue gave it "), event.time
        elif isinstance(event, Log) and "the queue begins it anew" in event.message:
            continue
        said_by_others = isinstance(event, End) and event.reason.endswith("before it began")
        last = last if said_by_others else event.time
        if isinstance(event, End) and device:
            found.append((device, begin, last))
            device = ""
    return found


def _mirror(source: Path, target: Path) -> None:
    """Copy a folder with rsync; where there is none, file by file in the folder's order."""
    if shutil.which("rsync"):
        done = subprocess.run(
            ["rsync", "-a", "--delete", f"{source}/", f"{target}/"], capture_output=True, check=False
        )
        if done.returncode not in (0, 24):  # 24: files vanished on the way, as drafts do
            raise RuntimeError(f"rsync ended with {done.returncode}: {done.stderr.decode()}")
        return
    for here, _, names in os.walk(source):
        there = target / Path(here).relative_to(source)
        there.mkdir(parents=True, exist_ok=True)
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(Path(here, name), there / name)


def main() -> None:
    """Run it once and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--trainings", type=int, default=6)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--strangers", action="store_true")
    options = parser.parse_args()
    folder = (options.folder or Path(tempfile.mkdtemp(prefix="chaos-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    chaos = Chaos(
        folder, seed=options.seed, runs=options.runs, trainings=options.trainings, kills=options.kills,
        strangers=options.strangers,
    )  # fmt: skip
    chaos.run()
    wrong = chaos.verdict()
    print(chaos.report())
    print("\n".join(wrong) or "Nothing was wrong.")
    print(f"The log is {folder}/chaos.log")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
