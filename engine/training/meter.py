"""Metrics of the training, summed on its device and read where the loop waits for the device in any case."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from engine.catalog.metrics import PHASES
from engine.training.collectives import ALONE, Ranks


class Stopwatch:
    """How long the parts of a step take on the device, in seconds.

    On a GPU the marks are events in its queue, which cost microseconds; their times are asked for in ``read``. The
    time that the GPU waits for the host counts for the phase that the host was in.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._cuda = device.type == "cuda"
        self._events: list[tuple[str, torch.cuda.Event]] = []
        self._sums = dict.fromkeys(PHASES, 0.0)
        self._last = 0.0
        self.start()

    def start(self) -> None:
        """Begin to measure here."""
        if self._cuda:
            self._read_events()
        self._last = time.perf_counter()
        self.mark("")

    def mark(self, phase: str) -> None:
        """Count the time since the last mark for a phase."""
        if self._cuda:
            event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            event.record(torch.cuda.current_stream(self._device))
            self._events.append((phase, event))
        elif phase:
            now = time.perf_counter()
            self._sums[phase] += now - self._last
            self._last = now

    def read(self, steps: int) -> dict[str, float]:
        """Return each phase's mean over ``steps`` steps as ``time/<phase>``, and begin anew. Waits for the device."""
        if self._cuda:
            self._read_events()
        values = {f"time/{phase}": seconds / max(1, steps) for phase, seconds in self._sums.items()}
        self._sums = dict.fromkeys(PHASES, 0.0)
        return values

    def _read_events(self) -> None:
        for (_, before), (phase, event) in zip(self._events, self._events[1:], strict=False):
            if phase:
                event.synchronize()
                self._sums[phase] += before.elapsed_time(event) / 1000
        self._events = self._events[-1:]


class Meter:
    """Sums of the training metrics on the device, read and reset at the logging interval."""

    def __init__(self, device: torch.device, ranks: Ranks = ALONE) -> None:
        self._ranks = ranks
        self._loss = torch.zeros((), device=device)
        self._correct = torch.zeros((), device=device, dtype=torch.int64)
        self._images = 0
        self.grad_norm: Tensor = torch.zeros((), device=device)
        self.watch = Stopwatch(device)
        self._since = time.perf_counter()
        self._timed_images = 0
        self._timed_steps = 0

    def count(self, loss: Tensor, correct: Tensor, images: int) -> None:
        """Add a batch: the sum of its losses, how many it got right, how many there were."""
        self._loss += loss
        self._correct += correct
        self._images += images
        self._timed_images += images

    def step(self) -> None:
        """Count an optimizer step."""
        self._timed_steps += 1

    def loss(self) -> float:
        """Return the mean loss since the last reading, 0 when there was no image; nothing is reset. Waits."""
        images = int(self._summed(self._images)[0])
        return self._ranks.sum(self._loss).item() / max(1, images)

    def _summed(self, *counts: int) -> list[float]:
        """Return the sums of counts over all ranks."""
        mine = torch.tensor(counts, dtype=torch.float64)
        summed: list[float] = torch.stack(self._ranks.gather(mine)).sum(0).tolist()
        return summed

    def restart_clock(self) -> None:
        """Begin times and throughput anew, so that evaluations and checkpoints stay out of them."""
        self._since, self._timed_images, self._timed_steps = time.perf_counter(), 0, 0
        self.watch.start()

    def read(self) -> dict[str, float]:
        """Return the metrics since the last reading. Waits for the device."""
        images, timed_images = self._summed(self._images, self._timed_images)
        wide = torch.float32 if self._loss.device.type == "mps" else torch.float64  # which mps does not have
        sums = self._ranks.sum(torch.stack([self._loss.to(wide), self._correct.to(wide)]))
        loss, correct, norm = torch.cat((sums, self.grad_norm.to(wide)[None])).tolist()
        now = time.perf_counter()
        values = {
            "train/loss": loss / images,
            "train/accuracy": correct / images,
            "train/grad_norm": norm,
            "train/images_per_s": timed_images / max(now - self._since, 1e-9),
            **self.watch.read(self._timed_steps),
        }
        self._loss.zero_()
        self._correct.zero_()
        self._images = 0
        self.restart_clock()
        return values

    def state(self) -> dict[str, object]:
        """Return what a checkpoint keeps of it: the sums over all ranks."""
        return {
            "loss": self._ranks.sum(self._loss),
            "correct": self._ranks.sum(self._correct),
            "images": int(self._summed(self._images)[0]),
        }

    def load(self, state: dict[str, Tensor | int]) -> None:
        """Go on from what a checkpoint kept; the first rank counts for all."""
        if not self._ranks.leads:
            return
        self._loss.copy_(torch.as_tensor(state["loss"]))
        self._correct.copy_(torch.as_tensor(state["correct"]))
        self._images = int(state["images"])
