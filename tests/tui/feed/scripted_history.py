"""A history of runs that is written as time goes on, by a clock of its own: for readers of a moment, then and later."""

from __future__ import annotations

import functools
import itertools
import os
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from engine.config.loader import load_config
from engine.events import End, Event, Failure, Metrics, QueuePlace, Start, encode
from engine.runs.provenance.code_snapshot import CodeSnapshot
from engine.runs.queue_entry import QueueEntry, queue_entry, write_entry
from engine.runs.store import Run, Store
from engine.system import process
from engine.system.lock_holder import this_process
from engine.system.nvml import GpuSample
from tui.state.snapshot import Project

BEGIN = 1_795_000_000.0
CARD = 80 * 2**30


class Lab:
    """Runs whose files say at each second what they would have said."""

    def __init__(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project, self.now = project, BEGIN
        self.plan: list[tuple[float, int, Callable[[], None]]] = []
        self.runs: dict[str, Run] = {}
        self.gpus: dict[str, GpuSample] = {}
        """What NVML would say of each card that a run has."""
        self._taken: dict[str, tuple[float, int]] = {}
        """When the process of each run began, and its GPU."""
        self._number = itertools.count()
        self._config = load_config(project.config)
        monkeypatch.setattr(time, "time", lambda: self.now)
        monkeypatch.setattr("engine.runs.store.take_snapshot", lambda *_: CodeSnapshot(None))

    def at(self, seconds: float, deed: Callable[[], None]) -> None:
        """Have something done so many seconds after the beginning."""
        self.plan.append((BEGIN + seconds, next(self._number), deed))

    def go_to(self, moment: float) -> None:
        """Do all that is due until a moment."""
        self.plan.sort(key=lambda entry: entry[:2])
        while self.plan and self.plan[0][0] <= moment:
            self.now, _, deed = self.plan.pop(0)
            deed()
        self.now = moment

    # ---- what runs do

    def queue(self, name: str, experiment: str, seed: int = 0) -> None:
        """Make a run and queue it."""

        def fill(draft: Run) -> None:
            write_entry(draft, QueueEntry(submitted=self.now))

        self.runs[name] = Store(self.project.runs).create(
            self._config.experiments[experiment], seed, fill=fill
        )

    def requeue(self, name: str) -> None:
        """Queue a run again that has ended."""
        self._enter(name, submitted=self.now, attempts=self._attempts(name), stage="waiting", order=None)

    def move(self, name: str) -> None:
        """Move a waiting run to the front of the queue."""
        self._enter(name, order=1.0)

    def take(self, name: str, gpu: int) -> None:
        """Have a process begin a run, which says nothing yet."""
        self._enter(
            name, stage="taken", holder=this_process(), attempts=self._attempts(name),
            devices={f"GPU-{gpu}": f"GPU {gpu}"},
        )  # fmt: skip
        self._taken[name] = self.now, gpu

    def start(self, name: str, step: int = 0) -> None:
        """Have a run say that it begins."""
        run, (taken, _) = self.runs[name], self._taken[name]
        entry = queue_entry(run)
        assert entry is not None
        place = QueuePlace(
            since=entry.submitted, priority=entry.priority, order=entry.order, devices=entry.devices
        )
        info = run.info()
        self._say(
            name,
            Start(
                time=self.now, run=run.id, attempt=self._attempts(name) + 1, experiment=info.experiment, seed=info.seed,
                config=info.config, pid=os.getpid(), host=process.host(), device="cuda:0 H200", steps_per_epoch=10,
                epochs=4, step=step, process_started=taken, queued=place,
            ),
        )  # fmt: skip

    def measure(self, name: str, step: int) -> None:
        """Have a run say how it and its GPU are."""
        _, gpu = self._taken[name]
        values = {
            "train/loss": 2.3 / (1 + step),
            "gpu/utilization": 40.0 + step,
            "gpu/memory_used": float(step * 2**20),
        }
        values |= {"gpu/power": 300.0 + step, "gpu/temperature": 50.0}
        if step % 10 == 0:
            values |= {"test/f1": step / 50, "test/loss": 1 / (1 + step), "val/f1": step / 60}
        run = self.runs[name]
        self._say(name, Metrics(time=self.now, run=run.id, step=step, epoch=step / 10, values=values))
        self.gpus[f"GPU-{gpu}"] = GpuSample(
            index=gpu, name="H200", uuid=f"GPU-{gpu}", memory_used=step * 2**20, memory_total=CARD,
            utilization=40.0 + step, power=300.0 + step, temperature=50.0,
        )  # fmt: skip

    def end(self, name: str, state: Any) -> None:
        """Have a run say how it ended."""
        error = Failure(type="Boom", message="it broke", traceback="") if state == "failed" else None
        run, reason = self.runs[name].id, f"it {state}"
        self._say(name, End(time=self.now, run=run, state=state, reason=reason, error=error, duration_s=9.0))
        self._free(name)
        if state == "finished":
            self.runs[name].queue_file.unlink()
        else:
            self._enter(name, stage="left", holder=None)

    def kill(self, name: str) -> None:
        """End a run's process without a word."""
        self._enter(name, holder=msgspec.structs.replace(this_process(), started=1.0))
        self._free(name)

    def cancel(self, name: str) -> None:
        """Take a run out of the queue."""
        run = self.runs[name].id
        self._say(
            name,
            End(time=self.now, run=run, state="stopped", reason="taken out", error=None, duration_s=0.0),
        )
        self._enter(name, stage="left")

    def _free(self, name: str) -> None:
        uuid = f"GPU-{self._taken[name][1]}"
        self.gpus[uuid] = msgspec.structs.replace(self.gpus[uuid], memory_used=0, utilization=0.0)

    def _enter(self, name: str, **changes: Any) -> None:
        entry = queue_entry(self.runs[name]) or QueueEntry(submitted=self.now)
        write_entry(self.runs[name], msgspec.structs.replace(entry, **changes))

    def _attempts(self, name: str) -> int:
        return (
            self.runs[name].events.read_bytes().count(b'"event":"start"')
            if self.runs[name].events.exists()
            else 0
        )

    def _say(self, name: str, event: Event) -> None:
        with self.runs[name].events.open("ab") as file:
            file.write(encode(event))


def plan_a_day(lab: Lab) -> float:
    """Plan runs that are queued, start, stop, go on, fail, crash and finish; return how many seconds that takes."""

    def train(name: str, gpu: int, begin: float, steps: range, end: str | None, every: float = 3.0) -> float:
        lab.at(begin, lambda: lab.take(name, gpu))
        lab.at(begin + 5, lambda: lab.start(name, steps.start))
        for number, step in enumerate(steps, 1):
            lab.at(begin + 5 + every * number, functools.partial(lab.measure, name, step + 1))
        last = begin + 5.5 + every * len(steps)
        if end is not None:
            lab.at(last, lambda: lab.kill(name) if end == "crashed" else lab.end(name, end))
        return last

    queued = [("a0", "ViT-small", 0), ("a1", "ViT-small", 1), ("b", "BiT-small", 0), ("c", "one-token", 0)]
    for number, words in enumerate([*queued, ("d", "BiT-small", 1)]):
        lab.at(7.0 * number + 1, functools.partial(lab.queue, *words))
    train("a0", 0, 10, range(40), "finished")
    train("a1", 1, 20, range(15), "stopped")
    lab.at(90, lambda: lab.requeue("a1"))
    train("b", 1, 80, range(12), "failed")
    train("a1", 1, 130, range(10, 40), "finished")
    lab.at(100, lambda: lab.cancel("d"))
    train("c", 0, 150, range(12), "crashed")
    lab.at(210, lambda: lab.requeue("c"))
    lab.at(215, lambda: lab.queue("e", "ViT-small", 2))
    lab.at(220, lambda: lab.queue("f", "BiT-small", 2))
    lab.at(225, lambda: lab.move("f"))
    train("f", 0, 235, range(10), "stopped")
    train("c", 1, 240, range(10, 25), None)
    lab.at(290, lambda: lab.queue("g", "one-token", 1))
    return 330.0
