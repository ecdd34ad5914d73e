"""Who is on the machine: the runs and programs that processes belong to, and what these use."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from functools import cache

from engine.runs.status import LIVE, Status
from engine.system.nvml import GpuSample
from engine.system.permissions import user_name
from engine.text import clean, size
from tui.state.snapshot import Machine, Process, Snapshot
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


def users_of(gpu: GpuSample, snapshot: Snapshot) -> list[Line]:
    """Return who is on a GPU: the run that a process is or descends from, its largest process, what all hold.

    A run that the queue put there is on it even where the driver does not name its processes.
    """
    runs, machine = live_runs(snapshot), snapshot.machine
    held: dict[tuple[str, str], dict[int, int | None]] = {}
    for pid, bytes_held in (gpu.processes or {}).items():
        held.setdefault(_who(pid, runs, machine), {})[pid] = bytes_held
    users: list[Line] = []
    for (name, tone), sizes in sorted(held.items(), key=lambda user: -_sum(user[1].values())):
        more = f" and {len(sizes) - 1} more" if len(sizes) > 1 else ""
        pid = max(sizes, key=lambda pid: sizes[pid] or 0)
        total = size(_sum(sizes.values())) if None not in sizes.values() else "memory unknown"
        users.append(
            [(name, tone), (f"  pid {pid}{more}, {total}", "quiet"), *_use(pid, runs, machine, among=sizes)]
        )
    users += [
        [(name, tone), (f"  pid {pid}, not named by the driver", "quiet"), *_use(pid, runs, machine)]
        for pid, status in runs.items()
        if (entry := snapshot.queue.entries.get(status.run)) is not None and gpu.uuid in entry.devices
        for name, tone in [run_name(status)]
        if (name, tone) not in held
    ]
    return users + _unnamed(gpu, is_named=bool(users))


def run_on_slot(status: Status, snapshot: Snapshot) -> Line:
    """Return a run that has a slot on the CPU, and what its processes use."""
    name, tone = run_name(status)
    return [
        (name, tone),
        (f"  pid {status.pid} ", "quiet"),
        *_use(status.pid, live_runs(snapshot), snapshot.machine),
    ]


def lines_of_others(snapshot: Snapshot, shown: Collection[str]) -> list[Line]:
    """Return a line for each run that is not shown yet, and each program that takes much of the cores.

    Args:
        snapshot: The moment; it has these processes while the machine is shown whole.
        shown: The runs that are shown.
    """
    runs, machine = live_runs(snapshot), snapshot.machine
    on_gpus = {pid for gpu in machine.gpus for pid in gpu.processes or ()}
    shown = {*shown, *(status.run for pid in on_gpus if (status := _run_of(pid, runs, machine)) is not None)}
    lines: list[Line] = []
    for pid in machine.processes:
        status = _run_of(pid, runs, machine)
        if pid in on_gpus or (status is not None and (status.pid != pid or status.run in shown)):
            continue
        label = "others  " if not lines else " " * 8
        lines.append(
            [(label, "name"), _who(pid, runs, machine), (f"  pid {pid} ", "quiet"), *_use(pid, runs, machine)]
        )
    return lines if any(process.user for process in machine.processes.values()) else []


def foreign_processes(snapshot: Snapshot) -> dict[int, Process]:
    """Return the processes of this user that are no run's, by pid: those that the user may end without vitui."""
    runs, machine = live_runs(snapshot), snapshot.machine
    return {
        pid: process
        for pid, process in machine.processes.items()
        if process.user and process.user == me() and _run_of(pid, runs, machine) is None
    }


def run_name(status: Status) -> tuple[str, str]:
    """Return what a run is called, and the tone to write it in."""
    return f"{clean(status.experiment)} s{status.seed}", "good"


def _run_of(pid: int, runs: Mapping[int, Status], machine: Machine) -> Status | None:
    process = machine.processes.get(pid)
    above = process.ancestors if process is not None else ()
    return next((runs[each] for each in (pid, *above) if each in runs), None)


def _who(pid: int, runs: Mapping[int, Status], machine: Machine) -> tuple[str, str]:
    """Return the name of the run or program that a process belongs to, and the tone to write it in."""
    process = machine.processes.get(pid)
    if process is None:
        return "a process that is not in /proc", "wait"
    status = _run_of(pid, runs, machine)
    return run_name(status) if status is not None else (clean(process.name), "wait")


def _use(
    pid: int, runs: Mapping[int, Status], machine: Machine, among: Collection[int] = ()
) -> list[tuple[str, str]]:
    """Return whose a process is, and what it uses with all of its run, or those among some; nothing where untold."""
    status = _run_of(pid, runs, machine)
    pids = among or [pid]
    if status is not None:
        pids = [each for each in machine.processes if _run_of(each, runs, machine) is status]
    told = [process for each in pids if (process := machine.processes.get(each)) is not None and process.user]
    if not told:
        return []
    cores = [process.cpu for process in told if process.cpu is not None]
    parts = [f"  {clean(told[0].user)}"]
    parts += [f"  CPU {sum(cores):.0f} %"] if cores else []
    parts.append(f"  {size(_sum(process.memory for process in told))}")
    if status is None and told[0].user == me():
        parts.append(f"  `kill {pid}` ends it")
    return [(part, "quiet") for part in parts]


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
