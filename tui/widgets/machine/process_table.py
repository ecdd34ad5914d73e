"""The processes of the machine as a table: a line for each run and each other program, in the order of what they use.

::

        pid  user       GPU↓     CPU     mem  process
       4711  ann       34.2G    99 %    3.0G  ViT-B s0
         99  bob        1.0G     0 %    1.0G  python -u train.py --lr 3
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Hashable, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from engine.runs.status import Status
from engine.text import clean, size
from engine.text import shorten as text_of_cells
from tui.state.snapshot import Machine, Snapshot
from tui.text import Line, shorten
from tui.widgets.machine.process_lines import live_runs, me, run_of, who

Order = Literal["GPU", "CPU", "mem"]
"""The column that processes are sorted by, the largest first."""
PID, USER, NUMBER = 9, 10, 8
"""Cells of the columns; the name has all that are left."""
ROOMY = 60
"""Cells from which on there is room for the users."""


class ProcessRow(NamedTuple):
    """A run with all its processes, or one process of something else; sizes in bytes."""

    name: str
    tone: str
    pid: int
    user: str
    uses: Mapping[Order, float]
    """Memory of all GPUs, infinite where the driver does not say how much; percent of one core; resident memory."""
    ends: str
    """The command that ends it, where it is this user's and no run of this folder; else empty."""


def orders(machine: Machine) -> tuple[Order, ...]:
    """Return what processes can be sorted by; without a GPU not by its memory."""
    return get_args(Order)[0 if machine.gpus else 1 :]


def process_rows(snapshot: Snapshot, order: Order) -> list[ProcessRow]:
    """Return who uses the machine, those with the most first; nothing while it is not looked at whole."""
    machine, runs = snapshot.machine, live_runs(snapshot)
    if not any(process.user for process in machine.processes.values()):
        return []
    held = _held(machine)
    groups: dict[Hashable, list[int]] = {}
    for pid in dict.fromkeys((*machine.processes, *held)):
        process, status = machine.processes.get(pid), run_of(pid, runs, machine)
        whole = status.run if status is not None else process.of_run if process is not None else None
        user = process.user if process is not None else ""  # another's may call itself a run of mine
        groups.setdefault(pid if whole is None else (whole, "" if status is not None else user), []).append(
            pid
        )
    rows = [_row(pids, machine, runs, held) for pids in groups.values()]
    rows.sort(key=lambda row: [row.uses.get(each, 0.0) for each in (order, *get_args(Order))], reverse=True)
    return rows


def table_lines(snapshot: Snapshot, order: Order, width: int) -> list[Line]:
    """Return the table, its head first; empty without a process."""
    if not (rows := process_rows(snapshot, order)):
        return []
    shown = _columns(snapshot.machine, width)
    head = "".join(_cell(name, cells, f"{name}↓" if name == order else name) for name, cells in shown)
    lines: list[Line] = [[(head, "quiet")]]
    room = max(1, width - sum(cells for _, cells in shown[:-1]) - 2)
    for row in rows:
        texts = {"pid": str(row.pid), "user": clean(row.user)}
        texts |= {each: _amount(each, row.uses.get(each)) for each in get_args(Order)}
        numbers = "".join(_cell(name, cells, texts[name]) for name, cells in shown[:-1])
        lines.append([(numbers, "quiet"), (f"  {text_of_cells(row.name, room, 'end')}", row.tone)])
    return lines


def order_at(x: int, machine: Machine, width: int) -> Order | None:
    """Return the column of the head that a cell belongs to, if processes can be sorted by it."""
    for name, cells in _columns(machine, width):
        if x < cells:
            return next((order for order in orders(machine) if order == name), None)
        x -= cells
    return None


def _columns(machine: Machine, width: int) -> list[tuple[str, int]]:
    """Return the columns and their cells; the last one has the rest."""
    users = [("user", USER)] if width >= ROOMY else []
    return [("pid", PID), *users, *((order, NUMBER) for order in orders(machine)), ("process", 0)]


def _cell(name: str, cells: int, text: str) -> str:
    if name == "process":
        return f"  {text}"
    return f"  {shorten(text, cells - 2)}" if name == "user" else text.rjust(cells)


def _amount(order: Order, value: float | None) -> str:
    if value is None or math.isinf(value):
        return "" if value is None else "?"
    return f"{value:.0f} %" if order == "CPU" else size(value)


def _held(machine: Machine) -> dict[int, float]:
    """Return the bytes of all GPUs that each process holds, infinite where a driver does not say how many."""
    held: dict[int, float] = {}
    for gpu in machine.gpus:
        for pid, bytes_held in ({} if gpu.in_slices else gpu.processes or {}).items():
            held[pid] = held.get(pid, 0.0) + (math.inf if bytes_held is None else bytes_held)
    return held


def _row(
    pids: Sequence[int], machine: Machine, runs: Mapping[int, Status], held: Mapping[int, float]
) -> ProcessRow:
    """Return the row of the processes of a run, or of one other process."""
    status = run_of(pids[0], runs, machine)
    told = {pid: process for pid in pids if (process := machine.processes.get(pid)) is not None}
    pid = next((pid for pid in told if not told.keys() & set(told[pid].ancestors)), pids[0])
    user = next((process.user for process in told.values() if process.user), "")
    amounts: dict[Order, list[float]] = {
        "GPU": [held[each] for each in pids if each in held],
        "CPU": [process.cpu for process in told.values() if process.cpu is not None],
        "mem": [process.memory for process in told.values() if process.memory is not None],
    }
    uses = {order: sum(each) for order, each in amounts.items() if each}
    name, tone = who(pids[0], runs, machine)
    ends = ""
    if status is None and user and user == me():
        ends = _end_command(pid, told[pid].of_run)
    return ProcessRow(name, tone, status.pid if status is not None else pid, user, uses, ends)


def _end_command(pid: int, of_run: tuple[str, str] | None) -> str:
    if of_run is None or any(clean(part) != part for part in of_run):
        return f"kill {pid}"
    run, folder = of_run
    return shlex.join(["engine", "stop", run, "--runs", folder])
