"""The machine shown whole: each core, and what the processes of runs and of others use; else neither is looked at."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from engine.runs.store import Run
from engine.sites.local_process import run_in_command, train_command
from engine.system.own_modules import STARTER
from engine.system.process_table import ProcessTable, ProcessUse
from tests.pretended_nvml import GIB, Card, PretendedNvml
from tui.feed import machine_sampler
from tui.feed.machine_sampler import COMMAND, LARGE, MachineSampler, _whole
from tui.state.snapshot import Process


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


def test_a_process_is_called_by_its_command_and_a_run_of_another_folder_by_its_run(tmp_path: Path) -> None:
    run = Run(tmp_path / "x-s0-20261129-120000-abcd")
    stand_in = tmp_path / "vitui_start.py"  # its command is what counts
    stand_in.write_text("import time; print(1, flush=True); time.sleep(60)")
    words = [str(stand_in) if word == str(STARTER) else word for word in train_command(run, "cpu", 0)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            use = ProcessUse("python", os.getpid(), 50.0, 2**20)
            found = _whole(child.pid, use, (os.getpid(),), is_ours=False)
            called = " ".join([Path(sys.executable).name, *words[1:]])[:COMMAND]
            assert (found.of_run, found.name) == ((run.id, str(tmp_path)), called)
            assert _whole(os.getpid(), use, (child.pid,), is_ours=False).of_run == (run.id, str(tmp_path))
            assert _whole(child.pid, use, (), is_ours=True) == Process("python", (), found.user, 50.0, 2**20)
        finally:
            child.kill()
    for other in ([], words[:-4], [*words[:3], "engine.cli", "work", *words[5:]], ["python", "train.py"]):
        assert run_in_command(other) is None


def test_the_busiest_and_the_largest_of_others_are_told() -> None:
    sampler = MachineSampler()
    idle = {pid: ProcessUse("idle", 0, 0.1, 2**20) for pid in range(2_000_000, 2_000_050)}
    busy = {pid: ProcessUse("busy", 0, 99.0, 2**20) for pid in range(1, 8)}
    large = {9: ProcessUse("large", 0, None, LARGE), 10: ProcessUse("both", 0, 200.0, 2 * LARGE)}
    sampler._uses = idle | busy | large
    assert list(sampler._told({3})) == [3, 10, 1, 2, 4, 5, 9]
