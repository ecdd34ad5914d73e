"""A run of two processes whose every process gets SIGTERM, SIGINT or SIGHUP at once, again and again.

    python -m tests.bench.signals [--signals 20] [--seed 0] [--folder DIR]

Signals come at random moments: while the run starts, before its first step, and in the middle of training. Each has to
stop the run, which says which signal it was and exits with 3, and is resumed. At the end the weights, their average,
the optimizer and all that was measured are those of the same run undisturbed, bit for bit, and no process is left.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from engine.events import Start, decode
from engine.history.reader import History
from engine.runs import run_lock
from engine.runs.liveness import status_of
from engine.runs.store import Run, Store
from engine.training import checkpoint
from tests.processes import commands, signal_everyone

ROOT = Path(__file__).parent.parent.parent
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
EXPERIMENTS = """
[experiments.two]
model = "bit_mini"
dataset = "digits"
image_size = 8
batch_size = 29
accumulate = 2
subset_per_class = 10
val_fraction = 0.1
log_every = 10
evaluate_every = 10
lr = 0.01
ema = 0.9
mixup = 0.2
gpus = 2
"""
PATIENCE_S = 120.0


@dataclass
class Strike:
    """One signal to every process of the run, and what became of it."""

    number: signal.Signals
    when: str
    processes: int
    took_s: float
    code: int
    state: str
    reason: str


@dataclass
class Outcome:
    """What a go of signals came to; ``wrong`` holds all that is not as it has to be."""

    strikes: list[Strike] = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def report(self) -> str:
        """Return it as a table of Markdown."""
        rows = [
            f"| {number} | {strike.number.name} | {strike.when} | {strike.processes} | {strike.took_s:.1f} "
            f"| {strike.reason} |"
            for number, strike in enumerate(self.strikes, start=1)
        ]
        head = (
            "| | signal | when | processes | seconds to the end | the run's end |\n|---|---|---|---|---|---|"
        )
        verdict = "; ".join(self.wrong) or "nothing was wrong"
        told = f"{len(self.strikes)} signals over {self.steps} steps in {self.seconds:.0f} s: {verdict}."
        return "\n".join((head, *rows, "", told))


def disturb(folder: Path, signals: int, seed: int = 0) -> Outcome:
    """Train a run undisturbed, and the same one with ``signals`` signals; return what that came to."""
    began, outcome, chance = time.monotonic(), Outcome(), random.Random(seed)
    (folder / "experiments.toml").write_text(f"{EXPERIMENTS}epochs = {max(40, 6 * signals)}\n")
    if code := _start(folder, "run", "two", "--runs", "whole").wait(600):
        outcome.wrong.append(f"the undisturbed run ended with {code}")
        return outcome
    (whole,) = Store(folder / "whole").runs()
    process = _start(folder, "run", "two", "--runs", "parts")
    starts_in = _time_to_start(whole)
    for count in range(signals):
        number = SIGNALS[count % len(SIGNALS)]
        starting = chance.uniform(0, starts_in) if count % 2 else None
        if (strike := _strike(folder, process, number, starting, chance)) is None:
            break
        outcome.strikes.append(strike)
        if (strike.code, strike.state) != (3, "stopped") or f"stopped by {number.name} " not in strike.reason:
            outcome.wrong.append(f"{number.name} {strike.when} ended it with {strike.code}: {strike.reason}")
        (run,) = Store(folder / "parts").runs()
        process = _start(folder, "resume", run.id, "--runs", "parts")
    if len(outcome.strikes) < signals / 2:
        outcome.wrong.append("it ended before half of the signals were sent")
    code = process.wait(600)
    (run,) = Store(folder / "parts").runs()
    if code or status_of(run).state != "finished":
        outcome.wrong.append(
            f"the last attempt ended with {code}: {status_of(run).state}, {status_of(run).reason}"
        )
    outcome.wrong += _differences(whole, run)
    outcome.wrong += [f"process {pid} is left: {' '.join(words)}" for pid, words in commands(folder)]
    outcome.steps, outcome.seconds = status_of(run).step, time.monotonic() - began
    return outcome


def _strike(
    folder: Path,
    process: subprocess.Popen[bytes],
    number: signal.Signals,
    starting: float | None,
    chance: random.Random,
) -> Strike | None:
    """Send a signal to every process of a run; None if it has ended before.

    It comes so many seconds after the attempt has taken the run, None for soon after its first step.
    """
    store = Store(folder / "parts")
    _until(lambda: process.poll() is not None or (bool(store.runs()) and run_lock.is_held(store.runs()[0])))
    held = time.monotonic()
    (run,) = store.runs()
    attempts = _starts(run)
    if starting is not None:
        time.sleep(starting)
    else:
        _until(lambda: process.poll() is not None or _starts(run) > attempts)
        time.sleep(chance.uniform(0, 1))
    if process.poll() is not None:
        return None
    began = _starts(run) > attempts
    when = "in training" if began else f"starting, {time.monotonic() - held:.1f} s after it had the run"
    hit, sent = signal_everyone(process.pid, number, chance), time.monotonic()
    code = process.wait(PATIENCE_S)
    status = status_of(run)
    return Strike(number, when, hit, time.monotonic() - sent, code, status.state, status.reason)


def _start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    with (folder / "console").open("ab") as console:
        return subprocess.Popen(
            [sys.executable, "-m", "engine.cli", *arguments, "--device", "cpu"], cwd=folder,
            stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True,
            env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen in time")
        time.sleep(0.02)


def _starts(run: Run) -> int:
    if not run.events.exists():
        return 0
    return sum(isinstance(decode(line), Start) for line in run.events.read_bytes().splitlines())


def _time_to_start(run: Run) -> float:
    """Return the seconds from the making of a run to the start of its training."""
    events = [decode(line) for line in run.events.read_bytes().splitlines()]
    return next(event.time for event in events if isinstance(event, Start)) - run.info().created


def _differences(whole: Run, run: Run) -> Iterator[str]:
    """Say in what the ends of two runs differ."""
    one, two = (checkpoint.load(each.checkpoints / "last.pt", torch.device("cpu")) for each in (whole, run))
    for part in ("model", "average", "optimizer", "step"):
        unequal = sum(not _equal(one_leaf, two_leaf) for one_leaf, two_leaf in _pairs(one[part], two[part]))
        if unequal:
            yield f"{unequal} tensors or numbers of {part} differ"
    if _measured(whole) != _measured(run):
        yield "what was measured differs"


def _pairs(one: Any, two: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(one, dict):
        for key in one.keys() | two.keys():
            yield from _pairs(one.get(key), two.get(key))
    elif isinstance(one, list | tuple):
        for each_one, each_two in itertools.zip_longest(one, two):
            yield from _pairs(each_one, each_two)
    else:
        yield one, two


def _equal(one: Any, two: Any) -> bool:
    return torch.equal(one, two) if isinstance(one, torch.Tensor) else bool(one == two)


def _measured(run: Run) -> dict[str, list[list[float]]]:
    history = History(run.path)
    history.update()
    names = [name for name in history.metrics if name.startswith(("test/", "val/", "ema/"))]
    return {name: [axis.tolist() for axis in history.series(name)] for name in names}


def main() -> None:
    """Run it once and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--signals", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    folder = (options.folder or Path(tempfile.mkdtemp(prefix="signals-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    outcome = disturb(folder, options.signals, options.seed)
    print(outcome.report())
    sys.exit(bool(outcome.wrong))


if __name__ == "__main__":
    main()
