"""The last lines of a run's console: what its events say, and what else its process printed."""

from __future__ import annotations

from engine.events import Metrics, decode
from engine.runs.event_text import sentence, training_report
from engine.runs.store import Run
from engine.system.files import last_lines, tail
from engine.text import clean
from tui.feed.log_and_attempt_lines import clock

CONSOLE_LINES = 500
EARLIER = 64 * 1024
"""Bytes of events whose words are shown of a moment of the past."""


def console_lines(run: Run, end: int | None = None) -> tuple[str, ...]:
    """Return what a run has said last, as clean lines for people: its events, then what else its process printed.

    Args:
        run: The run.
        end: Up to which byte of its events; None for all of them. What its process printed has no times, and is left
            out then.
    """
    lines: list[str] = []
    last_progress = ""
    for raw in last_lines(run.events) if end is None else _lines_before(run, end):
        event = decode(raw)
        text = None if event is None else sentence(event)
        if event is not None and text is not None:
            lines.append(f"{clock(event.time)}  {clean(text)}")
            last_progress = ""
        elif isinstance(event, Metrics) and "train/loss" in event.values:
            last_progress = f"{clock(event.time)}  {training_report(event)}"
    if last_progress:
        lines.append(last_progress)
    said = last_lines(run.console, 16 * 1024) if end is None else ()
    printed = [clean(raw.decode(errors="replace")) for raw in said]
    return tuple([*(f"│ {line}" for line in printed[-100:] if line.strip()), *lines][-CONSOLE_LINES:])


def _lines_before(run: Run, end: int) -> list[bytes]:
    """Return the last lines of a run's events before a byte."""
    begin = max(0, end - EARLIER)
    lines, _ = tail(run.events, begin, end - begin) if end else ([], 0)
    return lines[1:] if begin else lines
