"""A run's events as columns: read what is new, fold it, drop it. The one reader behind screen and figures."""

from __future__ import annotations

import math
import os
from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import groupby
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from engine.catalog.metrics import AXES, Axis, is_kept
from engine.events import MAX_METRICS, Checkpoint, Confusion, End, Event, Log, Metrics, Start, decode_lines
from engine.history.column_store import Block, Column
from engine.history.confusion_index import MAX_MATRICES, MatrixLocation, location_of
from engine.history.training_clock import TrainingClock
from engine.history.x_axes import known_axes, x_values
from engine.system.files import tail, tail_with

if TYPE_CHECKING:
    from engine.history.column_store import Array

CHUNK = 256 * 1024
"""Bytes read at a time: decoding one chunk holds the interpreter for about a millisecond."""
MAX_MESSAGE = 16 * 1024
"""Characters of a line for people that are kept."""
MANY = 4
"""Events of one kind in a row from which it pays to take them all at once."""


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
        self._only = None if only is None else tuple(only)
        self._until = math.inf
        self._reset()

    def _reset(self) -> None:
        """Have read nothing yet."""
        self.columns: dict[str, Column] = {}
        self.starts: list[Start] = []
        """One for each attempt."""
        self.ends: list[End] = []
        self.logs: deque[Log] = deque(maxlen=500)
        self.matrices: list[MatrixLocation] = []
        """Where the confusion matrices stand, the last ``MAX_MATRICES`` of them; ``read_matrix`` reads one."""
        self.checkpoints: list[Checkpoint] = []
        self.offset = 0
        """Bytes of the file that have been read."""
        self._routes: dict[tuple[str, ...], list[tuple[Block, list[str]]]] = {}
        """Where the values of a line go, by the metrics that it measures."""
        self._clock = TrainingClock()
        self._latest = 0.0
        """The time of the latest event that was read while there is a moment to stop at."""
        self._stopped = False

    def stop_at(self, moment: float) -> None:
        """Read no further than to the first event that is later than a moment, in seconds since the epoch.

        For a history of all metrics.
        """
        if moment < self._until and (moment < self._latest or self._until == math.inf):
            self._reset()
        self._until, self._stopped = moment, False

    def update(self, limit: int | None = None) -> int:
        """Read what is new, at most about ``limit`` bytes (all by default), and return how many bytes that was.

        A file that has become shorter than what was read is read anew.
        """
        try:
            size = self.path.lstat().st_size
        except OSError:
            return 0
        if size < self.offset:
            self._reset()
        begin = self.offset
        while self.offset < size and not self._stopped and (limit is None or self.offset - begin < limit):
            if self._only is None:
                lines, end = tail(self.path, self.offset, CHUNK)
            else:
                words = [b'"start"', *map(msgspec.json.encode, self._only)]
                lines, end = tail_with(self.path, self.offset, CHUNK, words)
            if end == self.offset:
                break
            if self._until < math.inf:
                lines, end = self._before_the_stop(lines, end)
            at, self.offset = self.offset, end
            self.take(lines, at)
        return self.offset - begin

    def _before_the_stop(self, lines: list[bytes], end: int) -> tuple[list[bytes], int]:
        """Return the lines that are not too late, and the offset after them."""
        for number, event in enumerate(decode_lines(lines)):
            if event is not None and event.time > self._until:
                self._stopped = True
                return lines[:number], self.offset + sum(map(len, lines[:number])) + number
            self._latest = max(self._latest, event.time if event is not None else 0.0)
        return lines, end

    @property
    def behind(self) -> int:
        """How many bytes of the file have not been read and may be."""
        if self._stopped:
            return 0
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
                if isinstance(event, Confusion):
                    self.matrices.append(location_of(event, at, len(line)))
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
                self._clock.tell(event.time)

    def _measure(self, event: Metrics) -> None:
        clock, measured = self._clock.tell(event.time), event.values
        for block, names in self._route(tuple(measured)):
            values = [nan if (value := measured[name]) is None else value for name in names]
            block.append(event.step, event.epoch, clock, values)

    def _measure_all(self, events: list[Metrics]) -> bool:
        """Take events with as many values each; return whether they were of the same metrics, and so were taken."""
        rows = [event.values for event in events]
        try:
            values = {name: [row[name] for row in rows] for name in rows[0]}
        except KeyError:
            return False
        steps = array("d", [event.step for event in events])
        epochs = array("d", [event.epoch for event in events])
        times = array("d", [self._clock.tell(event.time) for event in events])
        for block, names in self._route(tuple(values)):
            block.extend(steps, epochs, times, [_floats(values[name]) for name in names])
        return True

    def _route(self, names: tuple[str, ...]) -> list[tuple[Block, list[str]]]:
        """Return where a line that measures these goes: blocks, and which metrics are in each, in its order.

        A block that a line measures a part of is parted, so that all metrics in one have been measured together.
        """
        if (route := self._routes.get(names)) is not None:
            return route
        asked = [name for name in names if self._only is None or name in self._only]
        new: list[str] = []
        for name in asked:
            if name not in self.columns and is_kept(name, len(self.columns) + len(new)):
                new.append(name)
        together: dict[Block, list[str]] = {}
        for name in asked:
            if name in self.columns:
                together.setdefault(self.columns[name].block, []).append(name)
        for block, metrics in list(together.items()):
            if len(metrics) < block.width:
                self._routes.clear()
                there = {name for name, column in self.columns.items() if column.block is block}
                rest = sorted(there.difference(metrics))
                together[self._part(block, metrics)] = together.pop(block)
                self._part(block, rest)
        if new:
            block = Block(len(new))
            self.columns |= {name: Column(block, index) for index, name in enumerate(new)}
            together[block] = new
        if len(self._routes) >= MAX_METRICS:
            self._routes.clear()
        self._routes[names] = [
            (block, sorted(metrics, key=lambda name: self.columns[name].index))
            for block, metrics in together.items()
        ]
        return self._routes[names]

    def _part(self, block: Block, names: Sequence[str]) -> Block:
        """Give some metrics of a block one of their own, and return it."""
        columns = [self.columns[name] for name in names]
        own = block.of([column.index for column in columns])
        for index, column in enumerate(columns):
            column.block, column.index = own, index
        return own

    def _begin(self, event: Start) -> None:
        if self.starts:
            self.go_back(event.step)
            self._clock.go_on(event.time)
        else:
            self._clock.begin(event.time)
        self.starts.append(event)

    def go_back(self, step: int) -> None:
        """Forget what was measured after a step: it is measured anew."""
        for block in {column.block for column in self.columns.values()}:
            block.truncate(step)
        self.matrices = [matrix for matrix in self.matrices if matrix.step <= step]
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

        ``x`` is what ``engine.history.x_axes`` says of each axis. A value that was not finite is NaN, and so is a
        place on an axis that the run does not know. Not to be written to.

        Raises:
            ValueError: There is no such axis.
        """
        if x not in AXES:
            raise ValueError(f"there is no axis {x!r}; there are {', '.join(AXES)}")
        points = (self.columns.get(metric) or Column(Block(1), 0)).points()
        return x_values(x, points, self.starts, self.columns), points[3]

    @property
    def axes(self) -> set[Axis]:
        """The axes on which something of it can be drawn."""
        return known_axes(self.starts, self.columns)


def _width(event: Event | None) -> int:
    """Return how many values an event measures, 0 for an event of another kind."""
    return len(event.values) if type(event) is Metrics else 0


def _floats(numbers: list[float | None]) -> array[float]:
    try:
        return array("d", cast("list[float]", numbers))
    except TypeError:
        return array("d", [nan if number is None else number for number in numbers])
