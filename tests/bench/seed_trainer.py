"""Our trainer against the original's: Lightning with wandb, which logs mean and deviation of every weight and gradient.

    pip install --constraint constraints.txt --editable '.[dev,bench]'
    OMP_NUM_THREADS=1 python tests/bench/seed_trainer.py [--only vit_ti]

The same model learns from the same 800 images for an epoch, in batches of 16: by the shortest PyTorch loop, by ours (a
run's folder, events, telemetry), and by the original's way. All have the same Adam, fused, and the same precision; no
side evaluates or writes checkpoints; what wandb takes to begin and to end is left out.

Each has a thread of this process and they take turns: on a CPU after every batch, so that other programs disturb all
alike; on a GPU, where waiting for it after every batch would be a disturbance, after the epoch. CPU time is that of
these threads, without those of telemetry and wandb.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import logging
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

from engine.catalog.recipes import SEED
from engine.config.schema import Experiment
from engine.events import Start
from engine.models import create_model
from engine.runs.recorder import Recorder
from engine.runs.store import Store
from engine.system.telemetry import Sampler
from engine.training.data.dataset import Dataset, Split
from engine.training.trainer import Trainer

try:
    import wandb
    from pytorch_lightning import LightningModule
    from pytorch_lightning import Trainer as Lightning
    from pytorch_lightning.loggers import WandbLogger
    from torchmetrics.classification import (
        MulticlassAccuracy,
        MulticlassF1Score,
        MulticlassPrecision,
        MulticlassRecall,
    )
except ImportError as missing:
    sys.exit(f"{missing}; pip install --constraint constraints.txt --editable '.[dev,bench]' brings it")

IMAGES, CLASSES, BATCH, LR = 800, 10, 16, 1e-4
MEAN, STD = 0.5, 0.29
CASES = [("vit_b", 8, 1), ("vit_ti", 8, 3), ("vit_ti", 1, 2)]
"""Models, batches in an optimizer step, and races."""


class Turns:
    """Lets one of some threads work at a time, and adds up how long each does: seconds of the wall and of its CPU time.

    Args:
        sides: Who takes part; all of them must come before the first begins.
    """

    def __init__(self, sides, device):
        self.device = device
        self.wall, self.processor = dict.fromkeys(sides, 0.0), dict.fromkeys(sides, 0.0)
        self._order = list(sides)
        self._changed = threading.Condition()
        self._all_here = threading.Barrier(len(sides), timeout=300)
        self._synchronize = torch.cuda.synchronize if device.type == "cuda" else lambda: None

    @contextlib.contextmanager
    def of(self, side, model):
        """Work within; on a CPU others have their turns before each batch of the model."""
        self._all_here.wait()
        if self.device.type == "cpu":
            model.register_forward_pre_hook(lambda *_: self._pass_on(side))
        self._begin(side)
        try:
            yield
        finally:
            self._end(side)
            with self._changed:
                self._order.remove(side)
                self._changed.notify_all()

    def _begin(self, side):
        with self._changed:
            self._changed.wait_for(lambda: self._order[0] is side)
        self._synchronize()
        self._since = time.perf_counter(), time.thread_time()

    def _end(self, side):
        self._synchronize()
        self.wall[side] += time.perf_counter() - self._since[0]
        self.processor[side] += time.thread_time() - self._since[1]

    def _pass_on(self, side):
        self._end(side)
        with self._changed:
            self._order.append(self._order.pop(0))
            self._changed.notify_all()
        self._begin(side)


def bare(model, images, labels, accumulate, home, turns):
    """Train by a plain loop."""
    device = turns.device
    model.to(device).train()
    images, labels = images.to(device), labels.to(device)
    with turns.of(bare, model):
        optimizer = torch.optim.Adam(model.parameters(), LR, fused=True)
        batches = torch.randperm(IMAGES).to(device).split(BATCH)
        for first in range(0, len(batches), accumulate):
            step = batches[first : first + accumulate]
            for rows in step:
                inputs = (images[rows].float() / 255 - MEAN) / STD
                with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                    loss = F.cross_entropy(model(inputs), labels[rows])
                (loss / len(step)).backward()
            optimizer.step()
            optimizer.zero_grad()


class Done(Exception):  # noqa: N818
    """The epoch's training is over."""


def ours(model, images, labels, accumulate, home, turns):
    """Train by the engine's loop; return how many events that made."""
    device = turns.device
    settings = SEED | {"accumulate": accumulate, "compile": "off"}
    experiment = Experiment(name="bench", model="vit_b", patch_size=16, epochs=1, **settings)
    train, few = Split(images, labels), Split(images[:10], labels[:10])
    names = tuple(str(k) for k in range(CLASSES))
    data = Dataset(train, few, few, names, mean=(MEAN,) * 3, std=(STD,) * 3, flips=False)
    run = Store(home).create(experiment, seed=0)
    recorder = Recorder(run)

    def wanted():
        if trainer.step == trainer.steps_per_epoch:
            raise Done

    gpus = [f"GPU-{torch.cuda.get_device_properties(device).uuid}"] if device.type == "cuda" else []
    sampler = Sampler(recorder.telemetry, gpus)
    with turns.of(ours, model), contextlib.suppress(Done), sampler:
        trainer = Trainer(experiment, 0, model, data, device, recorder, wanted)
        steps = trainer.steps_per_epoch
        recorder.emit(Start(time=time.time(), run=run.id, epochs=1, steps_per_epoch=steps))
        trainer.fit()
    recorder.close()
    return len(run.events.read_bytes().splitlines())


class Original(LightningModule):
    """What the original logs: scores of every batch, and four numbers of every parameter at every optimizer step."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.calls = 0
        kinds = {"accuracy": MulticlassAccuracy, "precision": MulticlassPrecision,
                 "recall": MulticlassRecall, "f1": MulticlassF1Score}  # fmt: skip
        self.scores = torch.nn.ModuleDict({
            name: kind(CLASSES, average="macro") for name, kind in kinds.items()
        })  # fmt: skip

    def log(self, *arguments, **options):
        """Count, and log."""
        self.calls += 1
        super().log(*arguments, **options)

    def training_step(self, batch, _):
        """Return the loss of a batch."""
        images, labels = batch
        logits = self.model((images.float() / 255 - MEAN) / STD)
        loss = F.cross_entropy(logits, labels)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        for name, score in self.scores.items():
            self.log(f"train_{name}", score(logits, labels), on_step=True, on_epoch=True)
        return loss

    def on_before_optimizer_step(self, _):
        """Log what the weights and gradients are like."""
        for name, parameter in self.model.named_parameters():
            self.log(f"{name}_mean", parameter.mean())
            self.log(f"{name}_std", parameter.std())
            self.log(f"{name}_grad_mean", parameter.grad.mean())
            self.log(f"{name}_grad_std", parameter.grad.std())

    def configure_optimizers(self):
        """Return the optimizer."""
        return torch.optim.Adam(self.model.parameters(), LR, fused=True)


def original(model, images, labels, accumulate, home, turns):
    """Train by Lightning, as the original does; return how many calls logged something."""
    device = turns.device
    logger = WandbLogger(project="bench", save_dir=home, offline=True)
    assert logger.experiment.settings._offline
    module = Original(model)
    trainer = Lightning(
        max_epochs=1, accelerator="gpu" if device.type == "cuda" else "cpu", devices=1, logger=logger,
        precision="bf16-mixed" if device.type == "cuda" else "32-true", accumulate_grad_batches=accumulate,
        log_every_n_steps=1, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        gradient_clip_val=None,
    )  # fmt: skip
    loader = DataLoader(TensorDataset(images, labels), BATCH, shuffle=True)
    with turns.of(original, model):
        trainer.fit(module, loader)
    assert trainer.global_step == -(-IMAGES // BATCH // accumulate)
    return module.calls


def race(base, accumulate, device, home):
    """Let the three sides train a copy of a model; return their turns, our events and the original's calls."""
    images = torch.randint(0, 256, (IMAGES, 3, 32, 32), dtype=torch.uint8)
    labels = torch.arange(IMAGES) % CLASSES
    turns = Turns([bare, ours, original], device)
    with ThreadPoolExecutor(2) as pool:

        def start(side):
            return pool.submit(side, copy.deepcopy(base), images, labels, accumulate, home, turns)

        others = [start(bare), start(ours)]
        calls = original(
            copy.deepcopy(base), images, labels, accumulate, home, turns
        )  # signals need the main thread
        _, events = [other.result() for other in others]
    wandb.finish()
    return turns, events, calls


def compare(name, accumulate, repeats, device, home):
    """Print the row of one model."""
    base = create_model(name, num_classes=CLASSES, image_size=32, patch_size=16)
    races = [race(base, accumulate, device, home) for _ in range(repeats)]
    turns, events, calls = zip(*races, strict=True)
    cells = [f"{statistics.median(each.wall[side] for each in turns):.1f}" for side in (bare, ours, original)]
    for side in (ours, original):
        ratios = [
            (each.wall[side] / each.wall[bare], each.processor[side] / each.processor[bare]) for each in turns
        ]
        cells += [f"{statistics.median(each):.3f}" for each in zip(*ratios, strict=True)]
    print(
        f"| {name} | {BATCH} x {accumulate} | {repeats} | {' | '.join(cells)} | {events[-1]} | {calls[-1]:,} |",
        flush=True,
    )


def main():
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", default=["vit_b", "vit_ti"])
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_float32_matmul_precision("high" if device.type == "cuda" else "highest")
    os.environ["WANDB_SILENT"] = "true"
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {arguments.threads} thread(s)"
    print(f"{where}; torch {torch.__version__}, {platform.python_version()}; {datetime.now(UTC):%Y-%m-%d}\n")
    print("| model, 32 pixels | batch | races | bare s | ours s | original s | ours / bare | in CPU time | original / "
          "bare | in CPU time | our events | its log calls |\n|---|---|---|---|---|---|---|---|---|---|---|---|",
          flush=True)  # fmt: skip
    with tempfile.TemporaryDirectory() as home:
        race(
            create_model("vit_mini", num_classes=CLASSES, image_size=32, patch_size=16), 8, device, home
        )  # warm
        for name, accumulate, repeats in CASES:
            if name in arguments.only:
                compare(name, accumulate, repeats, device, home)


if __name__ == "__main__":
    main()
