"""The status of a run, as status.json has it: one fold of its events, for lists, app and queue.

::

    queued -> starting -> running -> finished | failed | stopped | crashed

Whether a run that says ``running`` still lives is judged in ``engine.runs.liveness``.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import msgspec

from engine.catalog.metrics import CHOOSERS, HEADLINES, averaged, is_kept, metric_of
from engine.events import (
    LARGEST_COUNT,
    LATEST,
    Checkpoint,
    Count,
    End,
    Epochs,
    Estimate,
    Event,
    Log,
    Metrics,
    Moment,
    Seconds,
    Seed,
    Start,
)
from engine.runs.stop_request import Request

State = Literal["queued", "starting", "running", "finished", "failed", "stopped", "crashed", "silent"]
LIVE: frozenset[State] = frozenset({"starting", "running", "silent"})
ENDED: frozenset[State] = frozenset({"finished", "failed", "stopped", "crashed"})
RESUMABLE: frozenset[State] = frozenset({"failed", "stopped", "crashed"})
SAYABLE: frozenset[State] = frozenset({"queued", "running", "finished", "failed", "stopped"})
"""The states that events alone give; the other states are judged."""

FOLD = 4
"""The version of the fold; a status.json of another version is made anew from the events."""
ENDED_EARLY = "ended early"
"""How the reason of a finished run begins whose patience was over before its epochs were."""
WITHOUT_A_WORD = "its process ended without a word"
"""The reason of a crashed run that told none."""
TAKEN_OUT = "taken out of the queue"
"""What the reason of a run begins with that its user has taken out of the queue."""
MAX_REASON = 2000
"""Characters of a reason that are kept."""
STALL_S = 60.0
"""Seconds without a step up to which a run never stalls."""
STALL_REPORTS = 30.0
"""How many times the usual time between two reports a run may take for one."""
STALL_WAITS = 3.0
"""How many times its longest wait so far (an evaluation, a checkpoint) a run may take for a step."""
BLINK_S = 5.0
"""Seconds that count at most between two heartbeats: the machine may have slept, and the run with it."""
SMOOTHED = 0.1
"""The share of the newest wait in the usual one."""
WHOLE = 1e-9
"""How far an epoch that is whole may be from a whole number."""
MORE_IS_COUNTED = "; more of these are counted at the end"
"""How the first line on a kind of refused events ends."""
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
    epochs_from: Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)] = 0
    """The step from which epochs are counted, as ``Start`` has it."""
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
    waited_s: Seconds = 0.0
    """Seconds since the last step, as far as there were heartbeats."""
    usual_wait_s: Seconds = 0.0
    """Seconds between two reports of this attempt, smoothed; a long one counts as ``STALL_WAITS`` usual ones."""
    longest_wait_s: Seconds = 0.0
    """The longest of these."""
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
    refused: Count = 0
    """How many events and values of this attempt are not recorded."""
    refusal: Short = ""
    """Why, for the first of them."""
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
    stalled: bool = False
    """Whether a live run makes no step, as ``stalls`` says; judged by who reads it."""
    on: Short = ""
    """The site that it was posted to, empty for a run of this folder; from posted.json, as what follows."""
    node: Short = ""
    """The machine there that it runs on, or ran on last."""
    heard: Moment = 0.0
    """When its site was heard last, where the state is as old as that; 0 where the state is of now."""

    @property
    def left_s(self) -> float | None:
        """Seconds until all epochs are trained; None where they are unknown, it stalls, or is asked to stop earlier."""
        return self.eta_s if self.state == "running" and self.asked is None and not self.stalled else None

    @property
    def patience_s(self) -> float:
        """Seconds for which a step may not come before the run stalls.

        They are ``STALL_S``, ``STALL_REPORTS`` times the usual time of a report (of a step, before two were seen), and
        ``STALL_WAITS`` times the longest wait so far. At the end of an epoch, where it evaluates, they are also as many
        as that epoch took.
        """
        pace = self.pace_s or 0.0
        patience = max(
            STALL_S, STALL_REPORTS * (self.usual_wait_s or pace), STALL_WAITS * self.longest_wait_s
        )
        if self.epoch >= 1 and abs(self.epoch - round(self.epoch)) < WHOLE:
            patience = max(patience, pace * self.step / self.epoch)
        return patience

    def stalls(self, waited_s: float) -> bool:
        """Return whether it stalls after so many seconds without a step.

        A run before its first step never does: loading and compiling take unknown time.
        """
        return self.state == "running" and self.step > self.first_step and waited_s > self.patience_s

    @property
    def why(self) -> str:
        """Why it waits or ended as it did, or that it is asked to stop; empty where it trains or trained all epochs."""
        if self.asked is not None:
            return ASKED[self.asked]
        return self.reason if self.state != "finished" or self.ended_early else ""

    @property
    def ended_early(self) -> bool:
        """Whether it finished before its last epoch, as no evaluation was better any more."""
        return self.state == "finished" and self.reason.startswith(ENDED_EARLY)

    def epochs_at(self, step: int) -> float | None:
        """Return how many epochs are done at a step; None where it is not known how many steps an epoch has."""
        return max(0, step - self.epochs_from) / self.steps_per_epoch if self.steps_per_epoch else None

    def beat(self, now: float) -> None:
        """Record a heartbeat at ``now``, in seconds since the epoch."""
        passed_s = max(0.0, now - self.heartbeat)
        self.elapsed_s = min(LATEST, self.elapsed_s + passed_s)
        self.waited_s = min(LATEST, self.waited_s + min(passed_s, BLINK_S))
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
                    self.step, self.epoch, self.waited_s = event.step, event.epoch, 0.0
            case Log() if event.refused:
                self.refused = min(LARGEST_COUNT, self.refused + event.refused)
                self.refusal = self.refusal or event.message.removesuffix(MORE_IS_COUNTED)[:MAX_REASON]
            case End():
                self.state, self.reason = event.state, event.reason
                if event.error is not None and not self.reason:
                    self.reason = event.error.message
                self.reason = self.reason[:MAX_REASON]
                self.ended, self.eta_s = event.time, None
                self.trained_s = min(LATEST, self.trained_s + event.duration_s)
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
        self.waited_s = self.usual_wait_s = self.longest_wait_s = 0.0
        self.final = {}
        self.refused, self.refusal = 0, ""
        self.step = self.first_step = self.pace_from_step = self.pace_to_step = event.step
        self.epochs_from = event.epochs_from
        self.epoch = self.epochs_at(event.step) or 0.0

    def _measure(self, event: Metrics) -> None:
        moved = event.step != self.step  # also back: some programs count the steps of each epoch anew
        self.step, self.epoch = event.step, event.epoch
        for name, measured in event.values.items():
            if name not in self.last and not is_kept(name, len(self.last)):
                continue
            value = self.last[name] = measured if measured is not None and math.isfinite(measured) else None
            self._keep(name, value)
        self._choose(event)
        if moved:
            self._end_wait()
        if event.step > self.pace_to_step:
            self._clock(event.step)
        if self.epochs and self.steps_per_epoch and self.pace_s is not None:
            last_step = self.epochs_from + self.epochs * self.steps_per_epoch
            left_s = self.pace_s * max(0, last_step - event.step)
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

    def _end_wait(self) -> None:
        """Learn from the wait for this step how long waits are; the first has the start in it and tells nothing."""
        wait_s, self.waited_s = self.waited_s, 0.0
        if self.pace_to_step > self.first_step:
            self.longest_wait_s = max(self.longest_wait_s, wait_s)
            usual_s = self.usual_wait_s or wait_s
            self.usual_wait_s = usual_s + SMOOTHED * (min(wait_s, STALL_WAITS * usual_s) - usual_s)

    def _clock(self, step: int) -> None:
        """Measure the pace at a step, as it is reached."""
        if self.pace_from_step > self.first_step:
            self.pace_s = (self.elapsed_s - self.pace_from_s) / (step - self.pace_from_step)
        else:
            if self.pace_s is None:  # the first steps say little, but nothing else says more
                self.pace_s = self.elapsed_s / (step - self.first_step)
            self.pace_from_step, self.pace_from_s = step, self.elapsed_s
        self.pace_to_step = step


def never_began(status: Status) -> bool:
    """Return whether a run was taken out of the queue before it began."""
    return status.state == "stopped" and not status.last and not status.started


def was_taken_out(status: Status) -> bool:
    """Return whether it has ended by being taken out of the queue, before it began or before it was begun again."""
    return status.state == "stopped" and status.reason.startswith(TAKEN_OUT)
