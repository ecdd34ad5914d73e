"""What a run's process does once it holds the run: build, train, and end with an event whatever happens."""

from __future__ import annotations

import dataclasses
import errno
import os
import time
import traceback

import msgspec
import torch

from engine import process
from engine.config import ConfigError
from engine.events import Failure, Start
from engine.experiment import Experiment
from engine.models import create_model
from engine.models.pretrained import CheckpointError as PretrainedError
from engine.models.pretrained import load_pretrained
from engine.recorder import Recorder
from engine.stop import FAILED, FINISHED, STOPPED, StopRequest, pulse
from engine.store import Run
from engine.telemetry import Nvml, Sampler
from engine.training import checkpoint
from engine.training.checkpoint import CheckpointError
from engine.training.cost import Cost, explain
from engine.training.data import DataError, load_dataset
from engine.training.loop import Diverged, Trainer
from engine.training.meter import peak_flops
from engine.training.metrics import summarize


def train(
    run: Run, experiment: Experiment, seed: int, recorder: Recorder, stop: StopRequest, device: str
) -> int:
    """Train a run that this process holds, and return the process's exit code; whatever fails is recorded."""
    where = torch.device("cpu")
    try:
        where = pick_device(device)
        spent = {
            name: value for name, value in recorder.status.last.items() if value and name.endswith("/energy")
        }
        with Sampler(pulse(recorder, stop), _uuids(where), spent):
            trainer = _build(run, experiment, seed, where, recorder, stop)
            if where.type == "cpu":
                _say_why_no_gpu(recorder, device)
            stopped = trainer.fit()
    except StoppedEarly:
        run.clear_request()
        recorder.end("stopped", f"{stop.reason} before it had its images")
        return STOPPED
    except Exception as error:  # noqa: BLE001  whatever it is, the run says so and ends
        _announce_failure(recorder, error, experiment, where)
        return FAILED
    summary = summarize(trainer.tested, trainer.classes) if trainer.tested is not None else None
    if stopped is None:
        recorder.end("finished", f"trained all {experiment.epochs} epochs", summary=summary)
        return FINISHED
    run.clear_request()
    recorder.end("stopped", f"{stop.reason} at epoch {trainer.epoch:.2f}", summary=summary)
    return STOPPED


def _build(
    run: Run, experiment: Experiment, seed: int, device: torch.device, recorder: Recorder, stop: StopRequest
) -> Trainer:
    torch.manual_seed(seed)
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    last = run.checkpoints / "last.pt"
    state = checkpoint.load(last, torch.device("cpu")) if last.exists() else None

    def say(message: str) -> None:
        recorder.log("info", message)
        if stop.wanted == "stop-now":
            raise StoppedEarly

    data = load_dataset(experiment, seed, say)
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
    ideal = ideal_seconds(experiment, device, len(data.classes))
    trainer = Trainer(experiment, seed, model, data, device, recorder, lambda: stop.wanted, ideal)
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


class StoppedEarly(Exception):  # noqa: N818  it names what happened to the run
    """The run was asked to stop while its images were decoded."""


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


def ideal_seconds(experiment: Experiment, device: torch.device, classes: int) -> float | None:
    """Return the seconds that training on one image takes on a device at its best; None where that is not known."""
    peak = peak_flops(torch.cuda.get_device_name(device)) if device.type == "cuda" else None
    if peak is None or experiment.precision == "float32":
        return None
    try:
        return _cost(experiment, 1, classes).training_flops / peak
    except (ValueError, RuntimeError):  # a model of timm that cannot be built on paper
        return None


def _cost(experiment: Experiment, batch_size: int, classes: int) -> Cost:
    return explain(
        experiment.model,
        experiment.image_size,
        experiment.patch_size,
        batch_size,
        classes,
        optimizer="sgd" if experiment.optimizer == "sgd" else "adamw",
        precision="fp32" if experiment.precision == "float32" else "bf16",
        **experiment.options,
    )


def out_of_memory(run: str, experiment: Experiment, total: int, peak: int) -> str:
    """Say what to do about a GPU that is too small.

    Args:
        run: The id of the run.
        total: Bytes that the GPU has.
        peak: Bytes that PyTorch held at most.
    """
    gib = 2**30
    said = f"out of GPU memory at batch_size = {experiment.batch_size}: {peak / gib:.1f} of {total / gib:.1f} GiB used"
    try:
        one, two = (_cost(experiment, size, 10).memory.total for size in (1, 2))
    except (ValueError, RuntimeError):
        fits = experiment.batch_size // 2
    else:
        estimate = one + (experiment.batch_size - 1) * (two - one)
        said += f", {estimate / gib:.1f} GiB were estimated"
        room = max(0.0, 0.85 * total - one) / max(
            1, two - one
        )  # the allocator and kernels take their part too
        fits = min(int(room) + 1, experiment.batch_size // 2) if 0.85 * total > one else 0
    if fits < 1:
        return f"{said}; one image does not fit: a smaller model, image_size or a larger GPU is needed"
    while experiment.batch_size % fits:
        fits -= 1
    return (
        f"{said}; batch_size = {fits} should fit: `engine resume {run} --set batch_size={fits}` goes on with it, and "
        f"accumulates to the same {experiment.batch_size * experiment.accumulate} images a step"
    )


def _announce_failure(
    recorder: Recorder, error: Exception, experiment: Experiment, device: torch.device
) -> None:
    message = str(error) or type(error).__name__
    trace = traceback.format_exc()
    if isinstance(error, torch.OutOfMemoryError):
        total, peak = 0, 0
        if device.type == "cuda":
            total = torch.cuda.get_device_properties(device).total_memory
            peak = torch.cuda.max_memory_reserved(device)
        message = out_of_memory(recorder.run.id, experiment, total, peak)
    elif isinstance(error, OSError) and error.errno is not None:
        message = f"{error.strerror}: {error.filename or recorder.run.path}"
        if error.errno in FULL:
            message += f"; free some space, then `engine resume {recorder.run.id}` goes on"
    known = isinstance(error, KNOWN)
    failure = Failure(type=type(error).__name__, message=message, traceback=trace)
    recorder.log("error", message if known else f"{type(error).__name__}: {message}")
    recorder.end("failed", message, failure)


FULL = (errno.ENOSPC, errno.EDQUOT)
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
