"""The machine shown whole: each core, and what the processes of runs and of others use; else neither is looked at."""

from __future__ import annotations

import os
import time

import psutil
import pytest

from engine.system.process_table import ProcessTable
from tests.pretended_nvml import GIB, Card, PretendedNvml
from tui.feed import machine_sampler
from tui.feed.machine_sampler import MachineSampler


def test_processes_are_looked_at_while_the_machine_is_shown_whole(
    nvml: PretendedNvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, parent = os.getpid(), os.getppid()
    facts = {"utilization": 50, "power": 300_000, "limit": 700_000, "fan": 40, "temperature": 60}
    nvml.put(Card(processes={here: 2 * GIB}, facts=facts))
    passes: list[float] = []
    looked = ProcessTable.look

    def counted(table: ProcessTable) -> object:
        passes.append(time.monotonic())
        return looked(table)

    monkeypatch.setattr(ProcessTable, "look", counted)
    monkeypatch.setattr(machine_sampler, "REST", 0.0)
    sampler = MachineSampler()
    try:
        sampler._next = 0.0
        machine = sampler.sample()
        assert machine is not None
        assert (machine.gpus[0].power_limit, machine.gpus[0].fan) == (700.0, 40.0)
        assert (machine.cores, machine.load, passes) == ((), None, [])
        assert (machine.processes[here].user, machine.processes[here].ancestors[0]) == ("", parent)
        sampler.whole, sampler.runs = True, frozenset({parent})
        for _ in range(2):
            sampler._next = 0.0
            machine = sampler.sample()
            assert machine is not None
        use = machine.processes[here]
        assert (use.user, use.ancestors[0]) == (psutil.Process().username(), parent)
        assert use.memory is not None
        assert use.memory > 2**20
        assert machine.processes[parent].user
        assert len(machine.cores) == psutil.cpu_count()
        assert machine.load is not None
        sampler.whole = False
        sampler._next = 0.0
        machine = sampler.sample()
        assert machine is not None
        assert (machine.cores, len(passes)) == ((), 2)
    finally:
        sampler.close()
