"""What the parts of the GPU benchmark share: their options, tables, data and a trainer that only takes steps."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from engine.config.schema import Experiment
from engine.models import create_model
from engine.training.data.augment import Preprocess
from engine.training.data.dataset import Dataset, Split
from engine.training.learner import Batch, Learner, Pass


def options(description: str | None) -> argparse.Namespace:
    """Return a part's options: small, folder and seconds."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--seconds", type=float, default=600.0)
    return parser.parse_args()


def device() -> torch.device:
    """Return the GPU, or the CPU where there is none."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def synchronize() -> None:
    """Wait for the GPU."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def row(*cells: object) -> None:
    """Print a line of a table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def heading(*cells: str) -> None:
    """Print the head of a table."""
    print()
    row(*cells)
    row(*["---"] * len(cells))


def images_on(where: torch.device, count: int, side: int, classes: int = 10) -> Dataset:
    """Return random images of a size, all of them in each split."""
    images = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8)
    split = Split(images, torch.arange(count) % classes).to(where)
    return Dataset(
        split, split, split, tuple(map(str, range(classes))), mean=(0.5,) * 3, std=(0.29,) * 3, flips=True
    )


class Steps:
    """Optimizer steps of an experiment on random images, as the engine takes them, without its events.

    Args:
        experiment: What trains, and how.
        passes: What is compiled before the first step; whole batches, if not given.

    Attributes:
        data_bytes: What the images take on the device.
        how: What ``Learner.accelerate`` says of how the model runs.
        prepared_s: Seconds that the probe and the compilation took.
    """

    def __init__(self, experiment: Experiment, passes: Sequence[Pass] = ()) -> None:
        self.device = device()
        self.experiment = experiment
        side = min(experiment.image_size, 224)
        data = images_on(self.device, 2 * experiment.batch_size, side)
        torch.manual_seed(0)
        self.model = create_model(
            experiment.model, num_classes=10, image_size=experiment.image_size, patch_size=experiment.patch_size,
            **experiment.options,
        )  # fmt: skip
        prepare = Preprocess(data, experiment, self.device).train
        self.learner = Learner(experiment, self.model, 10, self.device, 10_000, prepare)
        self.learner.model.train()
        self.how, self.prepared_s = "", 0.0
        self._data = data.train
        self.data_bytes = self._data.images.nbytes
        self._passes = passes or [Pass(experiment.batch_size, experiment.accumulate > 1)]
        self._number = 0

    def accelerate(self) -> None:
        """Do what a run does before its first step: look which kernels run, and compile."""
        began = time.perf_counter()
        self.how = self.learner.accelerate(self._passes)
        synchronize()
        self.prepared_s = time.perf_counter() - began

    def take(self, count: int) -> None:
        """Take steps of whole batches."""
        size = self.experiment.batch_size
        for _ in range(count):
            self.step([size] * self.experiment.accumulate)

    def step(self, sizes: list[int]) -> None:
        """Take one step of batches of these sizes."""
        self._number += 1
        batches = [Batch(self._data.images[:size], self._data.labels[:size], size) for size in sizes]
        random = torch.Generator(self.device).manual_seed(self._number)
        self.learner.step(self._number, batches, sum(sizes), random)

    def images_per_s(self, seconds: float, warm_up: int = 3) -> float:
        """Return the images a second of training over about so many seconds, after a warm-up."""
        self.take(warm_up)
        synchronize()
        began, steps = time.perf_counter(), 0
        while time.perf_counter() < began + seconds:
            self.take(1)
            steps += 1
            if steps % 5 == 0:
                synchronize()
        synchronize()
        images = steps * self.experiment.batch_size * self.experiment.accumulate
        return images / (time.perf_counter() - began)


def experiment(model: str, **keys: Any) -> Experiment:
    """Return an experiment that says what is not the default."""
    return Experiment(name=model, model=model, **keys)


def engine(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the engine in the current folder; what it prints is captured."""
    command = [sys.executable, "-m", "engine.cli", *words]
    return subprocess.run(command, check=check, capture_output=True, text=True)


def differing(first: Any, second: Any, name: str = "") -> Iterator[str]:
    """Yield the names of the tensors of a nested state that are not bit for bit the same."""
    if isinstance(first, torch.Tensor):
        if not (isinstance(second, torch.Tensor) and torch.equal(first, second)):
            yield name
    elif isinstance(first, dict):
        for key in first:
            yield from differing(first[key], second.get(key), f"{name}.{key}" if name else str(key))
    elif isinstance(first, list | tuple):
        for index, (one, other) in enumerate(zip(first, second, strict=True)):
            yield from differing(one, other, f"{name}[{index}]")
