"""Batches of a dataset too large for the device: gathered and sent ahead of the step that uses them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

AHEAD = 4
"""Batches that are gathered before they are asked for."""
THREADS = min(4, os.cpu_count() or 1)
"""Threads that gather: one is enough for copying, several hide the waits for a disk."""


def prefetched(images: Tensor, batches: Sequence[Tensor], device: torch.device) -> Iterator[Tensor]:
    """Yield, for every batch of row numbers (B,), those rows (B, ...) of ``images``, on the device.

    The images stay where they are, in memory or in a mapped file. To a GPU they go through pinned memory, and
    the copy is waited for by the GPU alone.
    """
    remaining = iter(batches)
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="batches")
    gathering: deque[Future[Tensor]] = deque()

    def begin_next() -> None:
        if (rows := next(remaining, None)) is not None:
            gathering.append(pool.submit(_gather, images, rows, device.type == "cuda"))

    try:
        for _ in range(AHEAD):
            begin_next()
        while gathering:
            batch = gathering.popleft().result()
            begin_next()
            yield batch.to(device, non_blocking=True)
    finally:
        pool.shutdown(cancel_futures=True)


def _gather(images: Tensor, rows: Tensor, pin: bool) -> Tensor:
    batch = torch.empty((len(rows), *images.shape[1:]), dtype=images.dtype, pin_memory=pin)
    # numpy copies rows three times as fast as index_select; "clip" keeps it from copying through a buffer
    np.take(images.numpy(), rows.numpy(), axis=0, out=batch.numpy(), mode="clip")
    return batch
