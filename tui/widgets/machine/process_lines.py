"""Who is on a device: the runs and programs that processes belong to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cache

from rich.cells import cell_len

from engine.runs.status import LIVE, Status
from engine.system.nvml import GpuSample
from engine.system.permissions import user_name
from engine.text import clean, size
from engine.text import shorten as text_of_cells
from tui.state.snapshot import Machine, Snapshot
from tui.text import Line

UNNAMED = 2**30
"""Bytes in use of a GPU that no process accounts for and that go without saying: the driver's own part."""


@cache
def me() -> str:
    """Return the user that this program is of, by the number, as of the others: a shell may say another name."""
    return user_name(os.geteuid())


def live_runs(snapshot: Snapshot) -> dict[int, Status]:
    """Return the live runs of this machine's own queue, by their process."""
    return {status.pid: status for status in snapshot.runs if status.state in LIVE and not status.on}


def users_of(gpu: GpuSample, snapshot: Snapshot, width: int) -> list[Line]:
    """Return who is on a GPU: the run that a process is or descends from, its largest process, what all hold.

    A run that the queue put there is on it even where the driver does not name its processes. The names have what the
    other words leave of the width.
    """
    runs, machine = live_runs(snapshot), snapshot.machine
    held: dict[tuple[str, str], dict[int, int | None]] = {}
    for pid, bytes_held in (gpu.processes or {}).items():
        held.setdefault(who(pid, runs, machine), {})[pid] = bytes_held
    users: list[Line] = []
    for (name, tone), sizes in sorted(held.items(), key=lambda user: -_sum(user[1].values())):
        more = f" and {len(sizes) - 1} more" if len(sizes) > 1 else ""
        pid = max(sizes, key=lambda pid: sizes[pid] or 0)
        total = size(_sum(sizes.values())) if None not in sizes.values() else "memory unknown"
        holds = f"  pid {pid}{more}, {total}"
        users.append([(text_of_cells(name, max(1, width - cell_len(holds)), "end"), tone), (holds, "quiet")])
    users += [
        [(name, tone), (f"  pid {pid}, not named by the driver", "quiet")]
        for pid, status in runs.items()
        if (entry := snapshot.queue.entries.get(status.run)) is not None and gpu.uuid in entry.devices
        for name, tone in [run_name(status)]
        if (name, tone) not in held
    ]
    return users + _unnamed(gpu, is_named=bool(users))


def run_on_slot(status: Status) -> Line:
    """Return a run that has a slot on the CPU."""
    name, tone = run_name(status)
    return [(name, tone), (f"  pid {status.pid} ", "quiet")]


def run_name(status: Status) -> tuple[str, str]:
    """Return what a run is called, and the tone to write it in."""
    return f"{clean(status.experiment)} s{status.seed}", "good"


def run_of(pid: int, runs: Mapping[int, Status], machine: Machine) -> Status | None:
    """Return the run among some, by their processes, that a process is or descends from; None for no run's."""
    process = machine.processes.get(pid)
    above = process.ancestors if process is not None else ()
    return next((runs[each] for each in (pid, *above) if each in runs), None)


def who(pid: int, runs: Mapping[int, Status], machine: Machine) -> tuple[str, str]:
    """Return the name of the run or program that a process belongs to, and the tone to write it in."""
    process = machine.processes.get(pid)
    if process is None:
        return "a process that is not in /proc", "wait"
    status = run_of(pid, runs, machine)
    if status is not None:
        return run_name(status)
    if process.of_run is not None:
        run, folder = process.of_run
        return f"vitui run {clean(run)} in {clean(folder)}", "wait"
    return clean(process.name), "wait"


def _unnamed(gpu: GpuSample, *, is_named: bool) -> list[Line]:
    """Return a line on the memory in use that no process on a GPU accounts for, or that the GPU is idle."""
    if gpu.processes is None:
        return [[("the driver does not tell who is on it", "quiet")]]
    unnamed = (gpu.memory_used or 0) - _sum(gpu.processes.values())
    if unnamed > UNNAMED and None not in gpu.processes.values():
        return [[(f"the driver does not name who holds {size(unnamed)}", "quiet")]]
    return [] if is_named else [[("nobody is on it", "quiet")]]


def _sum(sizes: Iterable[int | None]) -> int:
    return sum(size or 0 for size in sizes)
