"""Which images each optimizer step sees: drawn from seed and epoch alone, so that a resumed run goes on alike."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class BatchOrder:
    """The order of a training's images.

    Args:
        images: How many there are.
        batch_size: Of a batch, on all ranks together.
        accumulate: Batches of an optimizer step.
        least_batch: The smallest batch that may be trained on.
        seed: The run's.
    """

    images: int
    batch_size: int
    accumulate: int
    least_batch: int
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of an epoch; the last may have fewer images."""
        batches = cut(torch.arange(self.images), self.batch_size, self.least_batch)
        return math.ceil(len(batches) / self.accumulate)

    def steps(self, epoch: int, first: int) -> Iterator[list[Tensor]]:
        """Yield, for each optimizer step of an epoch from ``first`` on, the indices (B,) of its batches."""
        shuffle = torch.Generator().manual_seed(mixed_seed(self.seed, epoch))
        order = torch.randperm(self.images, generator=shuffle)
        batches = cut(order, self.batch_size, self.least_batch)
        for start in range(first * self.accumulate, len(batches), self.accumulate):
            yield batches[start : start + self.accumulate]


def cut(indices: Tensor, size: int, least: int = 1) -> list[Tensor]:
    """Return indices (N,) in batches of ``size``; a last one of fewer than ``least`` joins the one before it."""
    batches = list(torch.split(indices, size))
    if len(batches) > 1 and len(batches[-1]) < least:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


def mixed_seed(*numbers: int) -> int:
    """Return a seed of its own for every combination of numbers (splitmix64)."""
    state = 0
    for number in numbers:
        state = (state + number + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 31
    return state >> 1
