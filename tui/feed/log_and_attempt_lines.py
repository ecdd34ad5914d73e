"""Events -> lines for people: the console with all that a run logged, and the story of attempts and checkpoints."""

from __future__ import annotations

import time
from collections.abc import Iterator

from engine.events import Checkpoint, End, Event, Log, Metrics, Start
from engine.runs.event_text import scored, sentence, training_report
from tui.state.log_buffer import LogLineKind
from tui.state.log_excerpt import TIME_CELLS

Line = tuple[str, LogLineKind]
LEVELS = {"warning": LogLineKind.WARNING, "error": LogLineKind.ERROR, "debug": LogLineKind.QUIET}
INDENT = " " * TIME_CELLS
"""The indent of a line that continues the one above: as wide as a time and its space."""
MAX_MESSAGE = 256 * 1024
"""Characters of a message or traceback that are shown."""


def all_said(event: Event) -> Iterator[Line]:
    """Yield an event as lines of the console: what it says, and how training goes."""
    text = sentence(event)
    if text is not None:
        first, *more = text[:MAX_MESSAGE].splitlines() or [""]
        kind = _kind(event)
        yield f"{clock(event.time)}  {first}", kind
        for line in more:
            yield INDENT + line, kind
    elif isinstance(event, Metrics) and "train/loss" in event.values:
        yield f"{clock(event.time)}  {training_report(event)}", LogLineKind.QUIET
    if isinstance(event, End):
        yield from _traceback(event)


def story(event: Event) -> Iterator[Line]:
    """Yield an event as lines of the story: attempts, what was logged, checkpoints, ends."""
    when = clock(event.time)
    match event:
        case Start():
            yield f"attempt {event.attempt}  {day(event.time)} {when}  {event.device}", LogLineKind.HEADING
            origin = f"from step {event.step}" if event.attempt > 1 else f"init {event.init or 'unknown'}"
            yield f"{INDENT}{origin}, host {event.host}, pid {event.pid}", LogLineKind.QUIET
        case Log():
            first, *more = event.message[:MAX_MESSAGE].splitlines() or [""]
            kind = LEVELS.get(event.level, LogLineKind.PLAIN)
            yield f"{when}  {event.level:<10}  {first}", kind
            for line in more:
                yield f"{INDENT}{'':<12}{line}", kind
        case Checkpoint():
            progress_text = f"epoch {event.epoch:<5.4g} step {event.step:<8,} {event.bytes / 1e6:>8,.1f} MB"
            path = "" if event.path == f"checkpoints/{event.kind}.pt" else f"  {event.path}"
            yield f"{when}  checkpoint  {event.kind:<5} {progress_text}{path}", LogLineKind.PLAIN
        case End():
            yield f"{when}  {event.state:<10}  {event.reason}", _kind(event)
            if scores := scored(event):
                yield f"{INDENT}{'':<12}{scores}", LogLineKind.PLAIN
            yield from _traceback(event)


def _traceback(event: End) -> Iterator[Line]:
    if event.error is None:
        return
    lines = event.error.traceback[-MAX_MESSAGE:].rstrip().splitlines()
    for line in lines or f"{event.error.type}: {event.error.message}"[:MAX_MESSAGE].splitlines():
        yield INDENT + line, LogLineKind.ERROR


def _kind(event: Event) -> LogLineKind:
    if isinstance(event, Log):
        return LEVELS.get(event.level, LogLineKind.PLAIN)
    if isinstance(event, End):
        return {"failed": LogLineKind.ERROR, "stopped": LogLineKind.WARNING}.get(
            event.state, LogLineKind.HEADING
        )
    return LogLineKind.PLAIN


def clock(moment: float) -> str:
    """Return a time (Unix seconds) as the time of day on this machine."""
    return time.strftime("%H:%M:%S", time.localtime(moment))


def day(moment: float) -> str:
    """Return a time (Unix seconds) as the date on this machine."""
    return time.strftime("%Y-%m-%d", time.localtime(moment))
