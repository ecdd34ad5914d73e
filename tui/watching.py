"""Looks after the runs that live and says what a person would want to be told, once: pure, statuses in, alarms out.

It sees what a run's status says from one look to the next, so it needs no code in the run and reads no file. What
each rule asks for is in the constants; ``tests/tui/test_watching.py`` holds them against noisy curves.

========== =====================================================================================================
diverged   a loss is not finite; or the smoothed training loss has been far over its minimum for some looks
stalled    nothing was heard for many times the usual pause, and for minutes
overfits   the loss on data that is not trained on has risen for epochs, beyond its noise, while training's falls
starved    the GPU idles while the steps wait for data
========== =====================================================================================================
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from engine.states import Status

Kind = Literal["diverged", "stalled", "overfits", "starved"]

KEEP = 64
"""Looks, pauses and evaluations that are remembered of a run."""
WEIGHT = 0.9
"""Weight of the past in the smoothed training loss."""
DIVERGED_LOOKS = 5
"""New losses in a row that have to be too high."""
DIVERGED_LEAST = 0.5
"""How far over its minimum a loss has to be; and half of the way that it has come, and twice the minimum."""
STALLED_LEAST_S = 180.0
STALLED_PAUSES = 20
"""Usual (median) pauses without a word; and three times the longest one, such as that of an evaluation."""
STALLED_STEPS = 500
"""The same in steps, where no pause has been seen yet."""
OVERFIT_EPOCHS = 4
"""Evaluations since the best one."""
OVERFIT_RISE = 0.05
"""The part of the best loss that it has to have risen by."""
OVERFIT_NOISE = 6.0
"""And how many standard deviations of the noise between evaluations: the best of many is low by chance."""
OVERFIT_FALL = 0.02
"""The part of the training loss that it has to have fallen by meanwhile."""
STARVED_UTILIZATION = 40.0
"""Percent below which a GPU idles."""
STARVED_DATA = 0.4
"""The part of a step that waits for data."""
STARVED_LOOKS = 12
"""Looks in a row: the first steps of a run are slow for other reasons."""


@dataclass(frozen=True)
class Alarm:
    """Something that a person would want to be told of a run."""

    run: str
    kind: Kind
    text: str


@dataclass
class _Trace:
    """What was seen of one attempt at a run."""

    attempt: int
    step: int = -1
    heartbeat: float = 0.0
    pauses: deque[float] = field(default_factory=lambda: deque(maxlen=KEEP))
    loss: float | None = None
    """The smoothed training loss."""
    first: float = 0.0
    lowest: float = 0.0
    high: int = 0
    """New losses in a row that were too high."""
    evaluations: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=KEEP))
    """(held-out loss, smoothed training loss) of each."""
    overfits: str | None = None
    """What the last evaluation made of them."""
    idle: int = 0
    """Looks in a row at which the GPU idled."""
    told: set[Kind] = field(default_factory=set)
    now: dict[Kind, str] = field(default_factory=dict)
    """What is the matter at present, in a sentence each."""


class Watcher:
    """Keeps a short memory of each run that lives."""

    def __init__(self) -> None:
        self._traces: dict[str, _Trace] = {}

    def look(self, statuses: Iterable[Status], now: float) -> list[Alarm]:
        """Return what is new since the last look; each alarm comes once for an attempt at a run.

        Args:
            statuses: Of all runs.
            now: Seconds since the epoch.
        """
        before, self._traces = self._traces, {}
        alarms: list[Alarm] = []
        for status in statuses:
            if status.state != "running":
                continue
            trace = before.get(status.run)
            if trace is None or trace.attempt != status.attempt:
                trace = _Trace(status.attempt)
            self._traces[status.run] = trace
            _judge(trace, status, now)
            alarms += [
                Alarm(status.run, kind, text) for kind, text in trace.now.items() if kind not in trace.told
            ]
            trace.told |= trace.now.keys()
        return alarms

    @property
    def badges(self) -> Mapping[str, Kind]:
        """What is the matter with runs at present, the worst of each."""
        return {run: min(trace.now, key=_ORDER.index) for run, trace in self._traces.items() if trace.now}


_ORDER: tuple[Kind, ...] = ("diverged", "stalled", "overfits", "starved")


def _judge(trace: _Trace, status: Status, now: float) -> None:
    """Take a status into account, and say what is the matter now."""
    if status.step != trace.step or status.heartbeat != trace.heartbeat:
        if trace.heartbeat and status.heartbeat > trace.heartbeat:
            trace.pauses.append(status.heartbeat - trace.heartbeat)
        trace.step, trace.heartbeat = status.step, status.heartbeat
        _measure(trace, status)
    found: dict[Kind, str | None] = {
        "diverged": _diverged(trace, status),
        "stalled": _stalled(trace, status, now),
        "overfits": trace.overfits,
        "starved": _starved(trace, status),
    }
    trace.now = {kind: text for kind, text in found.items() if text is not None}


def _measure(trace: _Trace, status: Status) -> None:
    """Fold what a status has measured into the short series."""
    loss = status.last.get("train/loss")
    if loss is not None:
        if trace.loss is None:
            trace.loss = trace.first = trace.lowest = loss
        trace.loss = WEIGHT * trace.loss + (1 - WEIGHT) * loss
        trace.lowest = min(trace.lowest, trace.loss)
        trace.high = trace.high + 1 if trace.loss > _ceiling(trace) else 0
    held_out = status.last.get("val/loss", status.last.get("test/loss"))
    seen = trace.evaluations[-1][0] if trace.evaluations else None
    if held_out is not None and trace.loss is not None and held_out != seen:
        trace.evaluations.append((held_out, trace.loss))
        trace.overfits = _overfits(trace.evaluations)
    trace.idle = trace.idle + 1 if _idles(status) else 0


def _ceiling(trace: _Trace) -> float:
    low = trace.lowest
    return max(low + DIVERGED_LEAST, low + 0.5 * (trace.first - low), low + abs(low))


def _diverged(trace: _Trace, status: Status) -> str | None:
    broken = [name for name in ("train/loss", "val/loss", "test/loss") if status.last.get(name, 0.0) is None]
    if broken:
        return f"{broken[0]} is not finite at step {status.step}"
    if trace.high >= DIVERGED_LOOKS and trace.loss is not None:
        return f"the training loss has risen to {trace.loss:.3g}; it was {trace.lowest:.3g}"
    return None


def _stalled(trace: _Trace, status: Status, now: float) -> str | None:
    silence = now - status.heartbeat
    if silence <= STALLED_LEAST_S or not status.heartbeat:
        return None
    if trace.pauses:
        usual = max(STALLED_PAUSES * statistics.median(trace.pauses), 3 * max(trace.pauses))
    elif (steps := status.step - status.first_step) > 0:
        usual = STALLED_STEPS * status.elapsed_s / steps
    else:
        return None  # it may be reading its data, or compiling
    if silence > usual:
        return f"nothing has been heard of it for {silence / 60:.0f} minutes, since step {status.step}"
    return None


def _overfits(evaluations: Collection[tuple[float, float]]) -> str | None:
    if len(evaluations) < OVERFIT_EPOCHS + 3:
        return None
    losses = [each[0] for each in evaluations]
    held_out = _medians(losses)
    best = min(range(len(held_out)), key=held_out.__getitem__)
    low, last = held_out[best], held_out[-1]
    training = [each[1] for each in evaluations][1:-1]
    long_ago = len(held_out) - 1 - best >= OVERFIT_EPOCHS
    if long_ago and last - low > max(OVERFIT_RISE * abs(low), OVERFIT_NOISE * _noise(losses)):
        fallen = training[best] - training[-1]
        if fallen > OVERFIT_FALL * abs(training[best]):
            return f"its loss on held-out data has risen from {low:.3g} to {last:.3g} while training's falls"
    return None


def _noise(values: Sequence[float]) -> float:
    """Return the standard deviation of values around whatever smooth curve they follow, from second differences."""
    bends = [abs(values[i] - 2 * values[i + 1] + values[i + 2]) for i in range(len(values) - 2)]
    return statistics.fmean(bends) / 1.96  # of a normal distribution, sqrt(6) * sqrt(2 / pi)


def _medians(values: Sequence[float]) -> list[float]:
    """Return the median of each value and its two neighbours, (N - 2,): one that sticks out is nothing."""
    return [statistics.median(values[i : i + 3]) for i in range(len(values) - 2)]


def _idles(status: Status) -> bool:
    """Return whether the GPU has little to do because the steps wait for data."""
    used = status.last.get("gpu/utilization")
    return used is not None and used < STARVED_UTILIZATION and _waiting(status) > STARVED_DATA


def _waiting(status: Status) -> float:
    """Return the part of a step that waits for data, 0 where that is not measured."""
    phases = {
        name: value or 0.0
        for name, value in status.last.items()
        if name.startswith("time/") and name not in ("time/evaluation", "time/step")
    }
    whole = max(sum(phases.values()), status.last.get("time/step") or 0.0)
    return phases.get("time/data", 0.0) / whole if whole > 0 else 0.0


def _starved(trace: _Trace, status: Status) -> str | None:
    if trace.idle < STARVED_LOOKS:
        return None
    used = status.last.get("gpu/utilization") or 0.0
    return f"its GPU is used to {used:.0f} %: {100 * _waiting(status):.0f} % of each step wait for data"
