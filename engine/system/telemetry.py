"""What a run's GPUs and its process are doing, through NVML and psutil, sampled in a thread."""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence

import psutil

from engine.system.nvml import GpuSample, Nvml


def joules_of(values: Mapping[str, float | None]) -> dict[str, float]:
    """Return the energies among the last metrics of a run: what its earlier attempts took, for ``Sampler``."""
    return {name: value for name, value in values.items() if value and name.endswith("/energy")}


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
        self._first_energy: dict[str, float] = {}
        self._complained = False
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
            energy = sample.energy - self._first_energy.setdefault(sample.uuid, sample.energy)
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
        """Return the bytes of a GPU that this process and its children hold, None where NVML names none of them.

        In a container it may name the pids of the host: PyTorch's own figures are those that remain.
        """
        mine = {self._process.pid, *(child.pid for child in self._process.children(recursive=True))}
        held = [size for pid, size in sample.held.items() if pid in mine]
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
            self._look_and_report()
            if self._stop.is_set():  # after a last look: the shortest run has one
                return
            self._stop.wait(self._interval)

    def _look_and_report(self) -> None:
        """Look once; what goes wrong is printed the first time, and the next look is tried all the same."""
        try:
            self._report(self.look())
        except Exception:  # noqa: BLE001  telemetry never ends a run, nor itself
            if not self._complained:
                self._complained = True
                traceback.print_exc()
