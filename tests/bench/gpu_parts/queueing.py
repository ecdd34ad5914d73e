"""Two runs queued for one card's memory, and a stop by force after which the memory is proven free."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import torch

from engine.runs.liveness import status_of
from engine.runs.status import ENDED
from engine.runs.store import Store
from engine.system.nvml import Nvml
from engine.text import gib
from gpu_parts.common import engine, options

EXPERIMENTS = """
[defaults]
dataset = "digits"
model = "vit_mini"
image_size = 16
patch_size = 4
batch_size = 256
log_every = 1

[experiments.first]
epochs = 3

[experiments.second]
epochs = 2

[experiments.endless]
epochs = 5000
"""


def main() -> None:
    """Print who waited for whom, then what the stop says."""
    small = options(__doc__).small
    on_gpu = torch.cuda.is_available()
    Path("experiments.toml").write_text(EXPERIMENTS)
    engine("submit", "--wait", "first", "second", "--device", "cuda" if on_gpu else "cpu")
    engine("work", "--devices", "0" if on_gpu else "cpu:1")
    first, second = sorted(Store(Path("runs")).runs(), key=lambda run: status_of(run).experiment)
    one, two = status_of(first), status_of(second)
    print(
        f"- first: {one.state}; second: {two.state}, begun {two.started - one.ended:.2f} s after the first's end"
    )
    engine("submit", "--wait", "endless", "--device", "cuda" if on_gpu else "cpu")
    worker = subprocess.Popen(
        [sys.executable, "-m", "engine.cli", "work", "--devices", "0" if on_gpu else "cpu:1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    endless = next(run for run in Store(Path("runs")).runs() if status_of(run).experiment == "endless")
    deadline = time.monotonic() + 40
    while status_of(endless).step < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    held = used()
    answer = engine("stop", endless.id, "--force", "--patience", "2" if small else "20")
    worker.wait(timeout=20)
    for line in (answer.stdout + answer.stderr).strip().splitlines():
        print(f"- {line}")
    print(
        f"- NVML used with the run: {gib(held, 2)}; after it: {gib(used(), 2)}; it is {status_of(endless).state}"
    )
    if status_of(endless).state not in ENDED:
        raise SystemExit("the run goes on")


def used() -> int:
    """Return the bytes that NVML says are used on the first card; 0 without one."""
    nvml = Nvml()
    samples = nvml.sample()
    nvml.close()
    return (samples[0].memory_used or 0) if samples else 0


if __name__ == "__main__":
    main()
