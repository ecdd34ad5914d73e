"""The line at the top: the project, what runs and waits, and how busy the machine is."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.widgets import Static

from engine.runs.state_symbols import MARKS
from engine.system.nvml import GpuSample
from engine.text import clean, size
from tui.state.moment import day_and_time
from tui.state.snapshot import Machine, Snapshot
from tui.text import mistake_place, shorten

BARS = " ▁▂▃▄▅▆▇█"
MISTAKE = "✗ "
"""What stands before the place of a mistake in experiments.toml."""


class MachineLine(Static):
    """Project on the left, machine on the right."""

    DEFAULT_CSS = """
    MachineLine { height: 1; background: $panel; padding: 0 1; }
    MachineLine > .machine-line--past { color: $warning; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"machine-line--past"}

    def __init__(self, title: str, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, markup=False)
        self._title = clean(title)
        self._snapshot = Snapshot()

    def show(self, snapshot: Snapshot) -> None:
        """Show this moment."""
        self._snapshot = snapshot
        self.update(self._line(), layout=False)

    def on_resize(self) -> None:
        """Fit the line to the width."""
        self.update(self._line(), layout=False)

    def _line(self) -> Text:
        """Return the line: what does not fit is said in fewer words or left out, a number is never cut."""
        room, machine = self.content_size.width, machine_texts(self._snapshot.machine)
        for left in (self._left(self._title), self._left(self._title, words=False)):
            for right in machine:
                between = room - left.cell_len - cell_len(right)
                if between >= (2 if right else 0):
                    return left + Text(" " * between + right)
        over = left.cell_len - room
        return self._left(shorten(self._title, max(0, cell_len(self._title) - over)), words=False)

    def _left(self, title: str, *, words: bool = True) -> Text:
        """Return the project and how many runs are in which state, the latter without words if asked for."""
        left = Text.assemble(("vitui ", "bold"), (title, ""))
        if (past := self._snapshot.past) is not None:
            when = day_and_time(past.moment, past.now, weekday=True)
            words_then = f"as it was on {when}" if words else when
            return left + Text.assemble(
                " › ", (words_then, self.get_component_rich_style("machine-line--past"))
            )
        counts = Counter(status.state for status in self._snapshot.runs)
        for state in ("running", "starting", "queued", "failed", "crashed"):
            if counts[state]:
                mark, colour = MARKS[state]
                left.append("   " if words else "  ")
                left.append(mark, colour)
                left.append(f" {counts[state]}" + f" {state}" * words)
        if self._snapshot.runs_error:
            left.append("   ✗ the folder of runs is gone", "bold red")
        if error := self._snapshot.config_error:
            name, line = mistake_place(error)
            place = f"{name}:{line}" if line else name
            left.append(f"   {MISTAKE}{place}", "bold red")
            left.append("  ! shows it" * words, "dim")
        return left

    async def on_click(self, event: events.Click) -> None:
        """Show what is wrong with experiments.toml, where that is said."""
        before, mark, _ = self._line().plain.partition(MISTAKE)
        if mark and event.x > cell_len(before):
            await self.run_action("screen.mistakes")


def machine_texts(machine: Machine) -> list[str]:
    """Return how busy the machine is, in a few words, in fewer and in an empty text: its GPUs, else its CPU."""
    if not machine.gpus and not machine.memory_total:
        return [""]
    if not machine.gpus:
        used, total = size(machine.memory_used), size(machine.memory_total)
        cpu = f"CPU {bar(machine.cpu / 100)} {machine.cpu:3.0f} %"
        return [f"{cpu}   mem {used}/{total}", cpu, ""]
    cards = [gpu for gpu in machine.gpus if gpu.slice is None]
    shares = [f"{gpu.label} {_busy(gpu)}" for gpu in cards]
    whole = [
        share if gpu.lost else f"{share} {memory_text(gpu)}" for gpu, share in zip(cards, shares, strict=True)
    ]
    power = ["" if gpu.power is None else f" {gpu.power:.0f} W" for gpu in cards]
    beside = ""
    if machine.memory_total:
        beside = f"   CPU {machine.cpu:.0f} %   mem {size(machine.memory_used)}/{size(machine.memory_total)}"
    with_power = "   ".join(f"{gpu_text}{watts}" for gpu_text, watts in zip(whole, power, strict=True))
    lost = "".join(f"   {gpu.label} lost" for gpu in cards if gpu.lost)
    return [
        *([with_power + beside] if beside else []),
        with_power,
        "   ".join(whole),
        "   ".join(shares),
        f"GPU {''.join(_sign(gpu) for gpu in cards)}{lost}",
        "",
    ]


def _busy(gpu: GpuSample) -> str:
    """Return how busy a GPU is, as a bar and a number; what is not known, and what is lost, is said."""
    if gpu.lost:
        return "lost"
    if gpu.utilization is None:
        return "? %"
    return f"{bar(gpu.utilization / 100)} {gpu.utilization:3.0f} %"


def _sign(gpu: GpuSample) -> str:
    """Return how busy a GPU is as one character."""
    if gpu.lost:
        return "✗"
    return "?" if gpu.utilization is None else bar(gpu.utilization / 100)


def memory_text(gpu: GpuSample) -> str:
    """Return how much of a GPU's memory is in use: ``34G/80G``, ``mem ?`` where it has none of its own to tell of."""
    if gpu.memory_used is None or gpu.memory_total is None:
        return "mem ?"
    return f"{size(gpu.memory_used)}/{size(gpu.memory_total)}"


def bar(part: float) -> str:
    """Return a part of 1 as one block character."""
    return BARS[round(max(0.0, min(1.0, part)) * (len(BARS) - 1))]
