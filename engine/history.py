"""A run's events as columns: read what is new, fold it, drop it. The one reader behind screen and figures."""

from __future__ import annotations

import os
from array import array
from collections import deque
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec

from engine.column import Column
from engine.events import MAX_METRICS, Checkpoint, Confusion, End, Event, Log, Metrics, Start, decode_lines
from engine.experiment import SCRIPT
from engine.files import tail, tail_with
from engine.matrices import Place, place_of

if TYPE_CHECKING:
    from engine.column import Array

Axis = Literal["step", "epoch", "time", "samples", "gpu-hours", "joules"]
AXES: tuple[Axis, ...] = ("step", "epoch", "time", "samples", "gpu-hours", "joules")
TIMELESS: tuple[Axis, ...] = ("step", "epoch", "samples")
"""The axes of a metric that is read alone."""
CHUNK = 256 * 1024
"""Bytes read at a time: decoding one chunk holds the interpreter for about a millisecond."""
MAX_MATRICES = 10_000
"""Confusion matrices whose places are kept."""
MAX_MESSAGE = 16 * 1024
"""Characters of a line for people that are kept."""
MANY = 4
"""Events of one kind in a row from which it pays to take them all at once."""
CLOCK_SLACK_S = 1.0
"""Seconds by which two threads may disagree on the time; more is a clock that was set."""


class History:
    """What a run has said so far, as columns.

    Args:
        path: A run's folder, or its events.jsonl.
        only: Read these metrics and the starts of attempts alone, in a fraction of the time where they were measured
            seldom. How long pauses between attempts were is not known then: only the axes in ``TIMELESS`` are right.
    """

    def __init__(self, path: str | os.PathLike[str], only: Iterable[str] | None = None) -> None:
        path = Path(path)
        self.path = path / "events.jsonl" if path.is_dir() or path.suffix != ".jsonl" else path
        self.columns: dict[str, Column] = {}
        self.starts: list[Start] = []
        """One for each attempt."""
        self.ends: list[End] = []
        self.logs: deque[Log] = deque(maxlen=500)
        self.matrices: list[Place] = []
        """Where the confusion matrices stand, the last ``MAX_MATRICES`` of them; ``read_matrix`` reads one."""
        self.checkpoints: list[Checkpoint] = []
        self.offset = 0
        """Bytes of the file that have been read."""
        self.bad_lines = 0
        self._only = None if only is None else tuple(only)
        self._clock = 0.0
        self._paused = 0.0

    def update(self, limit: int | None = None) -> int:
        """Read what is new, at most about ``limit`` bytes (all by default), and return how many bytes that was.

        A file that has become shorter than what was read is read anew.
        """
        try:
            size = self.path.lstat().st_size
        except OSError:
            return 0
        if size < self.offset:
            self.__init__(self.path, self._only)  # type: ignore[misc]
        begin = self.offset
        while self.offset < size and (limit is None or self.offset - begin < limit):
            if self._only is None:
                lines, end = tail(self.path, self.offset, CHUNK)
            else:
                words = [b'"start"', *map(msgspec.json.encode, self._only)]
                lines, end = tail_with(self.path, self.offset, CHUNK, words)
            if end == self.offset:
                break
            at, self.offset = self.offset, end
            self.take(lines, at)
        return self.offset - begin

    @property
    def behind(self) -> int:
        """How many bytes of the file have not been read."""
        try:
            return max(0, self.path.lstat().st_size - self.offset)
        except OSError:
            return 0

    def take(self, lines: list[bytes], at: int) -> None:
        """Fold the lines from a place in the file; all of those at once that measure the same one after another."""
        end = 0
        for width, group in groupby(decode_lines(lines), _width):
            events = list(group)
            begin, end = end, end + len(events)
            if width and len(events) >= MANY and self._measure_all(cast("list[Metrics]", events)):
                at += sum(map(len, lines[begin:end])) + len(events)
                continue
            for event, line in zip(events, lines[begin:end], strict=True):
                if event is not None:
                    self.fold(event)
                elif line:
                    self.bad_lines += 1
                if isinstance(event, Confusion):
                    self.matrices.append(place_of(event, at, len(line)))
                    del self.matrices[:-MAX_MATRICES]
                at += len(line) + 1

    def fold(self, event: Event) -> None:
        """Take one event into the columns; of a confusion matrix ``update`` keeps the place."""
        match event:
            case Metrics():
                self._measure(event)
            case Start():
                self._begin(event)
            case Checkpoint():
                self.checkpoints.append(event)
            case Log():
                event.message = event.message[:MAX_MESSAGE]
                self.logs.append(event)
            case End():
                self.ends.append(event)
                self._tell(event.time)

    def _measure(self, event: Metrics) -> None:
        clock = self._tell(event.time)
        for name, value in event.values.items():
            if (column := self._column(name)) is not None:
                column.append(event.step, event.epoch, clock, float("nan") if value is None else value)

    def _measure_all(self, events: list[Metrics]) -> bool:
        """Take events with as many values each; return whether they were of the same metrics, and so were taken."""
        found = [event.values for event in events]
        names = list(found[0])
        try:
            values = [[each[name] for each in found] for name in names]
        except KeyError:
            return False
        steps = array("d", [event.step for event in events])
        epochs = array("d", [event.epoch for event in events])
        times = array("d", [self._tell(event.time) for event in events])
        for name, numbers in zip(names, values, strict=True):
            if (column := self._column(name)) is not None:
                column.extend(steps, epochs, times, _floats(numbers))
        return True

    def _column(self, name: str) -> Column | None:
        """Return a metric's column, a new one if need be; None where it is not asked for, or there are too many."""
        column = self.columns.get(name)
        asked = self._only is None or name in self._only
        if column is None and asked and len(self.columns) < MAX_METRICS:
            column = self.columns[name] = Column()
        return column

    def _tell(self, time: float) -> float:
        """Return when something was in training time: without pauses, and not before what came before it."""
        clock = time - self._paused
        if clock < self._clock - CLOCK_SLACK_S:  # the machine's clock was set back
            clock, self._paused = self._clock, time - self._clock
        self._clock = clock
        return clock

    def _begin(self, event: Start) -> None:
        if self.starts:
            self.go_back(event.step)
            self._paused = event.time - self._clock  # the pause between two attempts is no training time
        else:
            self._clock = event.time
        self.starts.append(event)

    def go_back(self, step: int) -> None:
        """Forget what was measured after a step: it is measured anew."""
        for column in self.columns.values():
            column.truncate(step)
        self.matrices = [place for place in self.matrices if place.step <= step]
        self.checkpoints = [saved for saved in self.checkpoints if saved.step <= step]

    @property
    def metrics(self) -> list[str]:
        """The names of all metrics, in order of their first appearance."""
        return list(self.columns)

    @property
    def seams(self) -> list[int]:
        """The steps from which the run was resumed."""
        return [start.step for start in self.starts[1:]]

    def series(self, metric: str, x: Axis = "step") -> tuple[Array, Array]:
        """Return a metric's points ``(x, y)``, both float64 of one length; empty for a metric never measured.

        ``x`` is the optimizer step, the epoch, the seconds since the first start without the pauses between
        attempts, the images seen, those seconds on all devices in hours, or the joules that the GPUs took. A value
        that was not finite is NaN, and so is a place on an axis that the run does not know. Not to be written to.

        Raises:
            ValueError: There is no such axis.
        """
        if x not in AXES:
            raise ValueError(f"there is no axis {x!r}; there are {', '.join(AXES)}")
        steps, epochs, times, values = (self.columns.get(metric) or Column()).table()
        if x in ("step", "epoch"):
            return (steps if x == "step" else epochs), values
        config = self.starts[-1].config if self.starts else {}
        if x == "samples":
            images = _number(config, "batch_size") * _number(config, "accumulate")
            if config.get("model") in (None, SCRIPT):  # a program of one's own does not say what a step is
                images = float("nan")
            return steps * images, values
        if x == "joules":
            return self._joules(times), values
        if len(times):
            times = times - (self.starts[0].time if self.starts else times[0])
        return (times if x == "time" else times * _number(config, "gpus") / 3600), values

    def _joules(self, times: Array) -> Array:
        """Return what all GPUs together had taken at some times (N,), NaN where nobody measured it."""
        import numpy as np

        total = np.full(len(times), np.nan)
        for name, column in self.columns.items():
            if name.startswith("gpu/") and name.endswith("/energy") and len(column):
                _, _, when, energy = column.table()
                measured = np.interp(times, when, energy)
                total = np.where(np.isnan(total), measured, total + measured)
        return total


def _number(config: Mapping[str, Any], key: str) -> float:
    """Return a positive number of a configuration, 1 where it does not say."""
    value = config.get(key, 1)
    return float(value) if isinstance(value, int | float) and 0 < value < float("inf") else 1.0


def _width(event: Event | None) -> int:
    """Return how many values an event measures, 0 for one that measures nothing."""
    return len(event.values) if type(event) is Metrics else 0


def _floats(numbers: list[float | None]) -> array[float]:
    try:
        return array("d", cast("list[float]", numbers))
    except TypeError:
        return array("d", [float("nan") if number is None else number for number in numbers])
