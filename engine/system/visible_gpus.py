"""CUDA_VISIBLE_DEVICES as CUDA reads it: which GPUs it leaves to this process, in which order.

It follows ``torch.cuda._parse_visible_devices``: names are all indices, all ``GPU-…`` or all ``MIG-…``, as the first
is; what fits nothing ends the list; a device that is named twice leaves none at all.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from itertools import takewhile

from engine.system.nvml import SLICE, GpuSample, usable

VARIABLE, ORDER = "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"
CARD = "GPU-"
"""How the UUID of a card begins."""


def visible_gpus(samples: Iterable[GpuSample]) -> list[str]:
    """Return the UUIDs of the GPUs that CUDA_VISIBLE_DEVICES leaves to this process, in its order.

    An index counts in the order of the bus, as nvidia-smi does. A card in MIG mode stands for its first slice where
    it is named, as in CUDA, and for all of its slices where nothing is named. A slice is taken at its word where
    NVML tells of none.

    Args:
        samples: All GPUs, in the order of their bus.
    """
    gpus = list(samples)
    names = os.environ.get(VARIABLE)
    if names is None:
        return [gpu.uuid for gpu in usable(gpus)]
    visible: list[str] = []
    for name in _names(names):
        if (uuid := _named(name, gpus)) is None:
            break
        if uuid in visible:
            return []
        visible.append(uuid)
    return visible


def find_gpu(name: str, samples: Iterable[GpuSample]) -> str | None:
    """Return the UUID of a GPU by its index or the beginning of its UUID; None where it fits no GPU, or several."""
    gpus = list(samples)
    if name.isdecimal():
        return next((_given(gpu, gpus) for gpu in gpus if gpu.index == int(name)), None)
    return _named(name, gpus) if name else None


def order_is_unsure(samples: Iterable[GpuSample]) -> bool:
    """Return whether CUDA may count the cards in another order than NVML: the fastest first, where they differ."""
    cards = {gpu.name for gpu in samples if gpu.slice is None}
    return len(cards) > 1 and os.environ.get(ORDER) != "PCI_BUS_ID"


def order_note(samples: Iterable[GpuSample]) -> str:
    """Return a remark for the user where CUDA_VISIBLE_DEVICES names cards by an index that CUDA may count otherwise."""
    names = os.environ.get(VARIABLE, "")
    if not re.match(r"\s*\+?\d", names) or not order_is_unsure(samples):
        return ""
    return (
        f"{VARIABLE}={names} counts the GPUs as nvidia-smi does; CUDA itself would begin with the fastest card: "
        f"name them by UUID, or set {ORDER}=PCI_BUS_ID"
    )


def _names(names: str) -> Sequence[str]:
    """Return the names of the list up to the first that is of another kind; none where one stands there twice."""
    for prefix in (CARD, SLICE):
        if names.startswith(prefix):
            parts = list(takewhile(re.compile(prefix).match, names.split(",")))
            return parts if len(set(parts)) == len(parts) else []
    numbers = [_number(part.strip()) for part in names.split(",")]
    indices = [str(number) for number in takewhile(lambda number: number >= 0, numbers)]
    return indices if len(set(indices)) == len(indices) else []


def _number(text: str) -> int:
    """Return the number that a text begins with, as C's ``strtoul`` reads it; -1 where there is none."""
    match = re.match(r"[+-]?[0-9]+", text)
    return int(match[0]) if match else -1


def _named(name: str, gpus: Sequence[GpuSample]) -> str | None:
    """Return the UUID of the GPU of a name in CUDA_VISIBLE_DEVICES: an index among the cards, or how a UUID begins."""
    cards = [gpu for gpu in gpus if gpu.slice is None]
    if name.isdecimal():
        return _given(cards[int(name)], gpus) if int(name) < len(cards) else None
    slices = [gpu for gpu in gpus if gpu.slice is not None]
    if name.startswith(SLICE) and not slices:
        return name
    matches = [gpu for gpu in (slices if name.startswith(SLICE) else cards) if gpu.uuid.startswith(name)]
    return _given(matches[0], gpus) if len(matches) == 1 else None


def _given(gpu: GpuSample, gpus: Sequence[GpuSample]) -> str | None:
    """Return the UUID of what a program gets by the name of a GPU: of a card in MIG mode its first slice, if any."""
    if not gpu.in_slices:
        return gpu.uuid
    return next((one.uuid for one in gpus if one.slice is not None and one.index == gpu.index), None)
