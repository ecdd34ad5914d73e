"""A run that is stopped and resumed against one that is left alone, with deterministic = true."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import torch

from engine.runs.liveness import status_of
from engine.runs.store import Store
from gpu_parts.common import device, differing, engine, heading, options, row

EXPERIMENTS = """
[defaults]
dataset = "digits"
deterministic = true
epochs = {epochs}
batch_size = {batch}
log_every = 1
evaluate_every = 6

[experiments.vit]
model = "vit_mini"
image_size = 16
patch_size = 4

[experiments.bit]
model = "bit_mini"
image_size = 16

[experiments.hybrid]
model = "hybrid_mini"
image_size = 16
ema = 0.99
accumulate = 2
"""


def main() -> None:
    """Print for each experiment how many tensors of the last checkpoints differ."""
    small = options(__doc__).small
    epochs, batch = (12, 64) if small else (30, 64)
    Path("experiments.toml").write_text(EXPERIMENTS.format(epochs=epochs, batch=batch))
    heading("experiment", "device", "stopped at step", "of", "tensors that differ", "the first of them")
    for name in ("vit",) if small else ("vit", "bit", "hybrid"):
        alone, halted = Store(Path("alone")), Store(Path("halted"))
        engine("run", name, "--runs", "alone", "--json")
        stopped_at = run_and_stop(name)
        (run,) = halted.runs()
        engine("resume", run.id, "--runs", "halted", "--json")
        (undisturbed,) = alone.runs()
        first, second = (
            torch.load(each.checkpoints / "last.pt", weights_only=True) for each in (undisturbed, run)
        )
        learned = ("model", "optimizer", "average")
        names = [change for key in learned for change in differing(first[key], second[key], key)]
        row(name, device(), stopped_at, first["step"], len(names), names[0] if names else "-")
        for each in (undisturbed, run):
            each.path.rename(f"{each.path.parent}-{name}")


def run_and_stop(name: str) -> int:
    """Train until a third of the steps is done, then stop now; return the step."""
    command = [sys.executable, "-m", "engine.cli", "run", name, "--runs", "halted", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (runs := Store(Path("halted")).runs()) or status_of(runs[0]).step < 5:
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended by itself")
        time.sleep(0.02)
    engine("stop", runs[0].id, "--now", "--runs", "halted")
    process.wait()
    return status_of(runs[0]).step


if __name__ == "__main__":
    main()
