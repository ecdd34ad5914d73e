"""The measurements of another program's run, gathered before it becomes a run here; and names that fit here."""

from __future__ import annotations

import bisect
import hashlib
import math
import re
import struct
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

from engine.catalog.metric_names import as_written, free_name
from engine.events import LATEST, MAX_METRICS, Metrics
from engine.exchange.optional_packages import ExchangeError

MAX_NAME = 200
"""Characters of an experiment's name."""
MOST = 2.0**53
"""What steps, epochs and seeds do not exceed."""
_OWN_ID = re.compile(r"(.+)-s(\d{1,15})-\d{8}-\d{6}-[0-9a-f]{4}", re.ASCII)


class Extent(NamedTuple):
    """How far the points of a metric reach."""

    points: int
    first_step: float
    last_step: float
    begin: float
    """The earliest time, in seconds since the epoch."""
    end: float
    """The latest time."""


class ImportedRun:
    """The points of one run: what it is called, and steps, epochs, times and values beside one another.

    Args:
        name: What the run is called where it comes from.
        experiment: The experiment that it says it is of; empty where it does not.
        seed: None where it does not say.
    """

    def __init__(self, name: str, experiment: str = "", seed: int | None = None) -> None:
        run_id = _OWN_ID.fullmatch(name)  # the folder of a run that was exported
        self.name = name
        self.experiment = experiment or (run_id[1] if run_id else name)
        self.seed = int(run_id[2]) if seed is None and run_id else seed
        self.renamed: dict[str, str] = {}
        """Metrics that are called otherwise here."""
        self.notes: list[str] = []
        """What a user has to know of how it was read."""
        self.left: Counter[str] = Counter()
        """What was measured and is not taken: how many values or rows, by why and where the first is."""
        self.key = ""
        """What it is told from others of its name by, in a file that may hold several; empty where names do."""
        self.failures: list[str] = []
        """Parts of it that could not be read at all, and why."""
        self.params: dict[str, Any] = {}
        """The settings that its program recorded: plain values by their names."""
        self.is_own = False
        """Whether this project wrote its file: its epochs are those that are done."""
        self.epochs_said_at: set[float] = set()
        """The steps that say their epoch, where others have that of the step before; empty where all say it."""
        self.has_epochs = False
        self.has_times = True
        """Whether the times are when it was measured, and not when its file was written."""
        self._names: dict[str, int] = {}
        """The metrics by their names here, and their numbers."""
        self._numbers: dict[str, int] = {}
        """The numbers of metrics by their names where they come from."""
        self._steps, self._epochs, self._times, self._values = (array("d") for _ in range(4))
        self._metrics = array("l")

    def __contains__(self, metric: str) -> bool:
        """Return whether there is a metric, by its name where it comes from or its name here."""
        return metric in self._numbers or metric in self._names

    def __len__(self) -> int:
        return len(self._values)

    def add(self, metric: str, value: float, step: float, epoch: float, time: float) -> None:
        """Add a point.

        Args:
            metric: The metric's name where it comes from.
            value: What was measured.
            step: Optimizer steps so far, a whole number.
            epoch: Epochs so far.
            time: Seconds since the epoch, UTC.

        Raises:
            ValueError: A step, epoch or time is out of range; the message says which.
        """
        if not (0 <= step <= MOST and step == int(step)):
            raise ValueError(f"{step:g} is no step: a whole number from 0 to 2^53")
        if not 0 <= epoch <= MOST:
            raise ValueError(f"{epoch:g} is no epoch: a number from 0 to 2^53")
        if not 0 <= time <= LATEST:
            raise ValueError(f"{time:g} is no time: seconds since 1970")
        self._metrics.append(self._number(metric))
        fields = (self._steps, self._epochs, self._times, self._values)
        for field, number in zip(fields, (step, epoch, time, value), strict=True):
            field.append(number)

    def begin_from(self, step: float, metrics: Collection[str] | None = None) -> int:
        """Drop the points from a step on: the program that measured them went back there.

        Args:
            step: The first step that is measured anew.
            metrics: By their names where they come from; None for all.

        Returns:
            How many points that were.
        """
        numbers = None if metrics is None else {self._numbers.get(metric) for metric in metrics}
        kept = [
            i
            for i, taken_at in enumerate(self._steps)
            if taken_at < step or (numbers is not None and self._metrics[i] not in numbers)
        ]
        dropped = len(self) - len(kept)
        if dropped:
            self._keep(kept)
        return dropped

    @property
    def metrics(self) -> list[str]:
        """The metrics that have points, by their names here, in the order in which they were met."""
        measured = set(self._metrics)
        return [name for name, number in self._names.items() if number in measured]

    def last_steps(self) -> dict[str, float]:
        """Return the largest step of each metric that has points, by the metrics' names where they come from."""
        largest: dict[int, float] = {}
        for number, step in zip(self._metrics, self._steps, strict=True):
            if step > largest.get(number, -1.0):
                largest[number] = step
        return {metric: largest[number] for metric, number in self._numbers.items() if number in largest}

    def extents(self) -> dict[str, Extent]:
        """Return the first and the last place of each metric that has points, by the metrics' names here."""
        names = list(self._names)
        extents: dict[str, Extent] = {}
        for number, step, time in zip(self._metrics, self._steps, self._times, strict=True):
            name = names[number]
            if (before := extents.get(name)) is None:
                extents[name] = Extent(1, step, step, time, time)
            else:
                points, first, last, begin, end = before
                extents[name] = Extent(
                    points + 1, min(first, step), max(last, step), min(begin, time), max(end, time)
                )
        return extents

    def rename(self, metric: str, name: str, scale: float = 1.0) -> bool:
        """Give a metric another name, and return whether there is such a metric.

        Args:
            metric: Its name where it comes from, or its name here.
            name: The name that it gets; where another metric has it already, nothing happens.
            scale: What its values are multiplied by.
        """
        number = self._numbers.get(metric, self._names.get(metric))
        if number is None or self._names.get(name, number) != number:
            return False
        self._names = {name if each == number else was: each for was, each in self._names.items()}
        self.renamed = {was: now for was, now in self.renamed.items() if self._numbers.get(was) != number}
        if scale != 1:
            for i, each in enumerate(self._metrics):
                if each == number:
                    self._values[i] *= scale
        return True

    def sort(self) -> None:
        """Put the points into the order of time; those of the same time stay as they are."""
        times = self._times
        if any(times[i] > times[i + 1] for i in range(len(times) - 1)):
            self._keep(sorted(range(len(times)), key=times.__getitem__))

    def take_epochs(self, *metrics: str) -> None:
        """Take the epoch of each step from metrics that say it, up to the next that does, and forget these.

        Args:
            metrics: By their names where they come from; those that the run does not have are passed over.
        """
        numbers = {self._numbers[metric] for metric in metrics if metric in self._numbers}
        epochs = {
            step: value
            for step, value, metric_number in zip(self._steps, self._values, self._metrics, strict=True)
            if metric_number in numbers and 0 <= value <= MOST
        }
        if not epochs:
            return
        steps = sorted(epochs)
        for i, step in enumerate(self._steps):
            before = bisect.bisect_right(steps, step)
            self._epochs[i] = epochs[steps[before - 1]] if before else 0.0
        self._keep([i for i, metric_number in enumerate(self._metrics) if metric_number not in numbers])
        self.has_epochs = True
        self.epochs_said_at |= epochs.keys()

    def places(self) -> Iterator[tuple[str, float, float]]:
        """Yield of each point the metric, by its name here, the step and the epoch."""
        names = list(self._names)
        for number, step, epoch in zip(self._metrics, self._steps, self._epochs, strict=True):
            yield names[number], step, epoch

    def put_epochs(self, epochs: Iterable[float]) -> None:
        """Give each point another epoch, in the order of ``places``."""
        self._epochs = array("d", epochs)

    def digest(self) -> str:
        """Return a digest of the points, the same for the same measurements."""
        digest = hashlib.sha256("\0".join(self._names).encode(errors="surrogatepass"))
        for field in (self._steps, self._values, *([self._times] if self.has_times else [])):
            digest.update(field.tobytes())
        digest.update(struct.pack(f"<{len(self._metrics)}l", *self._metrics))
        return digest.hexdigest()

    def absorb(self, other: ImportedRun, prefix: str) -> None:
        """Take over all of a run that is a part of this one.

        Args:
            other: The part.
            prefix: What the names of its metrics begin with here, unless they do already.
        """
        names = {number: metric for metric, number in other._numbers.items()}
        columns = (other._metrics, other._values, other._steps, other._epochs, other._times)
        for number, value, step, epoch, time in zip(*columns, strict=True):
            metric = names[int(number)]
            self.add(
                metric if not prefix or metric.startswith(f"{prefix}/") else f"{prefix}/{metric}",
                value,
                step,
                epoch,
                time,
            )
        self.notes += other.notes
        self.left += other.left
        self.failures += other.failures
        self.params |= other.params
        self.has_epochs |= other.has_epochs
        self.epochs_said_at |= other.epochs_said_at
        self.has_times &= other.has_times

    @property
    def span(self) -> tuple[float, float]:
        """The earliest time and the latest; a clock may have been set back between two points."""
        return min(self._times, default=0.0), max(self._times, default=0.0)

    def events(self, run: str, steps_per_epoch: int | None = None) -> Iterator[Metrics]:
        """Yield the points as events of a run: those of one step and time together, as far as they stand together."""
        names = list(self._names)
        for (step, epoch, time), group in groupby(range(len(self)), self._position):
            if steps_per_epoch and not self.has_epochs:
                epoch = step / steps_per_epoch
            values: dict[str, float | None] = {}
            for i in group:
                name = names[self._metrics[i]]
                if name in values:
                    yield Metrics(time=time, run=run, step=int(step), epoch=epoch, values=values)
                    values = {}
                values[name] = self._values[i]
            yield Metrics(time=time, run=run, step=int(step), epoch=epoch, values=values)

    def _position(self, i: int) -> tuple[float, float, float]:
        return self._steps[i], self._epochs[i], self._times[i]

    def _keep(self, which: list[int]) -> None:
        for name in ("_steps", "_epochs", "_times", "_values", "_metrics"):
            field = getattr(self, name)
            setattr(self, name, array(field.typecode, [field[i] for i in which]))

    def _number(self, metric: str) -> int:
        if (number := self._numbers.get(metric)) is not None:
            return number
        if len(self._names) >= MAX_METRICS:
            raise ValueError(f"there are more than {MAX_METRICS:,} metrics")
        name = free_name(metric, self._names)
        if name != as_written(metric):
            self.renamed[metric] = name
        self._numbers[metric] = self._names[name] = len(self._names)
        return self._numbers[metric]


def is_run_of_vitui(name: str) -> bool:
    """Return whether a run is called as runs of vitui are, which no two have in common."""
    return _OWN_ID.fullmatch(name) is not None


def experiment_name(name: str) -> str:
    """Return a name that an experiment can have."""
    return "".join(c if c.isprintable() else "_" for c in name).strip()[:MAX_NAME] or "imported"


def read_float(text: str) -> float:
    """Return the number that a text says.

    Raises:
        ValueError: It says no number; the message shows it.
    """
    try:
        if "_" in text:  # Python's own way to write numbers, which no other program means
            raise ValueError
        return float(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no number") from None


def read_whole(text: str, what: str) -> int:
    """Return the whole number that a text says; "12.0" is accepted, as some programs write whole numbers so.

    Raises:
        ValueError: It says no whole number, or too large a number.
    """
    if text.isascii() and text.isdigit() and len(text) < 20:
        number = int(text)
        if number < 2**63:
            return number
    value = read_float(text)
    if not math.isfinite(value) or value != int(value) or not 0 <= value <= MOST:
        raise ValueError(f"{text[:40]!r} is no {what}: a whole number of at least 0")
    return int(value)


def at(path: object, position: str, error: ValueError) -> ExchangeError:
    """Return the error of a place in a file."""
    return ExchangeError(f"{path}, {position}: {error}")
