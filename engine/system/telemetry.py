"""What the machine is doing: NVIDIA's GPUs through NVML, this process through psutil, sampled in a thread."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import psutil

SLICE = "MIG-"
"""How the UUID of a slice of a GPU begins."""


class GpuSample(msgspec.Struct, frozen=True, kw_only=True):
    """One look at one GPU. Memory in bytes, utilisation in percent, power in W, temperature in °C."""

    index: int
    name: str
    uuid: str
    memory_used: int
    memory_total: int
    utilization: float | None = None
    power: float | None = None
    temperature: float | None = None
    energy: float | None = None
    """Joules since the driver was loaded."""
    processes: dict[int, int] = {}
    """Bytes held by each pid, where the driver says so."""


class GpuSource(Protocol):
    """What looks at GPUs: ``Nvml``, or what stands in for it."""

    def sample(self) -> list[GpuSample]:
        """Look at every GPU once."""


class Nvml:
    """NVML for as long as it is needed; without an NVIDIA driver it has no devices and ``missing`` says why."""

    def __init__(self) -> None:
        self.missing = ""
        self._handles: list[Any] = []
        try:
            import pynvml

            self._nvml = pynvml
            pynvml.nvmlInit()
            self._handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        except Exception as error:  # noqa: BLE001  NVML's own error class is made at run time
            self.missing = str(error) or type(error).__name__

    def sample(self) -> list[GpuSample]:
        """Look at every GPU once; what a card does not report is None, a card without an answer is left out."""
        samples = []
        for i, handle in enumerate(self._handles):
            with contextlib.suppress(self._nvml.NVMLError):
                samples.append(self._one(i, handle))
        return samples

    def close(self) -> None:
        """Release the driver."""
        if self._handles:
            self._handles = []
            self._nvml.nvmlShutdown()

    def _one(self, index: int, handle: Any) -> GpuSample:
        nvml = self._nvml
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        power = self._ask(nvml.nvmlDeviceGetPowerUsage, handle)
        energy = self._ask(nvml.nvmlDeviceGetTotalEnergyConsumption, handle)
        rates = self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        processes = self._ask(nvml.nvmlDeviceGetComputeRunningProcesses, handle) or []
        return GpuSample(
            index=index,
            name=_text(nvml.nvmlDeviceGetName(handle)),
            uuid=_text(nvml.nvmlDeviceGetUUID(handle)),
            memory_used=int(memory.used),
            memory_total=int(memory.total),
            utilization=None if rates is None else float(rates.gpu),
            power=None if power is None else power / 1000,
            temperature=self._ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
            energy=None if energy is None else energy / 1000,
            processes={int(p.pid): int(p.usedGpuMemory) for p in processes if p.usedGpuMemory is not None},
        )

    def _ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return question(*arguments)
        except self._nvml.NVMLError:
            return None


def visible_gpus(samples: Iterable[GpuSample]) -> list[str]:
    """Return the UUIDs of the GPUs that CUDA_VISIBLE_DEVICES leaves to this process, in its order.

    As in CUDA, what is unknown ends the list. Slices of a GPU are taken at their word.

    Args:
        samples: All GPUs, in the order of their bus.
    """
    gpus = list(samples)
    names = os.environ.get("CUDA_VISIBLE_DEVICES")
    if names is None:
        return [gpu.uuid for gpu in gpus]
    visible = []
    for name in names.split(","):
        if (uuid := find_gpu(name.strip(), gpus)) is None:
            break
        visible.append(uuid)
    return visible


def find_gpu(name: str, samples: Iterable[GpuSample]) -> str | None:
    """Return the UUID of a GPU by its index or the beginning of its UUID; None where it fits no GPU, or several."""
    gpus = list(samples)
    if name.isdecimal():
        return next((gpu.uuid for gpu in gpus if gpu.index == int(name)), None)
    if name.startswith(SLICE):
        return name
    matches = [gpu.uuid for gpu in gpus if name and gpu.uuid.startswith(name)]
    return matches[0] if len(matches) == 1 else None


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


class Sampler:
    """Looks once a second and hands the metrics of this process's devices to ``report``.

    Args:
        report: Called in the sampler's thread with ``{metric: number}``.
        gpus: UUIDs of the GPUs that the run uses; none on a CPU.
        spent: Joules that earlier attempts took, by metric: the energy of a run is that of all of them.
        interval_s: Seconds between two looks.
    """

    def __init__(
        self,
        report: Callable[[dict[str, float]], None],
        gpus: Sequence[str] = (),
        spent: Mapping[str, float] | None = None,
        interval_s: float = 1.0,
    ) -> None:
        self._report = report
        self._gpus = gpus
        self._interval = interval_s
        self._nvml = Nvml() if gpus else None
        self._spent = spent or {}
        self._first_energy: dict[int, float] = {}
        self._process = psutil.Process()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="telemetry", daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=5)
        if self._nvml is not None:
            self._nvml.close()

    def look(self) -> dict[str, float]:
        """Return the metrics of this moment."""
        values = {"cpu/memory_process": float(self._memory())}
        for rank, sample in self._mine():
            prefix = "gpu" if len(self._gpus) == 1 else f"gpu/{rank}"
            values |= self._gpu_values(prefix, sample)
        return values

    def _mine(self) -> list[tuple[int, GpuSample]]:
        """Return the samples of the run's GPUs, each with its place among them, which a lost one keeps."""
        if self._nvml is None:
            return []
        samples = {sample.uuid: sample for sample in self._nvml.sample()}
        return [(rank, samples[uuid]) for rank, uuid in enumerate(self._gpus) if uuid in samples]

    def _gpu_values(self, prefix: str, sample: GpuSample) -> dict[str, float]:
        energy = None
        if sample.energy is not None:
            energy = sample.energy - self._first_energy.setdefault(sample.index, sample.energy)
            energy += self._spent.get(f"{prefix}/energy", 0.0)
        measured = {
            "memory_used": sample.memory_used,
            "memory_process": self._held(sample),
            "utilization": sample.utilization,
            "power": sample.power,
            "temperature": sample.temperature,
            "energy": energy,
        }
        return {f"{prefix}/{name}": float(value) for name, value in measured.items() if value is not None}

    def _held(self, sample: GpuSample) -> int | None:
        """Return the bytes of a GPU that this process and its children hold, None where none of them is on it."""
        mine = {self._process.pid, *(child.pid for child in self._process.children(recursive=True))}
        held = [size for pid, size in sample.processes.items() if pid in mine]
        return sum(held) if held else None

    def _memory(self) -> int:
        """Return the resident bytes of this process and its children."""
        total = int(self._process.memory_info().rss)
        for child in self._process.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                total += int(child.memory_info().rss)
        return total

    def _loop(self) -> None:
        while True:
            self._report(self.look())
            if self._stop.is_set():  # after a last look: the shortest run has one
                return
            self._stop.wait(self._interval)
