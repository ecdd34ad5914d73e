"""The training loop: one pass over the data an epoch, an evaluation and a checkpoint after it.

The device is waited for in three places only, each marked ``# waits``: every ``log_every`` steps and at the end of
an epoch, at an evaluation, and at a checkpoint.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any, Literal

import msgspec
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.config import Experiment
from engine.events import Checkpoint, Confusion
from engine.models import standardized_once
from engine.recorder import Recorder
from engine.training import checkpoint
from engine.training.augment import Preprocess
from engine.training.data import Dataset
from engine.training.metrics import Evaluation, Evaluator
from engine.training.optim import make_optimizer, make_schedule

Stop = Literal["stop-after-epoch", "stop-now"]


class Diverged(Exception):  # noqa: N818  it names what happened to the run
    """The loss is no longer finite."""


class Trainer:
    """Trains one model on one device and says through ``recorder`` what happens.

    Args:
        wanted: Asked after every step, without any cost worth naming, whether and how to stop.
    """

    def __init__(
        self,
        experiment: Experiment,
        seed: int,
        model: nn.Module,
        data: Dataset,
        device: torch.device,
        recorder: Recorder,
        wanted: Callable[[], Stop | None],
    ) -> None:
        self.experiment = experiment
        self.device = device
        self._seed = seed
        self._data = data.to(device)
        self._recorder = recorder
        self._wanted = wanted
        self._model = model.to(device)
        self._prepare = Preprocess(self._data, experiment.image_size, augment=experiment.augment != "none")
        self._bf16 = experiment.precision == "bf16" or (
            experiment.precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported()
        )
        self.batches_per_epoch = math.ceil(len(data.train) / experiment.batch_size)
        self.steps_per_epoch = math.ceil(self.batches_per_epoch / experiment.accumulate)
        self._steps = self.steps_per_epoch * experiment.epochs
        self._optimizer = make_optimizer(model, experiment)
        self._schedule = make_schedule(self._optimizer, self._steps, experiment.warmup)
        classes = len(data.classes)
        self._evaluators = {
            name: Evaluator(split, classes, max(256, experiment.batch_size), self._prepare.evaluate)
            for name, split in (("val", self._data.val), ("test", self._data.test))
        }
        self.step = 0
        self._best: tuple[float, float] | None = None
        self._meter = _Meter(device)

    @property
    def epoch(self) -> float:
        """How many epochs are done, as a fraction."""
        return self.step / self.steps_per_epoch

    def fit(self) -> Stop | None:
        """Train to the last epoch or until asked to stop; return what stopped it, None at the end.

        Raises:
            Diverged: The loss is not finite.
            OSError: A checkpoint cannot be written.
        """
        self._model.train()
        while self.step < self._steps:
            if (stop := self._train_epoch()) is not None:
                self._check(self._meter.loss())  # waits
                self._save()
                return stop
            self._finish_epoch()
            if self.step < self._steps and (stop := self._wanted()) is not None:
                return stop
        return None

    def _train_epoch(self) -> Stop | None:
        """Train to the end of the epoch, from the middle if it was left there; return "stop-now" if asked."""
        self._meter.restart_clock()
        for group in self._batches(self.step // self.steps_per_epoch, self.step % self.steps_per_epoch):
            self._train_step(group)
            self.step += 1
            if self.step % self.experiment.log_every == 0 or self.step % self.steps_per_epoch == 0:
                self._log()
            if self._wanted() == "stop-now" and self.step % self.steps_per_epoch:
                return "stop-now"
        return None

    def _batches(self, epoch: int, first_step: int) -> Iterator[list[Tensor]]:
        """Yield, for each optimizer step of an epoch from ``first_step`` on, the indices of its batches."""
        shuffle = torch.Generator().manual_seed(_mix(self._seed, epoch))
        order = torch.randperm(len(self._data.train), generator=shuffle).to(self.device)
        batch = self.experiment.batch_size
        batches = [order[start : start + batch] for start in range(0, len(order), batch)]
        size = self.experiment.accumulate
        for step in range(first_step, self.steps_per_epoch):
            yield batches[step * size : (step + 1) * size]

    def _train_step(self, group: list[Tensor]) -> None:
        """One optimizer step on the batches of ``group``; each image weighs the same, in a short last batch too."""
        images_in_step = sum(len(indices) for indices in group)
        random = torch.Generator(self.device).manual_seed(_mix(self._seed, self.step, 1))
        with standardized_once(self._model) if len(group) > 1 else nullcontext():
            for indices in group:
                self._train_batch(indices, len(indices) / images_in_step, random)
        limit = self.experiment.clip_norm or math.inf
        self._meter.grad_norm = nn.utils.clip_grad_norm_(self._model.parameters(), limit)
        self._optimizer.step()
        self._schedule.step()
        self._optimizer.zero_grad(set_to_none=True)

    def _train_batch(self, indices: Tensor, share: float, random: torch.Generator) -> None:
        """Forward and backward of one batch that makes a ``share`` of its step's images."""
        images = self._prepare.train(self._data.train.images[indices], random)  # (B, 3, S, S)
        labels = self._data.train.labels[indices]  # (B,)
        with self._autocast():
            logits = self._model(images)  # (B, classes)
            loss = F.cross_entropy(logits.float(), labels, label_smoothing=self.experiment.label_smoothing)
        (loss * share).backward()  # type: ignore[no-untyped-call]
        right = (logits.detach().argmax(1) == labels).sum()
        self._meter.count(loss.detach() * len(indices), right, len(indices))

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16)

    def _log(self) -> None:
        lr = self._optimizer.param_groups[0]["lr"]
        values = {**self._meter.read(), "train/lr": lr}  # waits
        if self.device.type == "cuda":
            values["gpu/memory_allocated"] = torch.cuda.memory_allocated(self.device)
            values["gpu/memory_peak"] = torch.cuda.max_memory_allocated(self.device)
        self._recorder.metrics(self.step, self.epoch, values)
        self._check(values["train/loss"])

    def _check(self, loss: float) -> None:
        """Raise ``Diverged`` if the loss is not finite, before weights that are not either can be saved."""
        if not math.isfinite(loss):
            lr, norm = self._optimizer.param_groups[0]["lr"], self._meter.grad_norm.item()
            raise Diverged(
                f"the loss is {loss} at step {self.step} (learning rate {lr:.3g}, gradient norm {norm:.3g}); "
                "a smaller lr, a longer warmup or clip_norm = 1.0 may help"
            )

    def _finish_epoch(self) -> None:
        with self._autocast():
            found = {
                name: evaluator.run(self._model) for name, evaluator in self._evaluators.items()
            }  # waits
        values = {
            f"{split}/{name}": value for split, it in found.items() for name, value in it.values.items()
        }
        self._recorder.metrics(self.step, self.epoch, values)
        self._recorder.emit(self._confusion(found["test"]))
        score = (found["val"].values["f1"], -found["val"].values["loss"])
        is_best = self._best is None or score > self._best
        if is_best:
            self._best = score
        self._save()
        if is_best:
            self._keep_best()

    def _confusion(self, found: Evaluation) -> Confusion:
        return Confusion(
            time=time.time(), run=self._recorder.run.id, step=self.step, epoch=self.epoch, split="test",
            labels=list(self._data.classes), matrix=found.confusion,
        )  # fmt: skip

    def _save(self) -> None:
        path = self._recorder.run.checkpoints / "last.pt"
        self._announce("last", checkpoint.save(path, self._state()))  # waits

    def _keep_best(self) -> None:
        folder = self._recorder.run.checkpoints
        checkpoint.keep_as(folder / "last.pt", folder / "best.pt")
        self._announce("best", (folder / "best.pt").stat().st_size)

    def _announce(self, kind: Literal["last", "best"], size: int) -> None:
        self._recorder.emit(
            Checkpoint(
                time=time.time(), run=self._recorder.run.id, step=self.step, epoch=self.epoch,
                path=f"checkpoints/{kind}.pt", kind=kind, bytes=size,
            )
        )  # fmt: skip

    def _state(self) -> dict[str, Any]:
        rng = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            rng["cuda"] = torch.cuda.get_rng_state(self.device)
        return {
            "model": self._model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scheduler": self._schedule.state_dict(),
            "step": self.step,
            "epoch": self.epoch,
            "rng": rng,
            "config": msgspec.to_builtins(self.experiment),
            "best": self._best,
            "meter": self._meter.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on exactly where a checkpoint was written.

        Raises:
            CheckpointError: It is of another model.
        """
        try:
            self._model.load_state_dict(state["model"])
            self._optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError, KeyError) as error:
            raise checkpoint.CheckpointError(f"the checkpoint is of another model: {error}") from None
        self._schedule.load_state_dict(state["scheduler"])
        self.step = state["step"]
        self._best = state["best"]
        self._meter.load(state["meter"])
        torch.set_rng_state(state["rng"]["cpu"].cpu())
        if self.device.type == "cuda" and "cuda" in state["rng"]:
            torch.cuda.set_rng_state(state["rng"]["cuda"].cpu(), self.device)


class _Meter:
    """Sums of the training metrics on the device, read and reset at the logging interval."""

    def __init__(self, device: torch.device) -> None:
        self._loss = torch.zeros((), device=device)
        self._correct = torch.zeros((), device=device, dtype=torch.int64)
        self._images = 0
        self.grad_norm: Tensor = torch.zeros((), device=device)
        self._since = time.perf_counter()
        self._timed_images = 0

    def count(self, loss: Tensor, correct: Tensor, images: int) -> None:
        """Add a batch: the sum of its losses, how many it got right, how many there were."""
        self._loss += loss
        self._correct += correct
        self._images += images
        self._timed_images += images

    def loss(self) -> float:
        """Return the mean loss since the last reading, 0 when there was no image; nothing is reset."""
        return self._loss.item() / max(1, self._images)

    def restart_clock(self) -> None:
        """Leave out of the throughput what was not training (evaluation, checkpoints)."""
        self._since, self._timed_images = time.perf_counter(), 0

    def read(self) -> dict[str, float]:
        """Return the metrics since the last reading."""
        loss, correct, norm = torch.stack(
            [self._loss.double(), self._correct.double(), self.grad_norm.double()]
        ).tolist()
        now = time.perf_counter()
        values = {
            "train/loss": loss / self._images,
            "train/accuracy": correct / self._images,
            "train/grad_norm": norm,
            "train/images_per_s": self._timed_images / max(now - self._since, 1e-9),
        }
        self._loss.zero_()
        self._correct.zero_()
        self._images = 0
        self.restart_clock()
        return values

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of it."""
        return {"loss": self._loss, "correct": self._correct, "images": self._images}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from what a checkpoint kept."""
        self._loss.copy_(state["loss"])
        self._correct.copy_(state["correct"])
        self._images = state["images"]


def _mix(*numbers: int) -> int:
    """Return a seed of its own for every combination of numbers (splitmix64)."""
    state = 0
    for number in numbers:
        state = (state + number + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 31
    return state >> 1
