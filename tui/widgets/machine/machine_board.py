"""The machine over the last minutes: a line of small curves for each GPU and who is on it, or CPU, memory and slots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual import events

from engine.runs.status import LIVE
from engine.system.nvml import GpuSample
from engine.text import clean, size
from tui.state.snapshot import Machine, SiteView, Snapshot
from tui.text import Line, shorten
from tui.views.site_facts import load_texts, trouble_of
from tui.widgets.machine.process_lines import run_on_slot, users_of
from tui.widgets.machine.process_table import Order, order_at, orders, table_lines
from tui.widgets.machine.sparkline import curve_rows
from tui.widgets.machine.status_line import bar, memory_text
from tui.widgets.styled_lines import StyledLines

NARROWEST, WIDEST = 4, 30
"""Cells of a small curve."""
HOTTEST = 100.0
"""Degrees at the top of a curve of temperatures."""
SHOWN_S = 3600.0
"""Seconds for which a site is shown after its last word where no run of this folder waits or lives there."""
HIGH = ((52, 2, 3), (40, 4, 2))
"""From which rows of the terminal on, and for how many GPUs at most, curves are how many rows high."""


Read = Callable[[GpuSample], float | None]


class Gauge(NamedTuple):
    """A number, and its curve."""

    text: str
    points: list[tuple[float, float | None]]
    """When, in seconds, and what."""
    top: float
    """The value of a full column."""


class MachineBoard(StyledLines):
    """Shows the machine of a snapshot.

    Args:
        high: Whether curves take several rows where the terminal has them.
        id: Its id.
    """

    def __init__(self, *, high: bool = False, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._snapshot = Snapshot()
        self._high = high
        self._order: Order | None = None
        """What processes are sorted by; None for the first that this machine has."""
        self._processes = 0
        """Lines of the table of processes at the end, its head included."""

    def show(self, snapshot: Snapshot) -> None:
        """Show this moment."""
        before, self._snapshot = self._snapshot, snapshot
        if any(
            getattr(before, part) != getattr(snapshot, part)
            for part in ("machines", "runs", "queue", "sites")
        ):
            self.lay_out()

    @property
    def order(self) -> Order:
        """What processes are sorted by."""
        possible = orders(self._snapshot.machine)
        return self._order if self._order in possible else possible[0]

    def sort_by(self, order: Order) -> None:
        """Sort the processes by a column."""
        self._order = order
        self.lay_out()

    def sort_by_next(self) -> None:
        """Sort the processes by the next column, behind the last by the first."""
        possible = orders(self._snapshot.machine)
        self.sort_by(possible[(possible.index(self.order) + 1) % len(possible)])

    def on_click(self, event: events.Click) -> None:
        """Sort by the column whose head is clicked."""
        width = self.scrollable_content_region.width
        at = event.get_content_offset(self)
        if at is not None and at.y + self.scroll_offset.y == len(self._lines) - self._processes:
            column = order_at(at.x, self._snapshot.machine, width)
            if column is not None:
                self.sort_by(column)

    def lines(self, width: int) -> Sequence[Line]:
        """Return the lines of the board, the processes at its end."""
        rows = curve_height(self.app.size.height, len(self._snapshot.machine.gpus)) if self._high else 1
        processes = table_lines(self._snapshot, self.order, width)
        self._processes = len(processes)
        return [*board_lines(self._snapshot, width, rows), *processes]


def curve_height(rows: int, gpus: int) -> int:
    """Return how many rows curves take in a terminal of so many rows."""
    return next((height for least, most, height in HIGH if rows >= least and gpus <= most), 1)


def board_lines(snapshot: Snapshot, width: int, rows: int = 1) -> list[Line]:
    """Return the lines for a machine with GPUs, or for one without; what has no room for all of it is left out.

    Args:
        snapshot: The moment.
        width: Cells.
        rows: How high its curves are.
    """
    return [_whole(line, width) for line in _lines(snapshot, width, rows)]


def _whole(line: Line, width: int) -> Line:
    """Return the first parts of a line, as many as fit; at least one."""
    taken, kept = 0, line[:1]
    for text, tone in line[1:]:
        taken += cell_len(kept[-1][0])
        if taken + cell_len(text.rstrip()) > width:
            break
        kept.append((text, tone))
    return kept


def _lines(snapshot: Snapshot, width: int, rows: int) -> list[Line]:
    here = _gpu_lines if snapshot.machine.gpus else _lines_without_gpus
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
    of_sites = [line for view in sites for line in site_lines(view, now, width)]
    return [*here(snapshot, width, rows), *of_sites]


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
    return [line, *(row for gpu in gpus for row in _gpu_rows(gpu, view.looks, width))]


def _lines_without_gpus(snapshot: Snapshot, width: int, rows: int) -> list[Line]:
    lines = [*_cpu_lines(snapshot.machines, width, rows), *_core_line(snapshot.machine, width)]
    return [*lines, *_slot_lines(snapshot)]


def _gpu_lines(snapshot: Snapshot, width: int, rows: int) -> list[Line]:
    lines = [*_cpu_and_memory(snapshot.machines, width, rows), *_core_line(snapshot.machine, width)]
    for gpu in snapshot.machine.gpus:
        if gpu.lost:
            lines.append([(f"{gpu.label:<7}", "name"), (f"lost: {clean(gpu.lost)}", "bad")])
            continue
        lines += _gpu_rows(gpu, snapshot.machines, width, rows)
        if not gpu.in_slices:
            lines += [[("      ", "quiet"), *user] for user in users_of(gpu, snapshot, width - 6)]
    return lines


def _gpu_rows(gpu: GpuSample, machines: Sequence[Machine], width: int, rows: int = 1) -> list[Line]:
    """Return one GPU as small curves with the newest number behind each."""
    seen = [(machine.time, one) for machine in machines for one in machine.gpus if one.uuid == gpu.uuid]
    most = gpu.power_limit or max((one.power or 0.0 for _, one in seen), default=0.0)
    limit = f"/{gpu.power_limit:.0f}" if gpu.power_limit is not None else ""
    fan = f" fan {gpu.fan:.0f} %" if gpu.fan is not None else ""
    shown: tuple[tuple[str, Read, float], ...] = (
        (f"{gpu.utilization:3.0f} %" if gpu.utilization is not None else "  ? %", _utilization, 100.0),
        (memory_text(gpu), _memory, float(gpu.memory_total or 0)),
        (f"{gpu.power:3.0f}{limit} W" if gpu.power is not None else "  ? W", _power, most),
        (
            f"{gpu.temperature:2.0f} °C{fan}" if gpu.temperature is not None else f" ? °C{fan}",
            _temperature,
            HOTTEST,
        ),
    )
    gauges = [Gauge(text, [(when, read(one)) for when, one in seen], top) for text, read, top in shown]
    return _gauge_rows(f"{gpu.label:<6}", gauges, machines[-1].time, width, rows)


def _gauge_rows(name: str, gauges: Sequence[Gauge], now: float, width: int, rows: int) -> list[Line]:
    """Return gauges side by side; where there is not room for all their curves, the first have one.

    Args:
        name: What they are of.
        gauges: The gauges.
        now: The time of the newest look.
        width: Cells.
        rows: How high curves are; the numbers stand in the last row.
    """
    room = width - cell_len(name) - sum(cell_len(gauge.text) + 3 for gauge in gauges)
    curves = min(len(gauges), room // NARROWEST)
    if not curves:
        return [[(name, "name"), *((f" {gauge.text.strip()}", "name") for gauge in gauges)]]
    cells = min(WIDEST, room // curves)
    drawn = [curve_rows(gauge.points, cells, gauge.top, now, rows) for gauge in gauges[:curves]]
    lines: list[Line] = []
    for row in range(rows):
        is_last = row == rows - 1
        line: Line = [(name if is_last else " " * cell_len(name), "name")]
        for number, gauge in enumerate(gauges):
            if number < curves:
                line.append((f" {drawn[number][row]}", "busy"))
            line.append((f" {gauge.text} " if is_last else " " * (cell_len(gauge.text) + 2), "name"))
        lines.append(line)
    return lines


def _utilization(gpu: GpuSample) -> float | None:
    return gpu.utilization


def _memory(gpu: GpuSample) -> float | None:
    return None if gpu.memory_used is None else float(gpu.memory_used)


def _power(gpu: GpuSample) -> float | None:
    return gpu.power


def _temperature(gpu: GpuSample) -> float | None:
    return gpu.temperature


def _of_machine(machines: Sequence[Machine]) -> list[Gauge]:
    """Return the load of all cores and the memory in use; none where it is a machine of the past that tells neither."""
    if not machines or not machines[-1].memory_total:
        return []
    last = machines[-1]
    return [
        Gauge(f"{last.cpu:3.0f} %", [(machine.time, machine.cpu) for machine in machines], 100.0),
        Gauge(
            f"{size(last.memory_used)} of {size(last.memory_total)}",
            [(machine.time, float(machine.memory_used)) for machine in machines], float(last.memory_total),
        ),
    ]  # fmt: skip


def _cpu_and_memory(machines: Sequence[Machine], width: int, rows: int) -> list[Line]:
    """Return them in one line, for a machine whose GPUs have the others."""
    gauges = _of_machine(machines)
    return _gauge_rows("CPU   ", gauges, machines[-1].time, width, rows) if gauges else []


def _cpu_lines(machines: Sequence[Machine], width: int, rows: int) -> list[Line]:
    """Return them in a line each."""
    cells = max(NARROWEST, min(2 * WIDEST, width - 24))
    lines: list[Line] = []
    for name, gauge in zip(("CPU", "memory"), _of_machine(machines), strict=False):
        *above, last = curve_rows(gauge.points, cells, gauge.top, machines[-1].time, rows)
        lines += [[(" " * 8, "name"), (row, "busy")] for row in above]
        lines.append([(f"{name:<8}", "name"), (last, "busy"), (f" {gauge.text}", "name")])
    return lines


def _core_line(machine: Machine, width: int) -> list[Line]:
    """Return a cell for each core, or for the busiest of several where there are more than cells."""
    if not machine.cores:
        return []
    words = f" {len(machine.cores)} cores"
    words += f", load {machine.load:.2f}" if machine.load is not None else ""
    room = max(1, width - 8 - cell_len(words))
    each = -(-len(machine.cores) // room)
    busiest = [max(machine.cores[at : at + each]) for at in range(0, len(machine.cores), each)]
    return [
        [
            ("cores   ", "name"),
            ("".join(bar(max(core / 100, 0.07)) for core in busiest), "busy"),
            (words, "name"),
        ]
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
            line += run_on_slot(status)
        lines.append(line if users else [*line, ("free", "quiet")])
    return lines
