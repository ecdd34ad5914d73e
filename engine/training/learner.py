"""Optimizer steps: all state that learning changes, and what a checkpoint keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.config.schema import Experiment
from engine.errors import CheckpointError
from engine.models import standardized_once, statistics_kept
from engine.training.batch_norm import synchronized
from engine.training.collectives import ALONE, Ranks
from engine.training.compile import Forward, attention_kernels, compiled, memory_format
from engine.training.data.augment import MixupCutmix
from engine.training.meter import Meter
from engine.training.optim import ExponentialMovingAverage, make_optimizer, make_schedule
from engine.training.precision import LossScaler, precision_on


class Batch(NamedTuple):
    """Stored images (B, 3, H, W) uint8 and their classes (B,) int64, on the device."""

    images: Tensor
    labels: Tensor
    counted: int
    """How many images count: all of them, or 0 in a rank beyond the last image."""


class Pass(NamedTuple):
    """A kind of pass through the model: how many images at once, and whether its step has several batches."""

    images: int
    accumulated: bool


Prepare = Callable[[Tensor, torch.Generator], Tensor]


class Learner:
    """A model with its optimizer, schedule and average.

    Args:
        experiment: How to learn.
        model: What learns; moved to ``device``.
        classes: How many there are.
        device: Where it learns.
        steps: Optimizer steps in the whole run.
        prepare: Makes the model's input (B, 3, S, S) of stored images, augmented.
        ranks: The processes that share the run, this one among them.
    """

    def __init__(
        self,
        experiment: Experiment,
        model: nn.Module,
        classes: int,
        device: torch.device,
        steps: int,
        prepare: Prepare,
        ranks: Ranks = ALONE,
    ) -> None:
        self.device = device
        model = model.to(device)
        self.model = synchronized(model, device) if ranks.size > 1 else model
        self._memory_format = memory_format(model, device)
        self.model.to(memory_format=self._memory_format)
        self._ranks = ranks
        self._wrapped = ranks.wrapped(self.model)
        self._forward: Forward = self._wrapped
        self._prepare = prepare
        self._experiment = experiment
        self._mix = MixupCutmix(experiment, classes)
        self.precision = precision_on(device, experiment.precision)
        self.optimizer = make_optimizer(self.model, experiment)
        self.scaler = LossScaler(self.optimizer, device, self.precision)
        self._schedule = make_schedule(self.optimizer, steps, experiment)
        self.average = ExponentialMovingAverage(self.model, experiment.ema) if experiment.ema else None
        self.meter = Meter(device, ranks)
        self.lr = 0.0
        """The largest learning rate of the last step."""

    def accelerate(self, passes: Sequence[Pass]) -> str:
        """Compile the model if the experiment asks for it, and return in words how it runs.

        Args:
            passes: All kinds of this rank's passes, the most frequent first: none of them compiles later.
        """
        with self.autocast():
            kernels = attention_kernels(self.model, self._blank(2))
        self._forward, compilation = self._compiled(passes)
        words = ["deterministic"] if self._experiment.deterministic else []
        words += [f"attention by {', '.join(kernels)}"] if kernels else []
        words += [compilation] if compilation else []
        return ", ".join([str(self.precision), *words])

    def _compiled(self, passes: Sequence[Pass]) -> tuple[Forward, str]:
        """Return what the model is called by, and how it is compiled in words."""

        def trial(forward: Forward) -> None:
            for images, accumulated in passes:
                if self._experiment.compile == "graphs":
                    torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
                with self._ranks.apart(self._wrapped), self._shared_filters(accumulated):
                    with self.autocast():
                        logits = forward(self._blank(images))
                    logits.float().sum().backward()  # type: ignore[no-untyped-call]
                self._wrapped.zero_grad(set_to_none=True)  # a graph's next run overwrites its gradients

        return compiled(self._wrapped, self._experiment.compile, self.device, trial, self._ranks)

    def _blank(self, images: int) -> Tensor:
        """Return black images (B, 3, S, S) as the model takes them."""
        size = self._experiment.image_size
        zeros = torch.zeros(images, 3, size, size, device=self.device)
        return zeros.contiguous(memory_format=self._memory_format)

    def _shared_filters(self, accumulated: bool) -> AbstractContextManager[None]:
        """Return a context for the passes of a step: several on one device share BiT's standardised filters."""
        return standardized_once(self.model) if accumulated and self._ranks.size == 1 else nullcontext()

    def autocast(self) -> torch.autocast:
        """Return the precision in which the model runs; weights stay in float32."""
        return self.precision.autocast(self.device)

    def step(self, number: int, batches: Sequence[Batch], images: int, random: torch.Generator) -> None:
        """Take optimizer step ``number`` on its batches; each image weighs the same, in a short last batch too.

        Args:
            number: The step, from 1 on.
            batches: This rank's batches of the step.
            images: How many count in this step, over all ranks.
            random: Draws the augmentation and the mixing.
        """
        watch = self.meter.watch
        # gradients are averaged over the ranks, whose shares may differ: each image weighs the same all the same
        weights = [batch.counted * self._ranks.size / images for batch in batches]
        if self._ranks.size == 1:
            with self._shared_filters(len(batches) > 1):
                for batch, weight in zip(batches, weights, strict=True):
                    self._learn(batch, weight, random)
        else:
            with self._ranks.accumulating(self._wrapped):
                for batch, weight in zip(batches[:-1], weights, strict=False):
                    self._learn(batch, weight, random)
            self._learn(batches[-1], weights[-1], random)
        self.scaler.unscale()
        norm = self._clip()
        self.lr = max(map(float, self._schedule.get_last_lr()))
        self.meter.grad_norm = self.scaler.step(norm)
        self._schedule.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average is not None and self.scaler.has_stepped:  # waits, in fp16
            self.average.update(self.model, number)
        watch.mark("optimizer")
        self.meter.step()

    def _learn(self, batch: Batch, weight: float, random: torch.Generator) -> None:
        """Forward and backward of one batch that has ``weight`` in its step."""
        watch = self.meter.watch
        stored, labels, counted = batch
        images = self._prepare(stored, random).contiguous(memory_format=self._memory_format)  # (B, 3, S, S)
        images, targets = self._mix(images, labels)  # (B,), or (B, classes) where they were mixed
        watch.mark("data")
        if self._experiment.compile == "graphs":
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        with self.autocast():
            logits = self._forward(images)  # (B, classes)
            loss = F.cross_entropy(logits.float(), targets, label_smoothing=self._experiment.label_smoothing)
        watch.mark("forward")
        with statistics_kept(self.model) if self._experiment.checkpointing else nullcontext():
            self.scaler.backward(loss if weight == 1 else loss * weight)
        if counted:
            right = (logits.detach().argmax(1) == labels).sum()
            self.meter.count(loss.detach() * counted, right, counted)
        watch.mark("backward")

    def _clip(self) -> Tensor:
        """Scale the gradients down to their limit; return their norm () as it was."""
        if limit := self._experiment.clip_norm:
            return nn.utils.clip_grad_norm_(self.model.parameters(), limit)
        gradients = (parameter.grad for parameter in self.model.parameters())
        return nn.utils.get_total_norm([gradient for gradient in gradients if gradient is not None])

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self._schedule.state_dict(),
            "scaler": self.scaler.state(),
            "average": self.average.model.state_dict() if self.average is not None else None,
            "meter": self.meter.state(),
        }

    def place_schedule(self, step: int) -> None:
        """Have the learning rate go on as after ``step`` steps of the schedule, wherever it was."""
        self._schedule.last_epoch = step - 1
        self._schedule.step()

    def load(self, state: dict[str, Any]) -> None:
        """Go on from what a checkpoint kept.

        Raises:
            CheckpointError: It is of another model or recipe.
        """
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            if self.average is not None:
                self.average.model.load_state_dict(state["average"] or state["model"])
        except (RuntimeError, ValueError, KeyError) as error:
            raise CheckpointError(f"the checkpoint is of another model: {error}") from None
        self._schedule.load_state_dict(state["scheduler"])
        self.scaler.load(state.get("scaler"))
        self.meter.load(state["meter"])
