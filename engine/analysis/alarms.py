"""Looks after live runs: says which diverge, stand still, overfit or starve their GPU. Pure: statuses in, alarms out.

Each look adds what a status says to short series of its run; the rules read these alone. What happened before the
first look is unknown to them. A rule that is in doubt is silent: noise, a single spike, a long evaluation and a laptop
that slept raise no alarm, and each occasion raises its alarm once.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from engine.catalog.metrics import is_loss
from engine.runs.status import BLINK_S, Status
from engine.text import duration, loss

Kind = Literal["diverges", "stalls", "overfits", "starves"]
KINDS: tuple[Kind, ...] = ("diverges", "stalls", "overfits", "starves")
"""The gravest first."""

WINDOW = 8
"""Reports in a row that have to agree before a loss counts as diverging, or a GPU as starving."""
SIGMAS = 6.0
"""How many times its noise a loss has to rise to count as rising."""
FAR, FAR_LEAST = 4.0, 1.0
"""A loss is far over a lowest one from before the first look when it exceeds it by this many times and this much."""
NONFINITE_S = 2.0
"""Seconds for which a live run's loss is not finite before the alarm: the engine ends its own runs sooner."""
EVALUATIONS = 4
"""Evaluations in a row over which the loss has to have risen."""
OVERFIT = 0.1
"""By which part of its lowest value the loss of the evaluations rises before that is overfitting."""
IDLE = 50.0
"""Utilization in percent under which a GPU has little to do."""
WAITING = 0.4
"""The share of a step's time above which waiting for data takes a large part of it."""
KEPT = 64
"""Values that are kept of each series."""
GRAINS = 1e-9


@dataclass(frozen=True)
class Alarm:
    """What is wrong with a live run."""

    run: str
    kind: Kind
    text: str
    """A few words and numbers that this module writes; the run's own text stays out of it."""


def _series() -> deque[float]:
    return deque(maxlen=KEPT)


@dataclass
class Trace:
    """What was seen of one attempt of a run."""

    attempt: int
    step: int = -1
    looked: float = 0.0
    waited: float = 0.0
    """Watched seconds since the last step."""
    nonfinite: float = 0.0
    """Seconds for which the loss has not been finite."""
    train: deque[float] = field(default_factory=_series)
    """The training losses of the reports."""
    first: float | None = None
    """The median of the first ``WINDOW`` of them."""
    lowest: float = math.inf
    """The lowest median of ``WINDOW`` in a row."""
    evaluated: deque[float] = field(default_factory=_series)
    """The losses of the evaluations."""
    fitted: deque[float] = field(default_factory=_series)
    """The mean training loss before each of these."""
    since: list[float] = field(default_factory=list)
    """The training losses since the last evaluation."""
    starved: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW))
    """Whether the GPU had little to do while the step waited for data, at the last reports."""
    rising: str = ""
    """What ``rises`` returned for the last report."""
    overfit: str = ""
    """What ``overfits`` returned for the last evaluation."""
    raised: set[tuple[Kind, int]] = field(default_factory=set)
    """The alarms raised so far: the kind, and for a stall the step it stands at."""

    def look(self, status: Status, now: float) -> None:
        """Take a look at the run into account; ``now`` is in seconds of a monotonic clock."""
        passed = min(max(0.0, now - self.looked), BLINK_S) if self.step >= 0 else 0.0
        self.looked = now
        self.waited += passed
        self.nonfinite = self.nonfinite + passed if _nonfinite(status) else 0.0
        if status.step != self.step:
            self.step, self.waited = status.step, 0.0
            self._report(status)
            self.rising = rises(self, status.best.get("train/loss"))
        value = evaluation_loss(status)
        if value is not None and (not self.evaluated or value != self.evaluated[-1]):
            self.evaluated.append(value)
            before = self.fitted[-1] if self.fitted else math.inf
            self.fitted.append(statistics.fmean(self.since) if self.since else before)
            self.since = []
            self.overfit = overfits(self)

    def _report(self, status: Status) -> None:
        self.starved.append(starves(status))
        value = status.last.get("train/loss")
        if value is None:
            return
        self.train.append(value)
        self.since = [*self.since[-KEPT:], value]
        if len(self.train) >= WINDOW:
            middle = statistics.median(list(self.train)[-WINDOW:])
            self.first = middle if self.first is None else self.first
            self.lowest = min(self.lowest, middle)


class Watcher:
    """Keeps a trace of each live run."""

    def __init__(self) -> None:
        self._traces: dict[str, Trace] = {}
        self.standing: Mapping[str, tuple[Alarm, ...]] = {}
        """The alarms that hold now, by run; the same object until their kinds change."""

    def look(self, live: Iterable[Status], now: float) -> tuple[Alarm, ...]:
        """Look at the live runs, and return the alarms that are new.

        Args:
            live: The runs to judge; the traces of all others are forgotten.
            now: Seconds of a monotonic clock.
        """
        traces: dict[str, Trace] = {}
        standing: dict[str, tuple[Alarm, ...]] = {}
        new: list[Alarm] = []
        for status in live:
            trace = self._traces.get(status.run)
            if trace is None or trace.attempt != status.attempt:
                trace = Trace(status.attempt)
            traces[status.run] = trace
            if status.state != "running":
                continue
            trace.look(status, now)
            if alarms := tuple(judge(status, trace)):
                standing[status.run] = alarms
            for alarm in alarms:
                occasion = alarm.kind, status.step if alarm.kind == "stalls" else 0
                if occasion not in trace.raised:
                    trace.raised.add(occasion)
                    new.append(alarm)
        self._traces = traces
        if _kinds(standing) != _kinds(self.standing):
            self.standing = standing
        return tuple(new)


def judge(status: Status, trace: Trace) -> Iterable[Alarm]:
    """Yield what is wrong with a run, the gravest first."""
    for kind, text in (
        ("diverges", diverges(trace)), ("stalls", stalls(status, trace)), ("overfits", trace.overfit),
        ("starves", _starving(trace)),
    ):  # fmt: skip
        if text:
            yield Alarm(status.run, kind, text)  # type: ignore[arg-type]


def diverges(trace: Trace) -> str:
    """Return in words that the loss is not finite or far over its minimum, empty otherwise."""
    return "the loss is not finite" if trace.nonfinite >= NONFINITE_S else trace.rising


def rises(trace: Trace, best: float | None) -> str:
    """Return in words that the loss is far over its minimum, empty otherwise.

    It is where each of the last ``WINDOW`` reports is over the lowest median of so many by half of that median, by
    half of what the loss had fallen since the first reports, and by ``SIGMAS`` times its noise. A lowest loss under
    that median comes from before the first look, or from one lucky batch: the loss is far over it only where it
    exceeds it by ``FAR`` times as much, by ``FAR_LEAST``, and by the same noise.

    Args:
        trace: What was seen of the run.
        best: The lowest training loss of the run, None before the first.
    """
    if len(trace.train) < 2 * WINDOW or trace.first is None:
        return ""
    recent = list(trace.train)[-WINDOW:]
    low, least = trace.lowest, max(0.5 * abs(trace.lowest), 0.5 * (trace.first - trace.lowest))
    if min(recent) - low <= least + GRAINS and best is not None:
        low, least = best, max(FAR * abs(best), FAR_LEAST)
    rise = min(recent) - low - GRAINS
    if rise <= least or rise <= SIGMAS * noise(trace.train):
        return ""
    return f"train/loss is {loss(statistics.median(recent))}, it was {loss(low if best is None else best)}"


def stalls(status: Status, trace: Trace) -> str:
    """Return in words that a run makes no step, empty while it does.

    How long it may take is ``Status.patience_s``; how long it has taken is what its heartbeats say, or for a process
    that makes none, what was watched.
    """
    if not status.stalls(max(trace.waited, status.waited_s)):
        return ""
    return f"no step since step {status.step:,}, for over {duration(status.patience_s)}"


def overfits(trace: Trace) -> str:
    """Return in words that the evaluation loss rises while the training loss falls, empty otherwise.

    Both are looked at in medians of three evaluations. The first has to be over its lowest by the part ``OVERFIT`` and
    by ``SIGMAS`` times its noise, that lowest ``EVALUATIONS`` old, and not to have fallen since; the second has to
    have fallen since.
    """
    if len(trace.evaluated) < EVALUATIONS + 3:
        return ""
    middles = [statistics.median(three) for three in _threes(trace.evaluated)]
    at = min(range(len(middles)), key=middles.__getitem__)
    lowest, last = middles[at], middles[-1]
    rising = all(after >= before for before, after in pairwise(middles[-EVALUATIONS:]))
    if len(middles) - 1 - at < EVALUATIONS or not rising or middles[-1] <= middles[-EVALUATIONS]:
        return ""
    if last - lowest <= max(OVERFIT * abs(lowest), SIGMAS * noise(trace.evaluated)) + GRAINS:
        return ""
    fitted = [statistics.median(three) for three in _threes(trace.fitted)]
    if not fitted[-1] < fitted[at]:
        return ""
    return f"the evaluations' loss is {loss(last)}, it was {loss(lowest)}; the training's falls"


def starves(status: Status) -> bool:
    """Return whether the GPUs have little to do while a large part of the step is spent on waiting for data."""
    used = [value for name, value in status.last.items()
            if name.startswith("gpu/") and name.endswith("utilization") and value is not None]  # fmt: skip
    phases = {name: value for name, value in status.last.items()
              if name.startswith("time/") and name != "time/evaluation" and value is not None}  # fmt: skip
    whole, data = sum(phases.values()), phases.get("time/data", 0.0)
    return bool(used) and max(used) < IDLE and whole > 0 and data > WAITING * whole


def _starving(trace: Trace) -> str:
    if len(trace.starved) < WINDOW or not all(trace.starved):
        return ""
    return "the GPU waits for data: more workers, or a decoded cache, may help"


def evaluation_loss(status: Status) -> float | None:
    """Return the loss that shows overfitting: that of the validation split, else of the test split."""
    last = status.last
    return last["val/loss"] if last.get("val/loss") is not None else last.get("test/loss")


def noise(values: Sequence[float]) -> float:
    """Return the standard deviation of the noise of a series, from its second differences: a trend adds nothing."""
    series = list(values)
    bends = [abs(a - 2 * b + c) for a, b, c in zip(series, series[1:], series[2:], strict=False)]
    return statistics.median(bends) / (0.6745 * math.sqrt(6)) if bends else 0.0


def _nonfinite(status: Status) -> bool:
    return any(value is None and is_loss(name) for name, value in status.last.items())


def _threes(values: Sequence[float]) -> Iterable[tuple[float, float, float]]:
    series = list(values)
    return zip(series, series[1:], series[2:], strict=False)


def _kinds(alarms: Mapping[str, tuple[Alarm, ...]]) -> dict[str, list[Kind]]:
    return {run: [alarm.kind for alarm in of_run] for run, of_run in alarms.items()}
