"""The device that a run trains on, and its name for people."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from engine.errors import DeviceError
from engine.system.nvml import SLICE, GpuSample, usable
from engine.system.visible_gpus import order_is_unsure, visible_gpus


def pick_device(name: str, rank: int = 0, ranks: int = 1) -> torch.device:
    """Return the device of that name for one of several processes; ``auto`` is a GPU where there are enough.

    Raises:
        DeviceError: There is no such device, or not one for each process.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, index = name.partition(":")
    if (kind not in ("cpu", "cuda") and name != "mps") or (index and not index.isdecimal()):
        raise DeviceError(f"there is no device {name!r}; it is auto, cpu, cuda, cuda:N or mps")
    if kind == "cpu":
        return torch.device("cpu")
    if kind == "mps":
        return _mps(ranks)
    count = torch.cuda.device_count()
    if ranks > 1 and (index or count < ranks):
        why = f"{name} is one device" if index else f"torch sees {count} CUDA devices"
        raise DeviceError(f"gpus = {ranks}, but {why}; fewer gpus, or device = cpu to try it without")
    if int(index or 0) >= count:
        cure = "`--device cpu` trains without" if count == 0 else f"the last one is cuda:{count - 1}"
        raise DeviceError(f"there is no {name}: torch sees {count} CUDA devices; {cure}")
    return torch.device("cuda", int(index or rank))


def _mps(ranks: int) -> torch.device:
    """Return the GPU of an Apple computer."""
    if not torch.backends.mps.is_available():
        raise DeviceError("there is no mps: torch sees no GPU of Apple's here; `--device cpu` trains without")
    if ranks > 1:
        raise DeviceError(f"gpus = {ranks}, but mps is one device; gpus = 1 trains on it")
    return torch.device("mps")


def device_name(device: torch.device, ranks: int = 1) -> str:
    """Return the name for people of a device, or of the devices of several processes."""
    times = f"{ranks} x " if ranks > 1 else ""
    if device.type == "cuda":
        return f"{times or f'{device} '}{torch.cuda.get_device_name(device)}"
    if device.type == "mps":
        return "mps"
    return f"{times}cpu ({torch.get_num_threads()} threads)"


def gpu_uuids(device: torch.device, count: int, samples: Sequence[GpuSample]) -> list[str]:
    """Return the UUIDs, as NVML writes them, of the GPUs that a run of ``count`` processes uses; none on a CPU.

    Of several, those that CUDA_VISIBLE_DEVICES leaves, so that this process touches none of them; PyTorch is asked
    where CUDA may count them in another order.

    Args:
        device: The run's device, for several processes the first of their GPUs.
        count: How many processes, each on a GPU of its own.
        samples: All GPUs, as NVML sees them.
    """
    if device.type != "cuda":
        return []
    if count > 1 and not order_is_unsure(samples):
        return visible_gpus(samples)[:count]
    indices = range(count) if count > 1 else [device.index or 0]
    return [_uuid(index, samples) for index in indices]


def _uuid(index: int, samples: Sequence[GpuSample]) -> str:
    """Return the UUID of a CUDA device; PyTorch may tell that of its card where it is a slice of one."""
    uuid = str(torch.cuda.get_device_properties(index).uuid)
    for sample in usable(samples):
        if sample.uuid.endswith(f"-{uuid}"):
            return sample.uuid
    visible = visible_gpus(samples)
    if index < len(visible) and visible[index].startswith(SLICE):
        return visible[index]
    return f"GPU-{uuid}"
