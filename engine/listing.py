"""Runs as text: the table of `engine ls`, the lines of `engine logs` and `engine doctor`."""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.events import Checkpoint, End, Estimate, Event, Log, Metrics, Start, decode
from engine.states import ENDED, Status, status_of
from engine.store import Run, tail

MARKS = {
    "queued": ("◌", "cyan"),
    "starting": ("◔", "yellow"),
    "running": ("●", "green"),
    "finished": ("✓", "green"),
    "failed": ("✗", "red"),
    "stopped": ("■", "yellow"),
    "crashed": ("✗", "red"),
    "silent": ("?", "yellow"),
}
"""Shape and colour of each state: readable by the shape alone."""


def as_table(statuses: Iterable[Status]) -> None:
    """Print runs as a table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (("state", "left"), ("run", "left"), ("epoch", "right"), ("left", "right"),
                          ("test F1", "right"), ("best", "right"), ("loss", "right"), ("reason", "left")):  # fmt: skip
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for status in statuses:
        mark, colour = MARKS[status.state]
        table.add_row(
            Text(f"{mark} {status.state}", style=colour),
            Text(status.run),
            progress(status),
            duration(status.eta_s) if status.eta_s is not None and status.state == "running" else "",
            _test_f1(status),
            number(status.best.get("test/f1")),
            number(status.last.get("train/loss")),
            Text(printable(status.reason) if status.state != "finished" else ""),
        )
    width = None if sys.stdout.isatty() else 200
    Console(width=width).print(table)


def progress(status: Status) -> str:
    """Return ``3/7``, or how far into the epochs a run is."""
    if status.epochs is None:
        return ""
    return f"{status.epoch:.3g}/{status.epochs}"


def number(value: float | None) -> str:
    """Return a metric in three digits after the point, empty when there is none."""
    return "" if value is None else f"{value:.3f}"


def _test_f1(status: Status) -> str:
    """Return the last F1; once the run has ended, with half of its interval."""
    if (final := status.final.get("test/f1")) is None:
        return number(status.last.get("test/f1"))
    return number(final.value) + (f" ±{number(final.margin)}" if final.margin is not None else "")


def duration(seconds: float) -> str:
    """Return seconds as people say them: 42 s, 3:05, 2 h 10."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02d}"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d}"


def printable(text: str) -> str:
    """Return text with everything replaced that a terminal would not show as a character; one line."""
    return "".join(c if c.isprintable() else " " for c in text)


def sentence(event: Event) -> str | None:
    """Return an event as a line for people; None for one that says nothing to them."""
    match event:
        case Start():
            again = f", attempt {event.attempt}, from step {event.step}" if event.attempt > 1 else ""
            return f"started on {event.device}{again}: {event.parameters or 0:,} parameters, {event.init}"
        case Metrics() if "test/f1" in event.values:
            shown = ", ".join(
                f"{split} {name} {value:.4f}"
                for split, name in (("test", "f1"), ("test", "accuracy"), ("test", "loss"), ("val", "f1"))
                if (value := event.values.get(f"{split}/{name}")) is not None
            )
            return f"epoch {event.epoch:.0f}: {shown}"
        case Metrics() if event.nonfinite:
            return f"step {event.step}: not finite: {', '.join(event.nonfinite)}"
        case Checkpoint():
            return f"checkpoint {event.path} ({event.bytes / 1e6:.1f} MB)"
        case Log():
            return f"{event.level}: {event.message}" if event.level != "info" else event.message
        case End():
            found, reason = scored(event), event.reason
            said = (found, reason) if event.state == "finished" else (reason, found)
            return f"{event.state}: {'; '.join(filter(None, said))}"
    return None


def scored(event: End) -> str:
    """Return the test scores that an end sums up and how sure they are, empty for one that does not."""
    f1, accuracy = event.estimate("test/f1"), event.estimate("test/accuracy")
    shown = []
    if f1 is not None:
        images = "" if f1.n is None else f"{f1.n:,} images"
        shown.append(f"test F1 {f1.value:.3f}{_aside(_interval(f1), images)}")
    if accuracy is not None:
        shown.append(f"accuracy {accuracy.value:.3f}{_aside(_interval(accuracy))}")
    return ", ".join(shown)


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"95 % {estimate.low:.3f} to {estimate.high:.3f}"


def _aside(*words: str) -> str:
    """Return words in brackets, nothing for none."""
    said = ", ".join(filter(None, words))
    return f" ({said})" if said else ""


def print_log(run: Run, *, as_json: bool, follow: bool) -> None:
    """Print a run's events, and go on until it ends when asked to follow."""
    offset = 0
    while True:
        ended = not follow or status_of(run).state in ENDED
        lines, end = tail(run.events, offset)
        for line in lines:
            if (event := decode(line)) is None:
                continue
            if as_json:
                sys.stdout.write(line.decode() + "\n")
            elif (text := sentence(event)) is not None:
                when = datetime.datetime.fromtimestamp(event.time).strftime("%H:%M:%S")
                sys.stdout.write(f"{when}  {printable(text)}\n")
        sys.stdout.flush()
        if end == offset:
            if ended:
                return
            time.sleep(0.5)
        offset = end
