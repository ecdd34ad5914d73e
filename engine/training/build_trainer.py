"""A run's trainer, made of its experiment: data, model, weights to begin with or to go on from."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import torch

from engine.catalog.gpus import peak_flops
from engine.config.preflight_warnings import few_validation_images, oversized_batch
from engine.config.schema import Experiment
from engine.events import Data, Start
from engine.models import checkpoint_blocks, create_model
from engine.models.pretrained import load_pretrained
from engine.models.weights.sources import read_checkpoint
from engine.runs.recorder import Reporter
from engine.runs.stop_request import Request
from engine.system import process
from engine.training import checkpoint
from engine.training.changed_data import facts_of, facts_to_go_on_with, kept_facts
from engine.training.collectives import ALONE, Ranks
from engine.training.cost import training_flops
from engine.training.data.dataset import Dataset, load_dataset
from engine.training.data.unsplit_dataset import Say
from engine.training.device import device_name
from engine.training.precision import precision_on
from engine.training.trainer import Trainer


def build(
    experiment: Experiment,
    seed: int,
    device: torch.device,
    recorder: Reporter,
    stop_request: Callable[[], Request | None],
    say: Say,
    ranks: Ranks = ALONE,
    *,
    other_data: bool = False,
) -> Trainer:
    """Return what trains a run, at the step of its last checkpoint, and record that it starts.

    Args:
        experiment: What to train, and how.
        seed: Of weights, order, augmentation and splits.
        device: Where to train.
        recorder: Takes the run's events.
        stop_request: Asked after every step whether and how to stop.
        say: Called with a sentence now and then while images are decoded; what it raises ends it.
        ranks: The processes that share the run, this one among them.
        other_data: Whether it may go on with other images than those of its checkpoint.

    Raises:
        DataError: The dataset cannot be used, or is another than the checkpoint's.
        CheckpointError: The last checkpoint, or the weights to begin with, cannot.
    """
    run = recorder.run
    torch.manual_seed(seed)
    last = run.checkpoints / "last.pt"
    state = checkpoint.load(last, torch.device("cpu")) if last.exists() else None
    kept = state["config"] if state is not None else {}
    weights = read_checkpoint(experiment.pretrained) if experiment.pretrained and "mean" not in kept else None
    data = load_dataset(experiment, seed, say, device)
    facts = facts_to_go_on_with(
        kept_facts(state), facts_of(data), state["step"] if state else 0, run.id, accepted=other_data
    )
    model = create_model(
        experiment.model,
        num_classes=len(data.classes),
        image_size=experiment.image_size,
        patch_size=experiment.patch_size,
        **experiment.options,
    )
    if experiment.checkpointing:
        checkpoint_blocks(model)
    loaded = load_pretrained(model, weights) if weights is not None else None
    del weights
    if loaded is not None and loaded.mean is not None and loaded.std is not None:
        data = dataclasses.replace(data, mean=loaded.mean, std=loaded.std)
    elif "mean" in kept:
        data = dataclasses.replace(data, mean=tuple(kept["mean"]), std=tuple(kept["std"]))
    ideal = ideal_seconds(experiment, device, len(data.classes))
    trainer = Trainer(
        experiment,
        seed,
        model,
        data,
        device,
        recorder,
        stop_request,
        ideal and ideal / ranks.size,
        ranks,
        facts,
    )
    if state is not None:
        trainer.restore(state)
    recorder.emit(_start_event(experiment, seed, recorder, trainer, device_name(device, ranks.size)))
    _log_data(experiment, data, facts, recorder)
    if loaded is not None:
        recorder.log("info", str(loaded))
    return trainer


def _log_data(experiment: Experiment, data: Dataset, facts: Data, recorder: Reporter) -> None:
    """Log how many images each split has, and where these are too few for what is asked."""
    sizes = ", ".join(
        f"{len(split)} to {use}"
        for use, split in (("train", data.train), ("validate", data.val), ("test", data.test))
    )
    recorder.log("info", f"{experiment.dataset}: {sizes}")
    for change in facts.changes:
        recorder.log("warning", f"other images {change}; those that validate were drawn anew")
    for note in data.notes:
        recorder.log("info", note)
    notes = (
        *data.warnings,
        oversized_batch(experiment, len(data.train)),
        few_validation_images(experiment, len(data.val)),
    )
    for note in filter(None, notes):
        recorder.log("warning", note)


def _start_event(
    experiment: Experiment, seed: int, recorder: Reporter, trainer: Trainer, device: str
) -> Start:  # fmt: skip
    """Return the event that this process begins an attempt, on a device of that name."""
    return Start(
        time=time.time(),
        run=recorder.run.id,
        attempt=recorder.status.attempt + 1,
        experiment=experiment.name,
        config=msgspec.to_builtins(experiment),
        seed=seed,
        pid=os.getpid(),
        host=process.host(),
        boot=process.boot_id(),
        process_started=process.started(os.getpid()) or 0.0,
        device=device,
        parameters=sum(parameter.numel() for parameter in trainer.learner.model.parameters()),
        versions=_versions(),
        steps_per_epoch=trainer.steps_per_epoch,
        epochs=experiment.epochs,
        step=trainer.step,
        data=trainer.facts,
        epochs_from=trainer.epochs_from,
        init=experiment.pretrained or "scratch",
        precision=trainer.learner.precision.name,
    )


def ideal_seconds(experiment: Experiment, device: torch.device, classes: int) -> float | None:
    """Return the seconds that training on one image takes on a device at its best; None where that is not known."""
    precision = precision_on(device, experiment.precision).name
    if device.type != "cuda" or precision == "float32":
        return None
    if (peak := peak_flops(torch.cuda.get_device_name(device), precision)) is None:
        return None
    try:
        return training_flops(experiment, classes) / peak
    except ValueError:  # a model of timm that cannot be built on paper
        return None


def _versions() -> dict[str, str]:
    import platform
    from importlib.metadata import version

    versions = {"python": platform.python_version(), "torch": str(torch.__version__)}
    versions["torchvision"] = version("torchvision")
    if torch.version.cuda and torch.cuda.is_available():
        versions["cuda"] = torch.version.cuda
        versions["cudnn"] = str(torch.backends.cudnn.version())  # type: ignore[no-untyped-call]
        with contextlib.suppress(OSError):
            versions["driver"] = Path("/sys/module/nvidia/version").read_text().strip()[:40]
    return versions
