"""The runs that gathered rows are: placed on steps, epochs and times, one for each training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.exchange.imported_run import MOST, ImportedRun
from engine.exchange.log_files import steps_and_times
from engine.exchange.log_files.cells import NUMERIC, Says
from engine.exchange.log_files.gathered import Column, Floats, Gathered, Rows
from engine.exchange.log_files.records import listed
from engine.exchange.log_files.step_and_epoch_columns import BATCHES, Places, find_places, plain
from engine.exchange.log_files.trainings import Training, find_trainings, measured_again

BLOCK = 10_000
"""Values that are handed over at once."""
SHOWN = 5
"""Columns of a kind, and places, that are named."""


class Times(NamedTuple):
    """When rows were measured."""

    seconds: Floats
    """Of each row (rows,), NaN where it does not say."""
    is_elapsed: bool
    """Whether they are counted from a start that the file does not say."""
    column: Column


def assemble(
    gathered: Gathered, written: float, *, comma_is_decimal: bool = False, as_it_stands: bool = False
) -> list[ImportedRun]:
    """Return the runs of one run's rows: one, or one for each training that they are of.

    Args:
        gathered: The rows, all of them.
        written: When their file was written, in seconds since the epoch; where nothing else says when.
        comma_is_decimal: Whether a comma stands before a fraction where no cell decides.
        as_it_stands: Whether each row is placed as it says: this project has written the file.
    """
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # cells may hold any number; what is none is compared with
        gathered.finish(comma_is_decimal)
        return _Assembly(gathered, written, as_it_stands).runs()


class _Assembly:
    def __init__(self, gathered: Gathered, written: float, as_it_stands: bool) -> None:
        self._gathered, self._written, self._as_it_stands = gathered, written, as_it_stands
        self._noun = gathered.skipped.noun
        self._places: Places = find_places(gathered, by_name=as_it_stands)
        self._steps, self._epochs = map(self._numbers_of, (self._places.step, self._places.epoch))
        self._notes: list[str] = list(gathered.notes)
        self._is_used = self._usable()

    def runs(self) -> list[ImportedRun]:
        if not self._as_it_stands:
            self._mend_steps()
        position = self._steps if self._places.step is not None else self._epochs
        placing = {self._places.step, self._places.epoch, self._places.numbering, *self._places.idle}
        columns = [
            column
            for column in self._gathered.columns
            if column not in placing and not (column.may_place and self._gathered.is_long)
        ]
        entries = self._entries([column for column in columns if column not in self._places.times])
        rows = np.arange(len(position))[self._is_used]
        trainings = [Training(rows)]
        if not self._as_it_stands and len(rows):
            trainings = self._trainings(position, entries)
        times = self._times([training.rows for training in trainings])
        columns = [column for column in columns if times is None or column is not times.column]
        self._say_of(columns)
        entries = self._entries(columns)
        names = {column.number: column.name for column in columns}
        base = ImportedRun(self._gathered.name, self._gathered.experiment, self._gathered.seed)
        base.notes += self._notes
        found = [base]
        ends = self._ends(trainings, times)
        for number, (training, end) in enumerate(zip(trainings, ends, strict=True), 1):
            if number > 1:
                found.append(ImportedRun(f"{base.name}-{number}", base.experiment))
            found[-1].is_own = self._as_it_stands
            found[-1].notes += self._of_training(training, number)
            self._say_what_is_twice(found[-1], training, entries, position)
            self._fill(found[-1], training, entries, names, times, end)
        self._gathered.skipped.into(base.left)
        return found

    def _numbers_of(self, column: Column | None) -> Floats:
        if column is None:
            return np.full(len(self._gathered.lines), np.nan)
        numbers = self._gathered.by_row(column)
        return np.where(np.isfinite(numbers), numbers, np.nan)

    def _entries(self, columns: list[Column]) -> Rows:
        """Return which values are numbers of some columns, in the order of the file."""
        is_taken = np.zeros(len(self._gathered.columns) + 1, dtype=bool)
        is_taken[[column.number for column in columns]] = True
        kept = is_taken[self._gathered.which] & np.isin(self._gathered.says, [*NUMERIC])
        return np.flatnonzero(kept & self._is_used[self._gathered.rows])

    def _usable(self) -> NDArray[np.bool_]:
        """Return which rows have a place that can be used (rows,), and count the values of those that have none."""
        used = np.ones(len(self._gathered.lines), dtype=bool)
        no_step = (self._steps < 0) | (self._steps > MOST) | (self._steps != np.floor(self._steps))
        no_step &= np.isfinite(self._steps)
        no_epoch = (self._epochs < 0) | (self._epochs > MOST)
        for what, bad, column in (
            ("step: a whole number from 0 to 2^53", no_step, self._places.step),
            ("epoch: a number from 0 to 2^53", no_epoch, self._places.epoch),
        ):
            if column is None:
                continue
            bad = bad | self._gathered.worded(column)
            if column is self._places.epoch and self._places.step is not None:
                bad &= ~np.isfinite(self._steps)  # the step says where it is
                self._epochs[no_epoch] = np.nan
            self._leave_out(used & bad, f"a value at what is no {what}", column)
            used &= ~bad
        return used

    def _leave_out(self, rows: NDArray[np.bool_], what: str, column: Column) -> None:
        if not rows.any():
            return
        gathered = self._gathered
        first = int(np.flatnonzero(rows)[0])
        metrics = [each.number for each in gathered.columns if not each.may_place]
        of_metrics = np.isin(gathered.which, metrics) & np.isin(gathered.says, [*NUMERIC])
        values = int(rows[gathered.rows[of_metrics]].sum())
        number = gathered.by_row(column)[first]
        text = f"{number:g}" if np.isfinite(number) else column.first_word[1]
        gathered.skipped.add(what, int(gathered.lines[first]), text, max(1, values))

    def _mend_steps(self) -> None:
        """Read steps for what they count: evaluations that say the epoch, and counters that begin anew with each."""
        used = self._is_used
        if self._places.step is None:
            return
        if self._places.epoch is None:
            if plain(self._places.step.name) in BATCHES:
                known = np.flatnonzero(used & np.isfinite(self._steps))
                begun = np.cumsum(np.diff(self._steps[known], prepend=0) < 0).astype(np.float64)
                self._steps[known], first = steps_and_times.counted_on(self._steps[known], begun)
                self._say_counted_on(known, first)
            return
        steps, epochs = steps_and_times.epochs_among_steps(self._steps[used], self._epochs[used])
        if not np.array_equal(epochs, self._epochs[used], equal_nan=True):
            self._notes.append("rows without an epoch say it as their step: they are placed there")
        splits = self._gathered.splits[used]
        main = splits == np.bincount(splits).argmax() if len(splits) else splits == 0
        counted, first = steps_and_times.counted_on(np.where(main, steps, np.nan), epochs)
        if first >= 0:
            steps = counted
            self._say_counted_on(np.flatnonzero(used), first)
        self._steps[used], self._epochs[used] = steps, epochs

    def _say_counted_on(self, rows: Rows, first: int) -> None:
        """Say where a counter of steps begins again, if it does."""
        if first >= 0 and self._places.step is not None:
            name, line = self._places.step.name, self._gathered.lines[rows[first]]
            self._notes.append(
                f"{self._noun} {line}: {name!r} begins again with an epoch: it is counted on from there"
            )

    def _trainings(self, position: Floats, entries: Rows) -> list[Training]:
        """Return the trainings, of rows of the whole."""
        rows = np.flatnonzero(self._is_used)
        number = np.zeros(len(position), dtype=np.int64)
        number[rows] = np.arange(len(rows))
        found = find_trainings(
            position[rows], number[self._gathered.rows[entries]], self._gathered.which[entries]
        )
        return [
            Training(
                rows[one.rows], [(int(rows[row]), count) for row, count in one.replaced], one.is_unordered
            )
            for one in found
        ]

    def _of_training(self, training: Training, number: int) -> Iterator[str]:
        """Yield what was done with a training's rows."""
        by_step = self._places.step is not None
        noun, place = ("steps", self._steps) if by_step else ("epochs", self._epochs)
        lines = self._gathered.lines
        if number > 1 and len(training.rows):
            row = training.rows[0]
            where = f" at {place[row]:g}" if np.isfinite(place[row]) else ""
            yield f"{self._noun} {lines[row]}: the {noun} begin again{where}: another training from there on"
        for row, count in training.replaced[:SHOWN]:
            yield (
                f"{self._noun} {lines[row]}: the {noun} go back to {place[row]:g}: "
                f"{listed(count, 'row')} from there on {'is' if count == 1 else 'are'} replaced by the later ones"
            )
        if len(training.replaced) > SHOWN:
            yield f"and {len(training.replaced) - SHOWN:,} more times"
        if training.is_unordered:
            yield f"its {noun} are in no order: the rows are sorted"

    def _say_what_is_twice(
        self, imported: ImportedRun, training: Training, entries: Rows, position: Floats
    ) -> None:
        """Say how many values stand at a place where their metric has one already: two processes may write."""
        if self._as_it_stands:
            return
        is_mine = np.zeros(len(position), dtype=bool)
        is_mine[training.rows] = True
        mine = entries[is_mine[self._gathered.rows[entries]]]
        again = measured_again(position, self._gathered.rows[mine], self._gathered.which[mine])
        if len(again):
            line = self._gathered.lines[self._gathered.rows[mine[again[0]]]]
            place = "step" if self._places.step is not None else "epoch"
            imported.notes.append(
                f"{self._noun} {line}: {listed(len(again), 'value')} from there on at the {place} of an earlier one: "
                "all are kept, the last counts"
            )

    def _times(self, trainings: list[Rows]) -> Times | None:
        """Return when rows were measured, by the first column that can say it."""
        elapsed: Times | None = None
        for column in self._places.times:
            entries = self._gathered.entries(column)
            if column.says_moments:
                seconds = np.full(len(self._gathered.lines), np.nan)
                seconds[self._gathered.rows[entries]] = self._gathered.values[entries]
                if column.counts[Says.ZONELESS]:
                    self._notes.append(f"{column.name!r} does not say its time zone: it is taken for UTC")
                return self._checked(Times(np.where(seconds < 0, np.nan, seconds), False, column), seconds)
            numbers = self._gathered.by_row(column)
            if self._as_it_stands:
                return Times(numbers, False, column)
            is_duration = column.counts[Says.DURATION] > 0
            clock = steps_and_times.clock_of(numbers, trainings, is_duration=is_duration)
            if clock == "moments":
                return self._checked(Times(steps_and_times.moments(numbers), False, column), numbers)
            if clock == "elapsed" and elapsed is None:
                elapsed = Times(numbers, True, column)
        return elapsed

    def _checked(self, times: Times, said: Floats) -> Times:
        """Return times, and say which cells are none."""
        lost = np.isfinite(said) & ~np.isfinite(times.seconds)
        lost |= self._gathered.worded(times.column)
        if lost.any():
            line = self._gathered.lines[np.flatnonzero(lost)[0]]
            rest = f" (and {int(lost.sum()) - 1:,} more)" if lost.sum() > 1 else ""
            self._notes.append(
                f"{self._noun} {line}{rest}: {times.column.name!r} is no time there: its neighbours' is taken"
            )
        return times

    def _ends(self, trainings: list[Training], times: Times | None) -> list[float]:
        """Return when each training ended, for times that are counted from its start."""
        ends = [self._written] * len(trainings)
        if times is not None and times.is_elapsed:
            for i in range(len(ends) - 1, 0, -1):
                taken = steps_and_times.counted_through(times.seconds[trainings[i].rows])
                ends[i - 1] = max(0.0, ends[i] - _highest(taken))
        return ends

    def _fill(
        self,
        imported: ImportedRun,
        training: Training,
        entries: Rows,
        names: dict[int, str],
        times: Times | None,
        end: float,
    ) -> None:
        """Add a training's values to its run."""
        rows = training.rows
        steps, epochs = self._placed(imported, rows)
        if not self._as_it_stands and (np.diff(steps) < 0).any():
            order = np.argsort(steps, kind="stable")
            rows, steps, epochs = rows[order], steps[order], epochs[order]
        imported.has_times = times is not None
        when = np.full(len(rows), end)
        if times is not None and np.isfinite(times.seconds[rows]).any():
            said = times.seconds[rows]
            when = steps_and_times.filled(steps_and_times.counted_through(said) if times.is_elapsed else said)
            if times.is_elapsed:
                when = when + max(0.0, end - _highest(when))
        place = np.full(len(self._gathered.lines), -1)
        place[rows] = np.arange(len(rows))
        of_training = entries[place[self._gathered.rows[entries]] >= 0]
        of_training = of_training[np.argsort(place[self._gathered.rows[of_training]], kind="stable")]
        for begin in range(0, len(of_training), BLOCK):
            block = of_training[begin : begin + BLOCK]
            row = self._gathered.rows[block]
            at = place[row]
            columns = (
                self._gathered.which[block], self._gathered.values[block], steps[at], epochs[at], when[at],
                self._gathered.lines[row],
            )  # fmt: skip
            for which, value, step, epoch, time, line in zip(
                *(each.tolist() for each in columns), strict=True
            ):
                try:
                    imported.add(names[which], value, step, epoch, time)
                except ValueError as error:
                    self._gathered.skipped.add(str(error), line, names[which])

    def _placed(self, imported: ImportedRun, rows: Rows) -> tuple[Floats, Floats]:
        """Return the steps and epochs of rows (R,), with what is missing from their neighbours."""
        steps, epochs = self._steps[rows], self._epochs[rows]
        numbers = np.arange(len(rows), dtype=np.float64)
        imported.has_epochs = bool(np.isfinite(epochs).any())
        if np.isfinite(steps).any():
            steps = steps_and_times.filled(steps)
            epochs = steps_and_times.neighbours_epochs(epochs, steps)
            return steps, np.where(np.isfinite(epochs), epochs, 0.0)
        if imported.has_epochs:
            epochs = steps_and_times.neighbours_epochs(epochs, numbers)
            if (epochs == np.floor(epochs)).all():
                return epochs, epochs
            imported.notes.append("no column says steps: the rows are counted, from 0")
            return numbers, epochs
        imported.has_epochs = True
        index = self._places.numbering
        if index is not None:
            said = steps_and_times.filled(self._gathered.by_row(index)[rows])
            if (said >= 0).all() and (said <= MOST).all():
                imported.notes.append("no column says steps or epochs: its index counts as the epoch")
                return said, said
        if self._gathered.is_long:
            imported.notes.append(
                "no column says steps or epochs: the values of a metric count as epochs, from 0"
            )
            numbers = self._occurrences()[rows]
            return numbers, numbers
        imported.notes.append("no column says steps or epochs: the rows count as epochs, from 0")
        return numbers, numbers

    def _occurrences(self) -> Floats:
        """Return of each row (rows,) how many before it measure the same metric, where a row has one."""
        counts: Counter[int] = Counter()
        found = np.zeros(len(self._gathered.lines))
        for row, which in zip(self._gathered.rows.tolist(), self._gathered.which.tolist(), strict=True):
            found[row] = counts[which]
            counts[which] += 1
        return found

    def _say_of(self, columns: list[Column]) -> None:
        """Say which columns are no metrics, and count the cells that are no numbers."""
        empty: list[str] = []
        words: list[str] = []
        for column in columns:
            if not column.numbers:
                strange = column.first_word[0] or column.says_moments
                (words if strange else empty).append(column.name)
                continue
            if (count := column.counts[Says.WORD] + column.counts[Says.COUNTED]) > 0:
                line, text = column.first_word
                self._gathered.skipped.add(
                    f"a cell of {column.name[:80]!r} that is no number", line, text, count
                )
            if column.counts[Says.PERCENT]:
                self._notes.append(f"{column.name[:80]!r} is in percent, as it stands there")
            if column.counts[Says.DURATION]:
                self._notes.append(f"{column.name[:80]!r} is in minutes and seconds: here in seconds")
        for name in words[:SHOWN]:
            self._notes.append(f"column {name[:80]!r} holds no numbers and is passed over")
        if len(words) > SHOWN:
            self._notes.append(f"and {len(words) - SHOWN} more columns that hold none")
        if empty := [name for name in empty if name.strip(".0123456789")]:
            more = f" and {len(empty) - SHOWN} more" if len(empty) > SHOWN else ""
            self._notes.append(f"without a value: {', '.join(name[:40] for name in empty[:SHOWN])}{more}")


def _highest(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.max()) if len(known) else 0.0
