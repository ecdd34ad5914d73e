"""What a run's process does once it holds the run: build, train, and end with an event whatever happens."""

from __future__ import annotations

import dataclasses
import os
import time
import traceback

import msgspec
import torch

from engine import process
from engine.config import ConfigError, Experiment
from engine.events import Failure, Start
from engine.models import create_model
from engine.models.pretrained import CheckpointError as PretrainedError
from engine.models.pretrained import load_pretrained
from engine.recorder import Recorder
from engine.stop import FAILED, FINISHED, STOPPED, StopRequest, pulse
from engine.store import Run
from engine.telemetry import Nvml, Sampler
from engine.training import checkpoint
from engine.training.checkpoint import CheckpointError
from engine.training.data import DataError, load_dataset
from engine.training.loop import Diverged, Trainer


def train(
    run: Run, experiment: Experiment, seed: int, recorder: Recorder, stop: StopRequest, device: str
) -> int:
    """Train a run that this process holds, and return the process's exit code; whatever fails is recorded."""
    where = torch.device("cpu")
    try:
        where = pick_device(device)
        with Sampler(pulse(recorder, stop), _uuids(where)):
            trainer = _build(run, experiment, seed, where, recorder, stop)
            if where.type == "cpu":
                _say_why_no_gpu(recorder, device)
            stopped = trainer.fit()
    except Exception as error:  # noqa: BLE001  whatever it is, the run says so and ends
        _announce_failure(recorder, error, experiment)
        return FAILED
    if stopped is None:
        recorder.end("finished", f"trained all {experiment.epochs} epochs")
        return FINISHED
    run.clear_request()
    recorder.end("stopped", f"{stop.reason} at epoch {trainer.epoch:.2f}")
    return STOPPED


def _build(
    run: Run, experiment: Experiment, seed: int, device: torch.device, recorder: Recorder, stop: StopRequest
) -> Trainer:
    torch.manual_seed(seed)
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    last = run.checkpoints / "last.pt"
    state = checkpoint.load(last, torch.device("cpu")) if last.exists() else None
    data = load_dataset(experiment, seed)
    model = create_model(
        experiment.model,
        num_classes=len(data.classes),
        image_size=experiment.image_size,
        patch_size=experiment.patch_size,
        **experiment.options,
    )
    loaded = load_pretrained(model, experiment.pretrained) if experiment.pretrained else None
    if loaded is not None and loaded.mean is not None and loaded.std is not None:
        data = dataclasses.replace(data, mean=loaded.mean, std=loaded.std)
    trainer = Trainer(experiment, seed, model, data, device, recorder, lambda: stop.wanted)
    if state is not None:
        trainer.restore(state)
    recorder.emit(
        Start(
            time=time.time(),
            run=run.id,
            attempt=recorder.status.attempt + 1,
            experiment=experiment.name,
            config=msgspec.to_builtins(experiment),
            seed=seed,
            pid=os.getpid(),
            host=process.host(),
            boot=process.boot_id(),
            process_started=process.started(os.getpid()) or 0.0,
            device=_device_name(device),
            parameters=sum(parameter.numel() for parameter in model.parameters()),
            versions=_versions(),
            steps_per_epoch=trainer.steps_per_epoch,
            epochs=experiment.epochs,
            step=trainer.step,
            init=loaded.source if loaded else "scratch",
        )
    )
    sizes = ", ".join(
        f"{len(split)} to {use}"
        for use, split in (("train", data.train), ("validate", data.val), ("test", data.test))
    )
    recorder.log("info", f"{experiment.dataset}: {sizes}")
    if loaded is not None:
        recorder.log("info", str(loaded))
    return trainer


def pick_device(name: str) -> torch.device:
    """Return the device of that name; ``auto`` is the first GPU, or the CPU where there is none.

    Raises:
        DeviceError: There is no such device.
    """
    if name == "auto":
        return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda") or (index and not index.isdecimal()):
        raise DeviceError(f"there is no device {name!r}; it is auto, cpu, cuda or cuda:N")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise DeviceError(f"there is no {name}: torch sees {torch.cuda.device_count()} CUDA devices")
    return torch.device("cpu") if kind == "cpu" else torch.device("cuda", int(index or 0))


class DeviceError(Exception):
    """A device was asked for that this machine does not have."""


def _say_why_no_gpu(recorder: Recorder, asked: str) -> None:
    if asked == "auto":
        nvml = Nvml()
        why = f"NVML: {nvml.missing}" if nvml.missing else "torch cannot use the GPU"
        nvml.close()
        recorder.log("info", f"training on the CPU ({why})")


def _announce_failure(recorder: Recorder, error: Exception, experiment: Experiment) -> None:
    message = str(error) or type(error).__name__
    trace = traceback.format_exc()
    if isinstance(error, torch.OutOfMemoryError):
        half = max(1, experiment.batch_size // 2)
        message = (
            f"out of GPU memory at batch_size = {experiment.batch_size}; try --set batch_size={half} "
            f"--set accumulate={experiment.accumulate * 2}, which keeps the effective batch"
        )
    elif isinstance(error, OSError) and error.errno is not None:
        message = f"{error.strerror}: {error.filename or recorder.run.path}"
    known = isinstance(error, KNOWN)
    failure = Failure(type=type(error).__name__, message=message, traceback=trace)
    recorder.log("error", message if known else f"{type(error).__name__}: {message}")
    recorder.end("failed", message, failure)


KNOWN = (
    DataError, CheckpointError, PretrainedError, Diverged, DeviceError, ConfigError, torch.OutOfMemoryError,
)  # fmt: skip
"""Errors whose message says all that a user needs."""


def _uuids(device: torch.device) -> list[str]:
    if device.type != "cuda":
        return []
    return [f"GPU-{torch.cuda.get_device_properties(device).uuid}"]


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} {torch.cuda.get_device_name(device)}"
    return f"cpu ({torch.get_num_threads()} threads)"


def _versions() -> dict[str, str]:
    import platform
    from importlib.metadata import version

    versions = {"python": platform.python_version(), "torch": str(torch.__version__)}
    versions["torchvision"] = version("torchvision")
    if torch.version.cuda and torch.cuda.is_available():
        versions["cuda"] = torch.version.cuda
    return versions
