"""The line at the top: the project, what runs and waits, and how busy the machine is."""

from __future__ import annotations

from collections import Counter

from rich.text import Text
from textual.widgets import Static

from engine.listing import MARKS
from tui.snapshot import Machine, Snapshot
from tui.text import clean, shorten, size

BARS = " ▁▂▃▄▅▆▇█"


class MachineLine(Static):
    """Project on the left, machine on the right."""

    DEFAULT_CSS = """
    MachineLine { height: 1; background: $panel; padding: 0 1; }
    """

    def __init__(self, title: str, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
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
        left = Text.assemble(("vitui ", "bold"), (self._title, ""))
        counts = Counter(status.state for status in self._snapshot.runs)
        for state in ("running", "starting", "queued", "failed", "crashed"):
            if counts[state]:
                mark, colour = MARKS[state]
                left.append("   ")
                left.append(mark, colour)
                left.append(f" {counts[state]} {state}")
        if self._snapshot.config_error:
            left.append("   ✗ experiments.toml", "bold red")
        right = Text(machine_text(self._snapshot.machine))
        room = self.content_size.width - left.cell_len
        if room < right.cell_len + 2:
            right = Text(shorten(right.plain, max(0, room - 2)).rstrip())
        return left + Text(" " * max(1, room - right.cell_len)) + right


def machine_text(machine: Machine) -> str:
    """Return a few words on how busy the machine is: its GPUs, or its CPU where there is none."""
    if not machine.gpus:
        if not machine.memory_total:
            return ""
        used, total = size(machine.memory_used), size(machine.memory_total)
        return f"CPU {bar(machine.cpu / 100)} {machine.cpu:3.0f} %   mem {used}/{total}"
    return "   ".join(
        f"GPU {gpu.index} {bar((gpu.utilization or 0) / 100)} {gpu.utilization or 0:3.0f} %"
        f" {size(gpu.memory_used)}/{size(gpu.memory_total)}"
        + (f" {gpu.power:.0f} W" if gpu.power is not None else "")
        for gpu in machine.gpus
    )


def bar(part: float) -> str:
    """Return a part of 1 as one block character."""
    return BARS[round(max(0.0, min(1.0, part)) * (len(BARS) - 1))]
