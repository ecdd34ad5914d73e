"""The machine, and what NVML says of this process beside what torch says."""

from __future__ import annotations

import os
import platform
import time

import torch

from engine.system.nvml import GpuSample, Nvml
from engine.text import gib
from engine.training.device import gpu_uuids
from gpu_parts.common import device, heading, options, row


def main() -> None:
    """Print versions, then the memory and energy of a load by both."""
    small = options(__doc__).small
    print(f"torch {torch.__version__}, CUDA {torch.version.cuda}, Python {platform.python_version()}")
    nvml = Nvml()
    samples = nvml.sample()
    for sample in samples:
        print(f"NVML: GPU {sample.index}, {sample.name}, {sample.uuid}")
    if not torch.cuda.is_available():
        print(f"no GPU that torch can use; NVML: {nvml.missing or f'{len(samples)} GPUs'}")
        nvml.close()
        return
    where = device()
    properties = torch.cuda.get_device_properties(where)
    real = torch.cuda.is_bf16_supported(including_emulation=False)
    print(
        f"torch: {properties.name}, capability {properties.major}.{properties.minor}, "
        f"{gib(properties.total_memory, 1)}, cuDNN {torch.backends.cudnn.version()}, "
        f"bf16 {'real' if real else 'emulated'}"
    )
    heading("", "torch allocated", "torch reserved", "NVML of this process", "NVML used", "torch says used")
    ballast = []
    for held in (0, 1, 4) if not small else (0, 1):
        ballast.append(torch.empty(held * 2**30, dtype=torch.uint8, device=where))
        time.sleep(0.2)
        mine = sample_of(nvml, where)
        free, total = torch.cuda.mem_get_info(where)
        row(
            f"{held} GiB more", gib(torch.cuda.memory_allocated(where), 2), gib(torch.cuda.memory_reserved(where), 2),
            gib(mine.held[os.getpid()], 2) if os.getpid() in mine.held else "not listed",
            gib(mine.memory_used or 0, 2), gib(total - free, 2),
        )  # fmt: skip
    del ballast
    torch.cuda.empty_cache()
    energy(nvml, where, 1.0 if small else 5.0)
    nvml.close()


def sample_of(nvml: Nvml, where: torch.device) -> GpuSample:
    """Return the sample of torch's device, found by its UUID."""
    samples = nvml.sample()
    (uuid,) = gpu_uuids(where, 1, samples)
    return next(sample for sample in samples if sample.uuid == uuid)


def energy(nvml: Nvml, where: torch.device, seconds: float) -> None:
    """Print the joules of some seconds of matrix products, by the counter and by the mean power."""
    matrix = torch.randn(4096, 4096, device=where, dtype=torch.bfloat16)
    began, first, powers, products = time.perf_counter(), sample_of(nvml, where), [], 0
    while time.perf_counter() < began + seconds:
        for _ in range(50):
            matrix @ matrix
            products += 1
        torch.cuda.synchronize()
        powers.append(sample_of(nvml, where).power or 0.0)
    spent, last = time.perf_counter() - began, sample_of(nvml, where)
    rate = products * 2 * 4096**3 / spent / 1e12
    by_power = sum(powers) / len(powers) * spent
    counted = (
        "no counter"
        if last.energy is None or first.energy is None
        else f"{last.energy - first.energy:,.0f} J"
    )
    print(
        f"\n{spent:.1f} s of bf16 products: {rate:,.0f} TFLOP/s, {counted} by the counter, {by_power:,.0f} J by "
        f"power, utilisation {last.utilization} %, {last.temperature} °C"
    )


if __name__ == "__main__":
    main()
