"""What state a run is in: one fold of its events, and one judgement from facts that lists, app and queue share.

::

    queued -> starting -> running -> finished | failed | stopped | crashed

``crashed`` is never written by the run itself; it is what a reader concludes when nobody holds the run's lock
and its last event is no end. ``silent`` is a run of another machine that has not been heard of for a while.

The lock of a copied folder is free. What a copy tells is the process that took the run (queued.json): pid, start and
boot together name one, and while that one lives on this machine, so does the run that was copied. Once it is gone a
copy without an end cannot be told from a crash, and is called one.
"""

from __future__ import annotations

import math
import time
from typing import Literal

import msgspec

from engine import process
from engine.events import Checkpoint, End, Estimate, Event, Log, Metrics, Start, decode
from engine.notice import why_waiting
from engine.store import Run, StoreError, last_lines, read_small, tail, write_atomic
from engine.ticket import Ticket

State = Literal["queued", "starting", "running", "finished", "failed", "stopped", "crashed", "silent"]
LIVE: frozenset[State] = frozenset({"starting", "running", "silent"})
ENDED: frozenset[State] = frozenset({"finished", "failed", "stopped", "crashed"})
RESUMABLE: frozenset[State] = frozenset({"failed", "stopped", "crashed"})

SUMMARIZED = ("test/f1", "test/accuracy")
"""The metrics whose interval a status keeps from the end of a run."""
SILENCE_S = 60.0
"""Seconds without a heartbeat after which a run of another machine is called silent."""


class Status(msgspec.Struct, kw_only=True):
    """status.json: what lists show of a run, folded from its events."""

    run: str
    experiment: str = ""
    seed: int = 0
    state: State = "queued"
    reason: str = ""
    attempt: int = 0
    pid: int = 0
    host: str = ""
    boot: str = ""
    process_started: float = 0.0
    heartbeat: float = 0.0
    device: str = ""
    init: str = ""
    parameters: int | None = None
    started: float = 0.0
    ended: float = 0.0
    trained_s: float = 0.0
    """Seconds of all attempts that have ended."""
    first_step: int = 0
    """The step from which this attempt goes on."""
    step: int = 0
    steps_per_epoch: int | None = None
    epoch: float = 0.0
    epochs: int | None = None
    eta_s: float | None = None
    last: dict[str, float | None] = {}
    best: dict[str, float] = {}
    final: dict[str, Estimate] = {}
    """What the end said of the test scores, with their intervals; empty before it."""
    checkpoint: int | None = None
    """The step of the last checkpoint."""

    def apply(self, event: Event) -> None:
        """Take one event into account."""
        self.heartbeat = max(self.heartbeat, event.time)
        match event:
            case Start():
                self._begin(event)
            case Metrics():
                self._measure(event)
            case Checkpoint():
                self.checkpoint = event.step
            case End():
                self.state, self.reason = event.state, event.reason
                if event.error is not None and not self.reason:
                    self.reason = event.error.message
                self.ended, self.eta_s = event.time, None
                self.trained_s += event.duration_s
                estimates = ((name, event.estimate(name)) for name in SUMMARIZED)
                self.final = {name: found for name, found in estimates if found is not None}

    def _begin(self, event: Start) -> None:
        self.state, self.reason = "running", ""
        self.experiment = event.experiment or self.experiment
        for field in ("seed", "attempt", "pid", "host", "boot", "process_started", "device", "init"):
            setattr(self, field, getattr(event, field))
        for field in ("parameters", "steps_per_epoch", "epochs"):
            if getattr(event, field) is not None:
                setattr(self, field, getattr(event, field))
        self.started, self.ended, self.eta_s = event.time, 0.0, None
        self.final = {}
        self.step = self.first_step = event.step
        self.epoch = event.step / self.steps_per_epoch if self.steps_per_epoch else 0.0

    def _measure(self, event: Metrics) -> None:
        self.step, self.epoch = event.step, event.epoch
        for name, measured in event.values.items():
            value = self.last[name] = measured if measured is not None and math.isfinite(measured) else None
            if value is not None and (better := _better(name, value, self.best.get(name))) is not None:
                self.best[name] = better
        if self.epochs and self.steps_per_epoch and event.step > self.first_step:
            pace = (event.time - self.started) / (event.step - self.first_step)
            self.eta_s = max(0.0, pace * (self.epochs * self.steps_per_epoch - event.step))


def _better(name: str, value: float, best: float | None) -> float | None:
    """Return the better of a metric's two values, None for one of which no value is better than another."""
    kind = name.rpartition("/")[2]
    if kind in {"loss", "ece"}:
        return value if best is None else min(value, best)
    if kind in {"f1", "accuracy", "precision", "recall"} or kind.startswith("memory"):
        return value if best is None else max(value, best)
    return None


def status_of(run: Run, *, held: bool | None = None) -> Status:
    """Return a run's status with its state judged from facts, whatever status.json claims.

    Args:
        held: Whether a process that trains holds its lock; not given, it is looked at.
    """
    status, place = _cached(run), run.place()
    held = run.is_held() if held is None else held
    if status is None or (not held and _is_stale(run, status, place)):
        status = rebuild(run)
    if status.state in ENDED and not _goes_on(status, place, held):
        return status
    status.state = _judge(status, place, held)
    if status.state == "queued":
        status.reason = why_waiting(run, place)
    elif status.state == "crashed" and not status.reason:
        status.reason = "its process ended without a word"
    return status


def _is_stale(run: Run, status: Status, place: Ticket | None) -> bool:
    """Return whether status.json cannot be the last of a run that nobody holds."""
    if status.state in LIVE and _has_ended(run):
        return True
    owner = place.owner if place is not None else None  # in a copy, files of several moments lie together
    return owner is not None and owner.pid != status.pid and owner.is_alive()


def _goes_on(status: Status, place: Ticket | None, held: bool) -> bool:
    """Return whether a run whose last attempt has ended waits or begins anew."""
    if place is None:
        return held
    owner = place.owner
    if owner is None:
        return place.waits(status.attempt)
    return owner.since > status.ended and (held or owner.is_alive())


def _judge(status: Status, place: Ticket | None, held: bool) -> State:
    if held:
        return "running" if status.state == "running" and _is_current(status) else "starting"
    if place is not None and place.waits(status.attempt):
        return "queued"
    owner = place.owner if place is not None else None
    if status.attempt and status.host not in ("", process.host()) and status.state in LIVE:
        return "silent" if time.time() - status.heartbeat > SILENCE_S else "running"
    if owner is None or not owner.is_alive():
        return "crashed"
    return "running" if status.state == "running" and _is_current(status) else "starting"


def _is_current(status: Status) -> bool:
    """Return whether the process that the status speaks of is the one that holds the lock."""
    return status.host != process.host() or process.is_alive(status.pid, status.process_started, status.boot)


def _has_ended(run: Run) -> bool:
    """Return whether the last event of a run, words apart, is an end; from the last lines of the file alone."""
    for line in reversed(last_lines(run.events)):
        if not isinstance(event := decode(line), Log | None):
            return isinstance(event, End)
    return False


def rebuild(run: Run) -> Status:
    """Return the status that a run's events make, reading all of them."""
    status = Status(run=run.id)
    try:
        info = run.info()
        status.experiment, status.seed = info.experiment, info.seed
    except StoreError as error:
        status.reason = str(error)
    offset = 0
    while True:
        lines, end = tail(run.events, offset)
        if end == offset:
            return status
        offset = end
        for line in lines:
            if (event := decode(line)) is not None:
                status.apply(event)


def save(run: Run, status: Status) -> None:
    """Replace status.json."""
    write_atomic(run.status_file, msgspec.json.encode(status))


def _cached(run: Run) -> Status | None:
    try:
        status = msgspec.json.decode(read_small(run.status_file), type=Status)
    except (OSError, msgspec.DecodeError, RecursionError):
        return None
    return status if status.run == run.id else None
