"""Looks at the machine once a second: CPU, memory, GPUs, and the processes on them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping

from engine.system.nvml import Nvml
from tui.state.snapshot import Machine, Process

FIRST_S = 0.5
"""Seconds until the first look: the runs come first."""
LOOK_S = 1.0
"""Seconds from one look to the next."""
KEPT_LOOKS = 300
"""How many looks are kept: five minutes."""


class MachineSampler:
    """Measures the machine as a ``Machine``, once a second at most."""

    def __init__(self) -> None:
        self._next = time.monotonic() + FIRST_S
        self._nvml: Nvml | None = None
        self._processes: dict[int, Process] = {}

    def sample(self) -> Machine | None:
        """Return how the machine is; None where the last look is less than a second old."""
        now = time.monotonic()
        if now < self._next:
            return None
        import psutil  # it takes as long as a twentieth of the app's start, and the runs come first

        self._next = now + LOOK_S
        if self._nvml is None:
            self._nvml = Nvml()
        memory = psutil.virtual_memory()
        gpus = tuple(self._nvml.sample())
        return Machine(
            time=time.time(),
            cpu=psutil.cpu_percent(),
            memory_used=memory.total - memory.available,
            memory_total=memory.total,
            gpus=gpus,
            processes=self._look_up({pid for gpu in gpus for pid in gpu.processes or ()}),
        )

    def close(self) -> None:
        """Close the connection to the GPU driver."""
        if self._nvml is not None:
            self._nvml.close()

    def _look_up(self, pids: Iterable[int]) -> Mapping[int, Process]:
        """Return the name and the parents of each process that /proc knows; each is looked up once."""
        looked_up = {pid: self._processes.get(pid) or _process(pid) for pid in pids}
        self._processes = {pid: process for pid, process in looked_up.items() if process is not None}
        return self._processes


def _process(pid: int) -> Process | None:
    import psutil

    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return Process(process.name(), tuple(parent.pid for parent in process.parents()))
    return None
