"""How much GPU memory a queued run will take: as much as runs of its shape took, else what its model takes on paper.

The shape is what memory depends on: model, image size, patch, images at once on a device, precision, whether the model
is compiled. The dataset that is kept on the GPU is added for each run. The figures on paper are those of an eager model
and need torch, which takes seconds to load: another process works them out while the queue goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from engine.catalog.datasets import stored_bytes
from engine.catalog.metrics import over_gpus
from engine.config.schema import Experiment
from engine.runs.status import Status
from engine.runs.store import Run, Store, StoreError
from engine.system.files import DAMAGED, read_small, write_atomic
from engine.system.installed_extras import lacking
from engine.system.own_modules import own_module
from engine.text import GIB

MEASURED_MARGIN = 1.05
PAPER_MARGIN = 1.15
"""What the allocator and kernels add to the tensors of a model."""
CONTEXT = 1 * GIB
"""What CUDA and its libraries take of a GPU before the first tensor."""
TIMEOUT_S = 120.0


@dataclass(frozen=True)
class _Calculation:
    """A figure that is being worked out: of which shape, by which process, and until when it is waited for."""

    shape: str
    process: subprocess.Popen[bytes]
    deadline: float
    """By the monotonic clock."""


class _Parts(msgspec.Struct):
    """The bytes that ``engine.training.cost`` answers, by what holds them, the dataset apart."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    ema: int


class MemoryEstimates:
    """The memory of runs by their shape; figures on paper are kept beside the runs, in .memory.json.

    Args:
        store: Its finished and live runs give the measurements.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._file = store.root / ".memory.json"
        self._measured: dict[str, int] | None = None
        self._paper: dict[str, int | None] = _read(self._file)
        self._shapes: dict[str, tuple[str, Experiment] | None] = {}
        self._calculation: _Calculation | None = None

    def of(self, run: Run) -> int | None:
        """Return the bytes that a run will take on each of its GPUs, None where they are unknown so far."""
        if run.id not in self._shapes:
            self._shapes[run.id] = _shape(run)
        if (shape_and_experiment := self._shapes[run.id]) is None:
            return None
        shape, experiment = shape_and_experiment
        if self._measured is None:
            self._measured = _measured(self._store)
        size = self._measured.get(shape)
        if size is None:
            if shape not in self._paper:
                self._work_out(shape, experiment)
            size = self._paper.get(shape)
        return None if size is None else size + _dataset_bytes(msgspec.structs.asdict(experiment))

    def look_again(self) -> None:
        """Read the measurements of runs anew at the next question."""
        self._measured = None

    def poll(self) -> None:
        """Take the answer of the process that works out a figure, if it is there."""
        calculation = self._calculation
        if calculation is None:
            return
        if calculation.process.poll() is None:
            if time.monotonic() < calculation.deadline:
                return
            calculation.process.kill()
        answer, _ = calculation.process.communicate()
        self._calculation = None
        self._paper[calculation.shape] = _total(answer)
        with contextlib.suppress(OSError):
            write_atomic(self._file, msgspec.json.encode(self._paper))

    def close(self) -> None:
        """End the process that works out a figure."""
        if self._calculation is not None:
            self._calculation.process.kill()
            self._calculation.process.communicate()
            self._calculation = None

    def _work_out(self, shape: str, experiment: Experiment) -> None:
        """Start a process that works out a figure, one at a time."""
        if self._calculation is not None or lacking("train"):
            return
        with tempfile.TemporaryFile() as question:
            question.write(msgspec.json.encode(experiment))
            question.seek(0)
            process = subprocess.Popen(
                own_module("engine.training.cost"),
                stdin=question, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
            )  # fmt: skip
        self._calculation = _Calculation(shape, process, time.monotonic() + TIMEOUT_S)


def shape_of(config: Mapping[str, Any]) -> str | None:
    """Return what the memory of an experiment's runs depends on, None for a program of the user's."""
    if config.get("command"):
        return None
    batch = -(-int(config.get("batch_size", 0)) // max(1, int(config.get("gpus", 1))))
    parts = [config.get(key) for key in ("model", "image_size", "patch_size", "precision", "optimizer")]
    shape = [*parts, batch, config.get("options", {})]
    shape += [config.get("compile") == "off", bool(config.get("ema")), bool(config.get("checkpointing"))]
    return json.dumps(shape, sort_keys=True)


def _shape(run: Run) -> tuple[str, Experiment] | None:
    try:
        experiment = msgspec.convert(run.info().config, Experiment)
    except (StoreError, msgspec.ValidationError):
        return None
    shape = shape_of(msgspec.structs.asdict(experiment))
    return None if shape is None else (shape, experiment)


def _measured(store: Store) -> dict[str, int]:
    """Return the most that runs of each shape took of one GPU, without their datasets."""
    most_of_shape: dict[str, int] = {}
    for run in store.runs():
        try:
            best = msgspec.json.decode(read_small(run.status_file), type=Status).best
        except DAMAGED:
            continue
        if (size := _held(best)) is None:
            continue
        with contextlib.suppress(StoreError, ValueError, TypeError):
            config = run.info().config
            if (shape := shape_of(config)) is not None:
                most_of_shape[shape] = max(most_of_shape.get(shape, 0), size - _dataset_bytes(config))
    return most_of_shape


def _dataset_bytes(config: Mapping[str, Any]) -> int:
    """Return what a run's images take of each of its GPUs, 0 for a folder: what its like took includes them."""
    return stored_bytes(config) or 0


def _held(best: Mapping[str, float]) -> int | None:
    """Return what a run needed of a GPU at most: PyTorch's tensors and what comes on top, or all that it held if less.

    What the driver says is too much by what the allocator keeps for later, which may be all that a GPU has.
    """
    by_torch, by_driver = over_gpus(best, "memory_peak"), over_gpus(best, "memory_process")
    needed = None if by_torch is None else MEASURED_MARGIN * by_torch + CONTEXT
    return min((int(size) for size in (needed, by_driver) if size is not None), default=None)


def _total(answer: bytes) -> int | None:
    """Return what training takes of a GPU by the answer of ``engine.training.cost``, without its dataset, in bytes."""
    try:
        parts = msgspec.json.decode(answer, type=_Parts)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    tensors = parts.weights + parts.gradients + parts.optimizer + parts.activations + parts.ema
    return int(PAPER_MARGIN * tensors) + CONTEXT


def _read(file: Path) -> dict[str, int | None]:
    try:
        return msgspec.json.decode(read_small(file), type=dict[str, int | None])
    except DAMAGED:
        return {}
