"""What the processes of one run share: which part of the work is whose, sums over all, and when to stop.

A run on one device is a single rank, for which all of this is nothing. Numbers meet over the device's own backend
(NCCL or gloo); what is agreed on between two steps goes over gloo and host memory, so that no GPU is waited for.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from typing_extensions import override

from engine.runs.stop_request import REQUESTS, Request

PATIENCE = datetime.timedelta(minutes=30)
"""How long a rank waits for the others. A rank that dies is noticed at once; this limit is for a rank that hangs."""


class Ranks:
    """A run's processes as one of them sees them; without ``join`` it is alone.

    Attributes:
        rank: Which one this is, from 0.
        size: How many there are.
    """

    rank = 0
    size = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes what the run writes."""
        return self.rank == 0

    def share(self, indices: Tensor) -> tuple[Tensor, int]:
        """Return this rank's part of a batch's indices (B,), and how many of them count.

        A rank for which nothing is left takes an image that does not count: all have to take each step.
        """
        return indices, len(indices)

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum of a tensor over all ranks, on its device."""
        return values

    def gather(self, values: Tensor) -> list[Tensor]:
        """Return the tensors of all ranks, of one shape and in host memory, in their order."""
        return [values]

    def unanimous(self, holds: bool) -> bool:
        """Return whether something holds for every rank; each of them waits for the others."""
        return all(bool(answer) for answer in self.gather(torch.tensor(holds)))

    def agreed(self, stop_request: Callable[[], Request | None]) -> Callable[[], Request | None]:
        """Return what to ask instead of ``stop_request``, so that all ranks hear the same at the same step."""
        return stop_request

    def wrapped(self, model: nn.Module) -> nn.Module:
        """Return the model so that its gradients are those of all ranks' images."""
        return model

    def apart(self, model: nn.Module) -> AbstractContextManager[None]:  # noqa: ARG002  there is no other
        """Return a context in which a wrapped model's passes exchange nothing with other ranks."""
        return nullcontext()

    def accumulating(self, model: nn.Module) -> Any:
        """Return a context in which a backward pass keeps its gradients to this rank.

        Raises:
            NotImplementedError: There is only one rank.
        """
        raise NotImplementedError("a single rank has nothing to keep to itself")


class Joined(Ranks):
    """One of several ranks that torchrun started, once they have found each other."""

    def __init__(self, device: torch.device, backend: Literal["nccl", "gloo"]) -> None:
        dist.init_process_group(
            backend, timeout=PATIENCE, device_id=device if device.type == "cuda" else None
        )
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self._device = device
        self._host: Any = dist.new_group(backend="gloo", timeout=PATIENCE)

    @override
    def share(self, indices: Tensor) -> tuple[Tensor, int]:
        part = indices.tensor_split(self.size)[self.rank]
        return (part, len(part)) if len(part) else (indices[:1], 0)

    @override
    def sum(self, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @override
    def gather(self, values: Tensor) -> list[Tensor]:
        gathered = [torch.empty_like(values) for _ in range(self.size)]
        dist.all_gather(gathered, values, group=self._host)
        return gathered

    @override
    def agreed(self, stop_request: Callable[[], Request | None]) -> Callable[[], Request | None]:
        return Agreement(stop_request, self._host)

    @override
    def wrapped(self, model: nn.Module) -> nn.Module:
        devices = [self._device] if self._device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=devices, gradient_as_bucket_view=True)

    @override
    @contextmanager
    def apart(self, model: nn.Module) -> Iterator[None]:
        wrapped = _wrapped(model)
        # the first forward pass would broadcast the buffers, which are the same in all ranks then
        wrapped.require_forward_param_sync = False
        with wrapped.no_sync():
            yield

    @override
    def accumulating(self, model: nn.Module) -> Any:
        return _wrapped(model).no_sync()

    def leave(self) -> None:
        """Wait for the others, then leave: an early leaver can abort a rank that still works."""
        dist.barrier(group=self._host)
        dist.destroy_process_group()


def _wrapped(model: nn.Module) -> DistributedDataParallel:
    if not isinstance(model, DistributedDataParallel):
        raise TypeError("only a wrapped model has gradients to keep")
    return model


class Agreement:
    """Asks all ranks the same question at every step, and has the answer one step later, when it has long arrived.

    The strongest request wins; the question travels while the step is computed.
    """

    def __init__(self, stop_request: Callable[[], Request | None], group: Any) -> None:
        self._stop_request = stop_request
        self._group = group
        self._asked = torch.zeros((), dtype=torch.int64)
        self._pending: Any = None

    def __call__(self) -> Request | None:
        """Return what the ranks wanted at the last call; every rank calls this equally often."""
        if self._pending is not None:
            self._pending.wait()
        answer = int(self._asked)
        mine = self._stop_request()
        self._asked.fill_(max(answer, 0 if mine is None else 1 + REQUESTS.index(mine)))
        self._pending = dist.all_reduce(self._asked, dist.ReduceOp.MAX, group=self._group, async_op=True)
        return REQUESTS[answer - 1] if answer else None


ALONE = Ranks()
"""The only process of a run."""
