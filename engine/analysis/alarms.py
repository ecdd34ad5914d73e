"""Looks after live runs: says which diverge, stand still, overfit or starve their GPU. Pure: statuses in, alarms out.

Each look adds what a status says to short series of its run; the rules read these alone. What happened before the
first look is not known to them. A rule that is in doubt is silent: noise, a single spike, an evaluation that takes
long and a laptop that slept are no alarms, and the same thing is never alarmed of twice.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from engine.runs.status import Status
from engine.text import duration, loss

Kind = Literal["diverges", "stalls", "overfits", "starves"]
KINDS: tuple[Kind, ...] = ("diverges", "stalls", "overfits", "starves")
"""The gravest first."""

WINDOW = 8
"""Reports in a row that have to agree before a loss is said to diverge, or a GPU to starve."""
SIGMAS = 6.0
"""How many times its noise a loss rises before it is said to rise."""
FAR, FAR_LEAST = 4.0, 1.0
"""How many times the lowest loss, and how much, a loss is over it before it is far over one that was not seen."""
NONFINITE_S = 2.0
"""Seconds that a loss is not finite in a live run before that is said: the engine ends its own runs sooner."""
STALL_S = 60.0
"""Seconds without a step that are never called a stall."""
STALL_REPORTS = 30.0
"""How many times the usual time between two reports, or between two steps, a run may take for one."""
STALL_GAPS = 3.0
"""How many times the longest wait that it has come back from a run may take: evaluations, checkpoints."""
BLINK_S = 5.0
"""Seconds that count at most between two looks: the screen's process may have slept, and the run with it."""
EVALUATIONS = 4
"""Evaluations in a row over which the loss has to have risen."""
OVERFIT = 0.1
"""By which part of its lowest value the loss of the evaluations rises before that is overfitting."""
IDLE = 50.0
"""Percent under which a GPU has little to do."""
WAITING = 0.4
"""Part of a step's time, spent on waiting for data, that is a large one."""
KEPT = 64
"""Values that are kept of each series."""
GRAINS = 1e-9


@dataclass(frozen=True)
class Alarm:
    """What is wrong with a live run."""

    run: str
    kind: Kind
    text: str
    """In a few words and numbers of our own: nothing of it comes from the run as text."""


def _series() -> deque[float]:
    return deque(maxlen=KEPT)


@dataclass
class Trace:
    """What was seen of one attempt of a run."""

    attempt: int
    step: int = -1
    looked: float = 0.0
    pace: float = 0.0
    """Seconds that a step of this attempt has taken on average."""
    waited: float = 0.0
    """Seconds since the step went on, as far as they were watched."""
    gaps: deque[float] = field(default_factory=_series)
    """Seconds between reports."""
    longest: float = 0.0
    """Of these, since the first look."""
    nonfinite: float = 0.0
    """Seconds that the loss has not been finite for."""
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
    """What ``rises`` said of the last report."""
    overfit: str = ""
    """What ``overfits`` said of the last evaluation."""
    said: set[tuple[Kind, int]] = field(default_factory=set)
    """What was alarmed of: the kind, and for a stall the step it stands at."""

    def look(self, status: Status, now: float) -> None:
        """Take a look at the run into account; ``now`` is in seconds of a clock that does not go back."""
        passed = min(max(0.0, now - self.looked), BLINK_S) if self.step >= 0 else 0.0
        self.looked = now
        self.waited += passed
        self.nonfinite = self.nonfinite + passed if _nonfinite(status) else 0.0
        if status.step != self.step:
            if self.step >= 0:
                self.gaps.append(self.waited)
                self.longest = max(self.longest, self.waited)
            self.step, self.waited = status.step, 0.0
            self.pace = status.elapsed_s / max(1, status.step - status.first_step)
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
        """What is wrong now, by run; the same object as long as the same things are."""

    def look(self, live: Iterable[Status], now: float) -> tuple[Alarm, ...]:
        """Look at the live runs, and return what is newly wrong.

        Args:
            live: The runs that are to be judged; the others are forgotten.
            now: Seconds of a clock that does not go back.
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
            if found := tuple(judge(status, trace)):
                standing[status.run] = found
            for alarm in found:
                thing = alarm.kind, status.step if alarm.kind == "stalls" else 0
                if thing not in trace.said:
                    trace.said.add(thing)
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
    """Say that the loss is not finite, or far over its minimum; nothing if it is neither."""
    return "the loss is not finite" if trace.nonfinite >= NONFINITE_S else trace.rising


def rises(trace: Trace, best: float | None) -> str:
    """Say that the loss is far over its minimum; nothing if it is not.

    It is if each of the last ``WINDOW`` reports is over the lowest median of so many by half of that median, by half
    of what the loss had fallen since the first reports, and by ``SIGMAS`` times its noise. What is lower than that
    median was perhaps before the first look, perhaps one lucky batch: it is held against the loss only where that is
    over it by ``FAR`` times as much, by ``FAR_LEAST``, and by the same noise.

    Args:
        trace: What was seen.
        best: The lowest training loss of the run, None if there is none.
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
    """Say that a run makes no step; nothing if it does.

    It may take ``STALL_S`` for one, ``STALL_REPORTS`` times the usual time of a report (of a step, before three were
    seen), and ``STALL_GAPS`` times the longest wait so far. At the end of an epoch, where it evaluates, it may also
    take as long as that epoch took. Of a run without a step nobody knows how long it loads and compiles.
    """
    if trace.waited <= STALL_S or status.step <= status.first_step:
        return ""
    usual = statistics.median(trace.gaps) if len(trace.gaps) >= 3 else trace.pace
    patience = max(STALL_S, STALL_REPORTS * usual, STALL_GAPS * trace.longest)
    if status.epoch >= 1 and abs(status.epoch - round(status.epoch)) < GRAINS:
        patience = max(patience, trace.pace * status.step / status.epoch)
    if trace.waited <= patience:
        return ""
    return f"no step since step {status.step:,}, for over {duration(patience)}"


def overfits(trace: Trace) -> str:
    """Say that the loss of the evaluations rises while that of the training falls; nothing if not.

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
    """Return the loss by which overfitting is told: that of the validation, else of the test."""
    last = status.last
    return last["val/loss"] if last.get("val/loss") is not None else last.get("test/loss")


def noise(values: Sequence[float]) -> float:
    """Return the standard deviation of the noise of a series, whatever its trend: from its second differences."""
    series = list(values)
    bends = [abs(a - 2 * b + c) for a, b, c in zip(series, series[1:], series[2:], strict=False)]
    return statistics.median(bends) / (0.6745 * math.sqrt(6)) if bends else 0.0


def _nonfinite(status: Status) -> bool:
    return any(
        name in status.last and status.last[name] is None for name in ("train/loss", "val/loss", "test/loss")
    )


def _threes(values: Sequence[float]) -> Iterable[tuple[float, float, float]]:
    series = list(values)
    return zip(series, series[1:], series[2:], strict=False)


def _kinds(alarms: Mapping[str, tuple[Alarm, ...]]) -> dict[str, list[Kind]]:
    return {run: [alarm.kind for alarm in found] for run, found in alarms.items()}
