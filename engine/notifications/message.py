"""What is told of a run that has ended or goes wrong: the sentence, and the JSON object around it.

The app says the same sentences, on its screen and on the desktop.
"""

from __future__ import annotations

import time
from typing import Literal

import msgspec

from engine.catalog.metrics import HEADLINES, first_of, metric_of
from engine.config.notify import Occasion
from engine.runs.event_text import reason_after
from engine.runs.status import Status, was_taken_out
from engine.system.process import host
from engine.text import clean, duration, shorten

MOST_METRICS = 200
LONGEST = 500
"""Characters of its text."""


class Message(msgspec.Struct, kw_only=True, frozen=True):
    """A message; docs/queue.md explains the fields."""

    v: int = 1
    id: str
    """The same each time that it is sent: a receiver may see it twice where a machine died in between."""
    event: Occasion
    time: float
    host: str
    text: str
    """A sentence for people, printable and on one line."""
    run: str = ""
    experiment: str = ""
    seed: int | None = None
    attempt: int | None = None
    state: str = ""
    reason: str = ""
    on: str = ""
    epoch: float | None = None
    epochs: int | None = None
    metrics: dict[str, float | None] = {}


def end_text(status: Status) -> str:
    """Return in a line for people how a run has ended: its score where it is finished, else why."""
    if was_taken_out(status):
        return _text(status, clean(status.reason))
    words = f"{status.state} after {duration(status.trained_s)}" if status.trained_s else status.state
    if status.state != "finished":
        words += f": {clean(reason_after(status.state, status.reason))}" if status.reason else ""
    elif (best := first_of(status.last, HEADLINES)) is not None:
        name, value = best
        words += f", {metric_of(name).full} {value:.4g}"
    return _text(status, words)


def alarm_text(status: Status, kind: str, words: str) -> str:
    """Return in a line for people what is wrong with a live run, as ``of_alarm`` takes it."""
    return _text(status, f"{kind}: {words}")


def of_end(status: Status) -> Message:
    """Return the message on the end of a run; a crash is told as ``failed`` too."""
    event: Literal["finished", "failed"] = "finished" if status.state == "finished" else "failed"
    return _of_run(status, event, f"{event}.{status.attempt}.{status.ended:.0f}", end_text(status))


def of_alarm(status: Status, kind: str, words: str) -> Message:
    """Return the message on a live run with which something is wrong; a run that stands still has one for each place.

    Args:
        status: How the run goes.
        kind: What is wrong, as ``engine.analysis.alarms`` calls it.
        words: The same in words.
    """
    place = f".{status.step}" if kind == "stalls" else ""
    which = f"alarm.{status.attempt}.{kind}{place}"
    return _of_run(status, "alarm", which, alarm_text(status, kind, words), reason=f"{kind}: {words}")


def of_empty_queue(waiting: int, started: int) -> Message:
    """Return the message that no run goes on or starts by itself any more.

    Args:
        waiting: How many runs wait for their user.
        started: How many the worker has started.
    """
    now = time.time()
    text = f"the queue is empty: {started} run{'s' * (started != 1)} started"
    if waiting:
        text = f"nothing runs any more; {waiting} run{'s wait' if waiting > 1 else ' waits'} for you"
    return Message(id=f"queue-empty.{now:.3f}", event="queue-empty", time=now, host=host(), text=text)


def _text(status: Status, words: str) -> str:
    return shorten(f"{clean(status.experiment)} s{status.seed} {words}", LONGEST)


def _of_run(status: Status, event: Occasion, which: str, text: str, reason: str = "") -> Message:
    metrics = dict(list(status.last.items())[:MOST_METRICS])
    return Message(
        id=f"{status.run}.{which}", event=event, time=time.time(), host=host(), text=text, run=status.run,
        experiment=status.experiment, seed=status.seed, attempt=status.attempt, state=status.state,
        reason=reason or status.reason, on=status.on, epoch=status.epoch, epochs=status.epochs, metrics=metrics,
    )  # fmt: skip
