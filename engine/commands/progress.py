"""What `engine run` shows on a terminal: a line of progress and a line an epoch."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from engine.catalog.metrics import HEADLINES, first_of
from engine.events import Checkpoint, End, Event, Log, Metrics, Start
from engine.runs.event_text import reason_after, scored
from engine.text import command_line, printable, printable_lines

EPOCH_SCORES = {"test/f1": "test F1", "test/accuracy": "accuracy", "test/loss": "loss"}
"""What the line of an epoch tells, and how it calls it."""
USUAL_ROOT = Path("runs")
"""Where commands look for runs."""
DRAWN = (*HEADLINES, "val/f1", "val/accuracy", "test/loss", "val/loss", "train/loss")
"""The metrics of which the end names the line that draws one: the first that was measured."""


class ProgressDisplay:
    """Turns events into a progress bar; text from the run is shown as text, never as markup.

    Args:
        console: Where it is shown.
        root: The folder of runs, for the command that the end names; None for the usual one.
    """

    def __init__(self, console: Console, root: Path | None = None) -> None:
        self._console = console
        self._root = root
        self._last: dict[str, float | None] = {}
        """What was measured last, of the metrics that the end may name."""
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[epochs]}", markup=False),
            TimeRemainingColumn(),
            TextColumn("{task.fields[loss]}", markup=False),
            console=console,
        )
        self._task = self._bar.add_task("starting", total=None, epochs="", loss="")
        self._of = ""

    def __enter__(self) -> ProgressDisplay:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, event: Event, line: bytes) -> None:  # noqa: ARG002  an echo gets both
        """Show one event."""
        match event:
            case Start():
                self._begin(event)
            case Metrics():
                self._measure(event)
            case Log():
                self._say(event.message, "red" if event.level == "error" else "")
            case Checkpoint(kind="best"):
                self._say(f"  best so far: {event.path}", "dim")
            case End():
                self._bar.stop()
                style = {"finished": "green", "failed": "red"}.get(event.state, "yellow")
                if scores := scored(event):
                    self._say(scores)
                reason = reason_after(event.state, event.reason)
                self._say(f"{event.state} after {event.duration_s:.0f} s: {reason}", style)
                if event.state == "stopped":
                    self._say(f"`engine resume {event.run}` goes on with it")
                if metric := first_of(self._last, DRAWN) or next(iter(self._last.items()), None):
                    self._say(f"`{self._plot_line(event.run, metric[0])}` draws it")

    def _plot_line(self, run: str, metric: str) -> str:
        """Return the command that draws what was measured."""
        elsewhere = [] if self._root in (None, USUAL_ROOT) else ["--runs", self._root]
        return command_line(["vitui", "plot", *elsewhere, run, metric])

    def _begin(self, event: Start) -> None:
        """Show what begins; of a program of the user's own neither parameters nor epochs are known."""
        self._of = "" if event.epochs is None else f"/{event.epochs}"
        self._bar.update(self._task, description=printable(event.experiment), total=event.epochs)
        size = "" if event.parameters is None else f" {event.parameters:,} parameters,"
        self._say(f"run {event.run},{size} {event.device}")

    def _measure(self, event: Metrics) -> None:
        for name, value in event.values.items():
            if name in DRAWN or not self._last:
                self._last[name] = value
        self._bar.update(self._task, completed=event.epoch, epochs=f"{event.epoch:.1f}{self._of} epochs")
        if (loss := event.values.get("train/loss")) is not None:
            self._bar.update(self._task, loss=f"loss {loss:.3f}")
        scores = [
            f"{name} {value:.4f}"
            for metric, name in EPOCH_SCORES.items()
            if (value := event.values.get(metric)) is not None
        ]
        if scores:
            self._say("  ".join([f"epoch {event.epoch:3.0f}", *scores]))

    def _say(self, text: str, style: str = "") -> None:
        self._console.print(Text(printable_lines(text), style=style), highlight=False)
