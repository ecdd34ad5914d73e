"""The machine over the last minutes: a line of small curves for each GPU and who is on it, or CPU, memory and slots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from rich.cells import cell_len

from engine.runs.status import LIVE, Status
from engine.system.nvml import GpuSample
from engine.text import clean, size
from tui.state.snapshot import Machine, SiteView, Snapshot
from tui.text import Line, shorten
from tui.views.site_facts import load_texts, trouble_of
from tui.widgets.machine.status_line import bar, memory_text
from tui.widgets.styled_lines import StyledLines

NARROWEST, WIDEST = 4, 30
"""Cells of a small curve."""
SPAN_S = 180.0
"""Seconds that a curve looks back."""
HOTTEST = 100.0
"""Degrees at the top of a curve of temperatures."""
SHOWN_S = 3600.0
"""Seconds for which a site is shown after its last word where no run of this folder waits or lives there."""
UNNAMED = 2**30
"""Bytes in use of a GPU that no process accounts for and that go without saying: the driver's own part."""

Read = Callable[[GpuSample], float | None]


class MachineBoard(StyledLines):
    """Shows the machine of a snapshot."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._snapshot = Snapshot()

    def show(self, snapshot: Snapshot) -> None:
        """Show this moment."""
        before, self._snapshot = self._snapshot, snapshot
        if any(
            getattr(before, part) != getattr(snapshot, part)
            for part in ("machines", "runs", "queue", "sites")
        ):
            self.lay_out()

    def lines(self, width: int) -> Sequence[Line]:
        """Return the lines of the board."""
        return board_lines(self._snapshot, width)


def board_lines(snapshot: Snapshot, width: int) -> list[Line]:
    """Return the lines for a machine with GPUs, or for one without; what has no room for all of it is left out."""
    return [_whole(line, width) for line in _lines(snapshot, width)]


def _whole(line: Line, width: int) -> Line:
    """Return the first parts of a line, as many as fit; at least one."""
    taken, kept = 0, line[:1]
    for text, tone in line[1:]:
        taken += cell_len(kept[-1][0])
        if taken + cell_len(text.rstrip()) > width:
            break
        kept.append((text, tone))
    return kept


def _lines(snapshot: Snapshot, width: int) -> list[Line]:
    here = _gpu_lines(snapshot, width) if snapshot.machine.gpus else _lines_without_gpus(snapshot, width)
    used = {
        status.on
        for status in snapshot.runs
        if status.on and (status.state in LIVE or status.state == "queued")
    }
    now = snapshot.now
    sites = [
        view for view in snapshot.sites
        if view.status.site.name in used or abs(now - view.status.at) < SHOWN_S
    ]  # fmt: skip
    return [*here, *(line for view in sites for line in site_lines(view, now, width))]


def site_lines(view: SiteView, now: float, width: int) -> list[Line]:
    """Return the block of a site: what is free there and what this user has there, its age, and a machine's GPUs."""
    status = view.status
    name = f"{clean(status.site.name)} {clean(status.site.slurm)}".rstrip()
    heading = shorten(name, max(7, min(cell_len(name), width // 3)))
    room = width - cell_len(heading)
    if trouble := trouble_of(status, now):
        return [[(heading, "name"), (f"  {shorten(trouble, max(1, room - 2), end=True)}", "wait")]]
    texts = load_texts(status, now)
    parts = next((each for each in texts if sum(cell_len(text) + 3 for text in each) <= room), texts[-1])
    line: Line = [
        (heading, "name"),
        *((f"   {text}", "name") for text in parts[:-1]),
        (f"   {parts[-1]}", "quiet"),
    ]
    gpus = view.looks[-1].gpus if view.looks else ()
    return [line, *(_gpu_line(gpu, view.looks, width) for gpu in gpus)]


def _lines_without_gpus(snapshot: Snapshot, width: int) -> list[Line]:
    return [*_cpu_lines(snapshot.machines, width), *_slot_lines(snapshot)]


def _gpu_lines(snapshot: Snapshot, width: int) -> list[Line]:
    lines: list[Line] = []
    for gpu in snapshot.machine.gpus:
        if gpu.lost:
            lines.append([(f"{gpu.label:<7}", "name"), (f"lost: {clean(gpu.lost)}", "bad")])
            continue
        lines.append(_gpu_line(gpu, snapshot.machines, width))
        if not gpu.in_slices:
            lines += [[("      ", "quiet"), *user] for user in _users(gpu, snapshot)]
    return lines


def curve(points: Iterable[tuple[float, float | None]], width: int, top: float, now: float) -> str:
    """Return the last ``SPAN_S`` seconds of a value as so many cells, the newest last; a space where none is known.

    Args:
        points: When, in seconds, and what.
        width: Cells.
        top: The value of a full cell.
        now: The time of the last cell.
    """
    step = SPAN_S / width
    last = int(now // step)
    cells: dict[int, float] = {}
    for when, value in points:
        if value is not None:
            column = int(when // step) - last + width - 1
            cells[column] = max(value, cells.get(column, 0.0))
    return "".join(
        " " if (value := cells.get(column)) is None else bar(max(value / top, 0.07) if top else 0.07)
        for column in range(width)
    )


def _gpu_line(gpu: GpuSample, machines: Sequence[Machine], width: int) -> Line:
    """Return one GPU as small curves with the newest number behind each."""
    seen = [(machine.time, one) for machine in machines for one in machine.gpus if one.uuid == gpu.uuid]
    most = max((one.power or 0.0 for _, one in seen), default=0.0)
    gauges: tuple[tuple[str, Read, float], ...] = (
        (f"{gpu.utilization:3.0f} %" if gpu.utilization is not None else "  ? %", _utilization, 100.0),
        (memory_text(gpu), _memory, float(gpu.memory_total or 0)),
        (f"{gpu.power:3.0f} W" if gpu.power is not None else "  ? W", _power, most),
        (f"{gpu.temperature:2.0f} °C" if gpu.temperature is not None else " ? °C", _temperature, HOTTEST),
    )
    name = f"{gpu.label:<6}"
    room = width - cell_len(name) - sum(cell_len(text) + 3 for text, *_ in gauges)
    curves = min(len(gauges), room // NARROWEST)  # where there is not room for all, the first have one
    line: Line = [(name, "name")]
    for number, (text, read, top) in enumerate(gauges):
        if number < curves:
            points = ((when, read(one)) for when, one in seen)
            drawn = curve(points, min(WIDEST, room // curves), top, machines[-1].time)
            line.append((f" {drawn}", "busy"))
        line.append((f" {text} " if curves else f" {text.strip()}", "name"))
    return line


def _utilization(gpu: GpuSample) -> float | None:
    return gpu.utilization


def _memory(gpu: GpuSample) -> float | None:
    return None if gpu.memory_used is None else float(gpu.memory_used)


def _power(gpu: GpuSample) -> float | None:
    return gpu.power


def _temperature(gpu: GpuSample) -> float | None:
    return gpu.temperature


def _users(gpu: GpuSample, snapshot: Snapshot) -> list[Line]:
    """Return who is on a GPU: the run that a process is or descends from, its largest process, what all hold.

    A run that the queue put there is on it even where the driver does not name its processes.
    """
    runs = {status.pid: status for status in snapshot.runs if status.state in LIVE}
    held: dict[tuple[str, str], dict[int, int | None]] = {}
    for pid, bytes_held in (gpu.processes or {}).items():
        held.setdefault(_who(pid, runs, snapshot.machine), {})[pid] = bytes_held
    users: list[Line] = []
    for (name, tone), sizes in sorted(held.items(), key=lambda user: -_sum(user[1].values())):
        more = f" and {len(sizes) - 1} more" if len(sizes) > 1 else ""
        pid = max(sizes, key=lambda pid: sizes[pid] or 0)
        total = size(_sum(sizes.values())) if None not in sizes.values() else "memory unknown"
        users.append([(name, tone), (f"  pid {pid}{more}, {total}", "quiet")])
    users += [
        [(name, tone), (f"  pid {pid}, not named by the driver", "quiet")]
        for pid, status in runs.items()
        if (entry := snapshot.queue.entries.get(status.run)) is not None and gpu.uuid in entry.devices
        for name, tone in [_run_name(status)]
        if (name, tone) not in held
    ]
    return users + _unnamed(gpu, is_named=bool(users))


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


def _run_name(status: Status) -> tuple[str, str]:
    return f"{clean(status.experiment)} s{status.seed}", "good"


def _who(pid: int, runs: Mapping[int, Status], machine: Machine) -> tuple[str, str]:
    """Return the name of the run or program that a process on a GPU belongs to, and the tone to write it in."""
    process = machine.processes.get(pid)
    if process is None:
        return "a process that is not in /proc", "wait"
    for process_id in (pid, *process.ancestors):
        if process_id in runs:
            return _run_name(runs[process_id])
    return clean(process.name), "wait"


def _cpu_lines(machines: Sequence[Machine], width: int) -> list[Line]:
    if not machines:
        return []
    last = machines[-1]
    gauges = (
        ("CPU", f"{last.cpu:3.0f} %", [(machine.time, machine.cpu) for machine in machines], 100.0),
        ("memory", f"{size(last.memory_used)} of {size(last.memory_total)}",
         [(machine.time, float(machine.memory_used)) for machine in machines], float(last.memory_total)),
    )  # fmt: skip
    cells = max(NARROWEST, min(2 * WIDEST, width - 24))
    return [
        [(f"{name:<8}", "name"), (curve(points, cells, top, last.time), "busy"), (f" {text}", "name")]
        for name, text, points, top in gauges
    ]


def _slot_lines(snapshot: Snapshot) -> list[Line]:
    """Return who has each device that the worker gives out, and whether there is one."""
    if not snapshot.queue.devices:
        waits = not snapshot.queue.untrusted.issuperset(snapshot.queue.waiting)
        words = "no worker is running, runs wait" if waits else "the queue is empty, no worker is running"
        return [[(words, "wait" if waits else "quiet")]]
    lines: list[Line] = []
    runs = {status.run: status for status in snapshot.runs if status.state in LIVE}
    for device in snapshot.queue.devices:
        users = [
            runs[forecast.run]
            for forecast in snapshot.queue.forecasts
            if device.id in forecast.devices and forecast.run in runs
        ]  # fmt: skip
        line: Line = [(shorten(clean(device.name), 12), "name")]
        if device.lost:
            lines.append([*line, (f"lost: {clean(device.lost)}", "bad")])
            continue
        for status in users:
            line += [
                (f"{clean(status.experiment)} s{status.seed}", "good"),
                (f"  pid {status.pid} ", "quiet"),
            ]
        lines.append(line if users else [*line, ("free", "quiet")])
    return lines
