"""Runs that have measured this and that, and a folder to write them to."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.config.schema import Experiment
from engine.events import End, Metrics, Start
from engine.runs.recorder import Recorder
from engine.runs.store import Run, Store

NOW = 1_795_000_000.0
Write = Callable[..., Run]


@pytest.fixture
def write(store: Store, tiny: Experiment) -> Write:
    """Write a run as the engine does; ``again`` is the step from which it was resumed."""

    def write(seed: int = 0, steps: int = 20, again: int | None = None, end: bool = True) -> Run:
        run = store.create(tiny, seed)
        recorder = Recorder(run)
        recorder.emit(Start(time=NOW, run=run.id, experiment=tiny.name, seed=seed, epochs=2, init="scratch"))
        clock = measure(recorder, 1, steps, NOW, seed)
        if again is not None:
            recorder.emit(
                Start(time=clock + 100, run=run.id, experiment=tiny.name, attempt=2, seed=seed, step=again)
            )
            clock = measure(recorder, again + 1, steps, clock + 100, seed + 7)
        if end:
            recorder.emit(End(time=clock, run=run.id, state="finished", duration_s=clock - NOW))
        recorder.close()
        return run

    return write


def measure(recorder: Recorder, first: int, last: int, clock: float, seed: int) -> float:
    for step in range(first, last + 1):
        values = {"train/loss": 2.3 * math.exp(-step / 9) + seed / 7, "gpu/memory_peak": 3.1e9 + step}
        if step % 10 == 0:
            values["test/f1"] = step / 70
        if step == 13:
            values["train/loss"] = math.nan
        clock += 0.3
        recorder.emit(Metrics(time=clock, run=recorder.run.id, step=step, epoch=step / 10, values=values))
    return clock


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"
