"""Looks at the machine once a second: CPU, memory, GPUs, and the processes on them."""

from __future__ import annotations

import contextlib
import heapq
import os
import time
from collections.abc import Iterable, Mapping, Set

from engine.system.nvml import Nvml
from engine.system.process_table import ProcessTable, ProcessUse, ancestors, command, owner
from tui.state.snapshot import Machine, Process

FIRST_S = 0.5
"""Seconds until the first look: the runs come first."""
LOOK_S = 1.0
"""Seconds from one look to the next."""
KEPT_LOOKS = 300
"""How many looks are kept: five minutes."""
REST = 30.0
"""How many times longer than a look at all processes took they are left alone: a server may have thousands."""
OTHERS = 5
"""How many processes of others are told of, by what they take of the cores, and as many by their memory."""
COMMAND = 200
"""Characters of a command that are told."""
BUSY = 5.0
"""Percent of a core from which on a process is told of that is neither on a GPU nor a run's."""
LARGE = 2**30
"""Resident bytes from which on it is told of as well."""


class MachineSampler:
    """Measures the machine as a ``Machine``, once a second at most."""

    def __init__(self) -> None:
        self._next = time.monotonic() + FIRST_S
        self._nvml: Nvml | None = None
        self._processes: dict[int, Process] = {}
        self.whole = False
        """Whether the machine is shown whole: only then all processes and each core are looked at."""
        self.runs: Set[int] = frozenset()
        """The processes of live runs on this machine."""
        self._table = ProcessTable()
        self._next_table = 0.0
        self._uses: dict[int, ProcessUse] = {}

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
        on_gpus = {pid for gpu in gpus for pid in gpu.processes or ()}
        cores = tuple(psutil.cpu_percent(percpu=True)) if self.whole else ()
        if self.whole:
            self._look_at_all()
        return Machine(
            time=time.time(),
            cpu=psutil.cpu_percent(),
            memory_used=memory.total - memory.available,
            memory_total=memory.total,
            gpus=gpus,
            processes=self._told(on_gpus) if self.whole and self._uses else self._look_up(on_gpus),
            cores=cores,
            load=os.getloadavg()[0] if self.whole else None,
        )

    def _look_at_all(self) -> None:
        began = time.monotonic()
        if began >= self._next_table:
            self._uses = self._table.look()
            self._next_table = time.monotonic() + REST * (time.monotonic() - began)

    def _told(self, on_gpus: Set[int]) -> Mapping[int, Process]:
        """Return the processes on GPUs, those of runs, and the others that take most of the cores."""
        uses = self._uses
        above = {pid: ancestors(uses, pid) for pid in uses}
        here = {os.getpid()} | on_gpus
        ours = {pid for pid, older in above.items() if pid in self.runs or not self.runs.isdisjoint(older)}
        others = [(pid, use) for pid, use in uses.items() if pid not in ours | here]
        busy = [(-use.cpu, pid) for pid, use in others if use.cpu is not None and use.cpu >= BUSY]
        large = [(-use.memory, pid) for pid, use in others if use.memory >= LARGE]
        most = [pid for each in (busy, large) for _, pid in heapq.nsmallest(OTHERS, each)]
        told = dict.fromkeys((*sorted(on_gpus & uses.keys()), *sorted(ours - on_gpus), *most))
        return {pid: _whole(pid, uses[pid], above[pid], is_ours=pid in ours) for pid in told}

    def close(self) -> None:
        """Close the connection to the GPU driver."""
        if self._nvml is not None:
            self._nvml.close()

    def _look_up(self, pids: Iterable[int]) -> Mapping[int, Process]:
        """Return the name and the parents of each process that /proc knows; each is looked up once."""
        looked_up = {pid: self._processes.get(pid) or _process(pid) for pid in pids}
        self._processes = {pid: process for pid, process in looked_up.items() if process is not None}
        return self._processes


def _whole(pid: int, use: ProcessUse, above: tuple[int, ...], *, is_ours: bool) -> Process:
    """Return a process with all that is told of it; what is no run's is called by the beginning of its command."""
    if is_ours:
        return Process(use.name, above, owner(pid), use.cpu, use.memory)
    from engine.sites.local_process import run_in_command  # brings psutil, and the runs come first

    words = command(pid)
    name = " ".join([words[0].rpartition("/")[2], *words[1:]])[:COMMAND].strip() if words else ""
    commands = (words, *map(command, above))
    of_run = next(filter(None, map(run_in_command, commands)), None)
    return Process(name or use.name, above, owner(pid), use.cpu, use.memory, of_run)


def _process(pid: int) -> Process | None:
    import psutil

    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return Process(process.name(), tuple(parent.pid for parent in process.parents()))
    return None
