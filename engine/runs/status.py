"""The state of a run: one fold of its events, and one judgement from facts that lists, app and queue share.

::

    queued -> starting -> running -> finished | failed | stopped | crashed

``crashed`` is never written by the run itself; a reader concludes it when the run's lock is free and its last event is
no end. ``silent`` is a run in an unknown state: it is another machine's and sent no heartbeat for a while, or this user
may not read it.

The lock of a copied folder is free. Such a copy still names the process that took the run (queued.json): pid, start and
boot together identify it, and while it lives on this machine, so does the run that was copied. Once it is gone, a copy
without an end counts as crashed.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from typing import Annotated, Literal

import msgspec

from engine.catalog.metrics import CHOOSERS, HEADLINES, averaged, metric_of
from engine.events import (
    LATEST,
    MAX_METRICS,
    Checkpoint,
    Count,
    End,
    Epochs,
    Estimate,
    Event,
    Metrics,
    Moment,
    Seconds,
    Seed,
    Start,
    decode,
)
from engine.runs import stop_request
from engine.runs.queue_entry import QueueEntry, queue_entry
from engine.runs.stop_request import Request
from engine.runs.store import Run, StoreError
from engine.runs.worker_status import why_waiting
from engine.system import lock, process
from engine.system.files import DAMAGED, tail, write_atomic, write_over

State = Literal["queued", "starting", "running", "finished", "failed", "stopped", "crashed", "silent"]
LIVE: frozenset[State] = frozenset({"starting", "running", "silent"})
ENDED: frozenset[State] = frozenset({"finished", "failed", "stopped", "crashed"})
RESUMABLE: frozenset[State] = frozenset({"failed", "stopped", "crashed"})
SAYABLE: frozenset[State] = frozenset({"queued", "running", "finished", "failed", "stopped"})
"""The states that events alone give; the other states are judged."""

FOLD = 2
"""The version of the fold; a status.json of another version is made anew from the events."""
SILENCE_S = 60.0
"""Seconds without a heartbeat after which a run of another machine is silent; a heartbeat so far in the future counts
as none."""
MAX_REASON = 2000
"""Characters of a reason that are kept."""
ASKED: dict[Request, str] = {
    "stop-after-epoch": "asked to stop after this epoch",
    "stop-now": "asked to stop now",
}
"""The words of a list for a run that is asked to stop."""

Short = Annotated[str, msgspec.Meta(max_length=4 * MAX_REASON)]


class Status(msgspec.Struct, kw_only=True):
    """status.json: the summary of a run that lists show, folded from its events."""

    run: str
    experiment: Short = ""
    seed: Seed = 0
    state: State = "queued"
    reason: Short = ""
    attempt: Count = 0
    pid: Count = 0
    host: Short = ""
    boot: Short = ""
    process_started: float = 0.0
    heartbeat: Moment = 0.0
    device: Short = ""
    init: Short = ""
    parameters: Count | None = None
    started: Moment = 0.0
    ended: Moment = 0.0
    trained_s: Seconds = 0.0
    """Seconds of all attempts that have ended."""
    elapsed_s: Seconds = 0.0
    """Seconds of this attempt so far; a clock that is set back does not make them less."""
    first_step: Count = 0
    """The step from which this attempt goes on."""
    step: Count = 0
    steps_per_epoch: Count | None = None
    epoch: Epochs = 0.0
    epochs: Count | None = None
    eta_s: Seconds | None = None
    pace_s: Seconds | None = None
    """Seconds that a step takes, by the last attempt that measured it: with evaluations, without the start."""
    pace_from_step: Count = 0
    """The step from which this attempt's pace is measured; the steps before it are slower."""
    pace_from_s: Seconds = 0.0
    """``elapsed_s`` at that step."""
    pace_to_step: Count = 0
    """The step to which the pace is measured."""
    last: dict[str, float | None] = {}
    best: dict[str, float] = {}
    """Evaluated metrics at the best checkpoint, which the validation split chooses, or at the last one without that
    split. Of other metrics the lowest loss and the most memory."""
    extremes: dict[str, float] = {}
    """The highest score and the lowest loss over all evaluations, each chosen on its own split."""
    best_epoch: Epochs | None = None
    """The epoch of the best checkpoint; None where no validation chose one."""
    chosen_by: Short = ""
    """The metric that chose it; empty where none did."""
    best_step: Count = 0
    """The step of the best checkpoint."""
    choice: tuple[float, float] | None = None
    """The sort key of the best checkpoint, the larger is better: its score, then the negative validation loss."""
    evaluated: dict[str, Count] = {}
    """The step at which each split was measured last."""
    final: dict[str, Estimate] = {}
    """The test scores of the end, with their intervals; empty before it."""
    checkpoint: Count | None = None
    """The step of the last checkpoint."""
    offset: Count = 0
    """Bytes of events.jsonl that are folded."""
    fold: int = 0
    """``FOLD`` of the version that folded the events; 0 for older versions."""
    asked: Request | None = None
    """How a live run is asked to stop; read from its control file, not from status.json."""

    @property
    def left_s(self) -> float | None:
        """Seconds until all epochs are trained; None where they are unknown, or it is asked to stop earlier."""
        return self.eta_s if self.state == "running" and self.asked is None else None

    @property
    def why(self) -> str:
        """Why it waits or ended as it did, or that it is asked to stop; empty for all other runs."""
        if self.asked is not None:
            return ASKED[self.asked]
        return self.reason if self.state != "finished" else ""

    def beat(self, now: float) -> None:
        """Record a heartbeat at ``now``, in seconds since the epoch."""
        self.elapsed_s += max(0.0, now - self.heartbeat)
        self.heartbeat = now

    def apply(self, event: Event) -> None:
        """Fold one event into the status."""
        self.beat(event.time)
        match event:
            case Start():
                self._begin(event)
            case Metrics():
                self._measure(event)
            case Checkpoint():
                self.checkpoint = event.step
                if event.step > self.step:  # a run that is stopped between two measurements
                    self.step, self.epoch = event.step, event.epoch
            case End():
                self.state, self.reason = event.state, event.reason
                if event.error is not None and not self.reason:
                    self.reason = event.error.message
                self.reason = self.reason[:MAX_REASON]
                self.ended, self.eta_s = event.time, None
                self.trained_s += event.duration_s
                estimates = ((name, event.estimate(name)) for name in HEADLINES)
                self.final = {name: estimate for name, estimate in estimates if estimate is not None}

    def _begin(self, event: Start) -> None:
        self.state, self.reason = "running", ""
        self.experiment = event.experiment[:MAX_REASON] or self.experiment
        for field in ("seed", "attempt", "pid", "process_started"):
            setattr(self, field, getattr(event, field))
        for field in ("host", "boot", "device", "init"):
            setattr(self, field, getattr(event, field)[:MAX_REASON])
        for field in ("parameters", "steps_per_epoch", "epochs"):
            if getattr(event, field) is not None:
                setattr(self, field, getattr(event, field))
        self.started, self.ended, self.elapsed_s, self.eta_s = event.time, 0.0, 0.0, None
        self.final = {}
        self.step = self.first_step = self.pace_from_step = self.pace_to_step = event.step
        self.epoch = event.step / self.steps_per_epoch if self.steps_per_epoch else 0.0

    def _measure(self, event: Metrics) -> None:
        self.step, self.epoch = event.step, event.epoch
        for name, measured in event.values.items():
            if name not in self.last and len(self.last) >= MAX_METRICS:
                continue
            value = self.last[name] = measured if measured is not None and math.isfinite(measured) else None
            self._keep(name, value)
        self._choose(event)
        if event.step > self.pace_to_step:
            self._clock(event.step)
        if self.epochs and self.steps_per_epoch and self.pace_s is not None:
            left_s = self.pace_s * max(0, self.epochs * self.steps_per_epoch - event.step)
            self.eta_s = left_s if left_s <= LATEST else None

    def _keep(self, name: str, value: float | None) -> None:
        """Keep the best and the extreme value of a metric that has them."""
        metric = metric_of(name)
        kept = self.extremes if metric.is_evaluated else self.best
        if value is not None and metric.kind.extreme is not None:
            extreme = kept.get(name, value)
            kept[name] = max(value, extreme) if metric.kind.extreme == "highest" else min(value, extreme)
        if metric.is_evaluated:
            self.evaluated[metric.split] = self.step
            if self.best_epoch is None:
                self._put_best(name, value)

    def _put_best(self, name: str, value: float | None) -> None:
        if value is None:
            self.best.pop(name, None)
        else:
            self.best[name] = value

    def _choose(self, event: Metrics) -> None:
        """Make this step the best checkpoint where the validation split prefers it, or its averaged weights."""
        chooser = next((name for name in CHOOSERS if name in self.last), None)
        if chooser is None:
            return
        for name, loss in ((chooser, "val/loss"), (averaged(chooser), averaged("val/loss"))):
            score = self._validation_score(event, name, loss)
            is_compared = self.chosen_by in (chooser, averaged(chooser))
            if score is not None and (self.choice is None or not is_compared or score > self.choice):
                self.chosen_by, self.choice = name, score
                self.best_step, self.best_epoch = event.step, event.epoch
        if event.step == self.best_step:
            for name in [name for name in self.last if metric_of(name).is_evaluated]:
                self._put_best(name, self._at_best(name))

    def _validation_score(self, event: Metrics, name: str, loss_name: str) -> tuple[float, float] | None:
        """Return how good a validation score and loss of an event are, the larger the better; None without a score."""
        if name not in event.values or (value := self.last[name]) is None:
            return None
        loss = self.last.get(loss_name) if loss_name in event.values else None
        return -value if name == loss_name else value, 0.0 if loss is None else -loss

    def _at_best(self, name: str) -> float | None:
        """Return what the weights of the best checkpoint scored, the averaged ones where it holds them."""
        source = averaged(name) if self.chosen_by.startswith("ema/") else name
        return (
            self.last.get(source) if self.evaluated.get(metric_of(source).split) == self.best_step else None
        )

    def _clock(self, step: int) -> None:
        """Measure the pace at a step, as it is reached."""
        if self.pace_from_step > self.first_step:
            self.pace_s = (self.elapsed_s - self.pace_from_s) / (step - self.pace_from_step)
        else:
            if self.pace_s is None:  # the first steps say little, but nothing else says more
                self.pace_s = self.elapsed_s / (step - self.first_step)
            self.pace_from_step, self.pace_from_s = step, self.elapsed_s
        self.pace_to_step = step


_decoder = msgspec.json.Decoder(Status)


def status_of(run: Run, *, mine: bool = False) -> Status:
    """Return a run's status with its state judged from its files, its lock and its processes.

    Args:
        run: The run.
        mine: This process has the run's lock and does not train: the run is judged as if the lock were free.
    """
    is_held = False if mine else lock.is_held(f"{run.folder}/lock")
    status, size, entry = cached(run), _size(run), queue_entry(run)
    is_outdated = False
    if status is None or status.offset > size:
        status, is_outdated = rebuild(run), _is_of_older_version(run)
    elif not is_held and status.offset < size:  # a live process saves the rest itself
        read_on(run, status)
    status.state = _judge(run, status, entry, is_held)
    status.asked = stop_request.asked(run) if status.state in LIVE else None
    if status.state == "queued":
        status.reason = why_waiting(run, entry)
    elif status.state == "crashed" and not status.reason:
        status.reason = "its process ended without a word"
    if is_outdated and not is_held and status.state in ENDED & SAYABLE:
        _renew(run, status)
    return status


def _is_of_older_version(run: Run) -> bool:
    """Return whether status.json is whole and was folded by an older version."""
    try:
        return _decoder.decode(run.read("status.json")).fold < FOLD
    except DAMAGED:
        return False


def _renew(run: Run, status: Status) -> None:
    """Save the status of an older version's run, so that its events are read anew only once.

    Only the owner of a run does so; a folder that cannot be written stays as it is.
    """
    with contextlib.suppress(OSError):
        if run.path.stat().st_uid == os.geteuid():
            save(run, status)


def _state_of_owned(status: Status, entry: QueueEntry) -> State:
    """Return the state of a run whose process lives, as its queue entry says."""
    if not entry.begun(status.attempt):
        return "starting"
    return status.state if status.state in ENDED else "running"


def _state_of_held(status: Status) -> State:
    """Return the state of a run whose lock a process holds."""
    if status.state in ENDED and _lives_here(status) and status.heartbeat <= status.ended:
        return status.state  # its process is about to go
    return "running" if status.state == "running" and _is_current(status) else "starting"


def _judge(run: Run, status: Status, entry: QueueEntry | None, is_held: bool | None) -> State:
    if entry is not None and entry.owner is not None and entry.owner.is_alive:
        return _state_of_owned(status, entry)
    if is_held:
        return _state_of_held(status)
    if is_held is None and status.state == "running" and _lives_here(status):
        return "running"  # its lock was removed, or this user may not look at it
    if is_held is None and not os.access(run.path, os.R_OK | os.X_OK):
        return "silent"
    if entry is not None and entry.waits(status.attempt):
        return "queued"
    if status.state in ENDED:
        return status.state
    if status.attempt and status.host not in ("", process.host()):
        return "silent" if abs(time.time() - status.heartbeat) > SILENCE_S else "running"
    return "silent" if run.events.exists() and not os.access(run.events, os.R_OK) else "crashed"


def _is_current(status: Status) -> bool:
    """Return whether the process in the status can be the one that holds the lock."""
    return status.host != process.host() or _lives_here(status)


def _lives_here(status: Status) -> bool:
    return status.host == process.host() and process.is_alive(status.pid, status.process_started, status.boot)


def rebuild(run: Run) -> Status:
    """Return the status that all events of a run make."""
    status = Status(run=run.id, fold=FOLD)
    try:
        info = run.info()
        status.experiment, status.seed = info.experiment[:MAX_REASON], info.seed
    except StoreError as error:
        status.reason = str(error)[:MAX_REASON]
    read_on(run, status)
    return status


def read_on(run: Run, status: Status) -> None:
    """Fold the events since a status was made into it."""
    while True:
        lines, end = tail(f"{run.folder}/events.jsonl", status.offset)
        if end == status.offset:
            return
        status.offset = end
        for line in lines:
            if (event := decode(line)) is not None:
                status.apply(event)


def save(run: Run, status: Status) -> None:
    """Replace status.json; on a disk that is too full for a second file, write over it."""
    status.fold = FOLD
    data = msgspec.json.encode(status)
    try:
        write_atomic(run.status_file, data)
    except OSError:
        write_over(run.status_file, data)


def cached(run: Run) -> Status | None:
    """Return the content of status.json; None where it is damaged, of another run, or of another version."""
    try:
        status = _decoder.decode(run.read("status.json"))
    except DAMAGED:
        return None
    usable = (
        status.run == run.id
        and status.fold == FOLD
        and status.state in SAYABLE
        and (status.offset or not status.attempt)
    )
    return status if usable else None


def _size(run: Run) -> int:
    """Return the bytes of events.jsonl, 0 without one."""
    try:
        return os.lstat(f"{run.folder}/events.jsonl").st_size
    except OSError:
        return 0


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
