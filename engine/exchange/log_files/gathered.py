"""The rows of one run as they come: what each cell said, in columns of numbers, until all are there to be judged."""

from __future__ import annotations

from array import array
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.catalog.metric_names import LONGEST
from engine.events import MAX_METRICS
from engine.exchange.log_files.cells import MOMENTS, NUMERIC, Says
from engine.exchange.log_files.skipped import Skipped
from engine.exchange.optional_packages import ExchangeError

MAX_VALUES = 10_000_000
"""Numbers of a run beyond which a file is refused."""
Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]


class Column:
    """What stands below one name.

    Args:
        name: The column's name; of a metric, with the split before it where a row says one.
        number: Its place among the run's columns.
        may_place: Whether it may say where values belong.
    """

    def __init__(self, name: str, number: int, may_place: bool) -> None:
        self.name = name
        self.number = number
        self.may_place = may_place
        self.counts = [0] * len(Says)
        self.first_word: tuple[int, str] = (0, "")
        """The line and text of the first cell that says nothing that can be used."""

    @property
    def numbers(self) -> int:
        """How many cells are numbers."""
        return sum(self.counts[says] for says in NUMERIC)

    @property
    def says_moments(self) -> bool:
        """Whether its cells are dates, and none a number."""
        return any(self.counts[says] for says in MOMENTS) and not self.numbers

    @property
    def has_times(self) -> bool:
        """Whether it has a cell that could say when."""
        return any(self.counts[says] for says in (*MOMENTS, Says.NUMBER, Says.DECIMAL_COMMA, Says.COMMA))


class Gathered:
    """A run's rows.

    Args:
        name: What the run is called where it comes from.
        experiment: The experiment that it says it is of; empty where it does not.
        seed: None where it does not say.
        noun: What its rows are numbers of: lines, or entries.
        is_long: Whether its metrics are named in rows, so that no column that may place is one.
    """

    def __init__(
        self,
        name: str,
        experiment: str = "",
        seed: int | None = None,
        *,
        noun: str = "line",
        is_long: bool = False,
    ) -> None:
        self.is_long = is_long
        self.name, self.experiment, self.seed = name, experiment, seed
        self.columns: list[Column] = []
        self.skipped = Skipped(noun)
        self.notes: list[str] = []
        self._by_key: dict[tuple[str, bool], Column] = {}
        self._lines, self._splits = array("q"), array("q")
        self._split_numbers: dict[str, int] = {}
        self._rows, self._which = array("q"), array("q")
        self._says, self._values = array("b"), array("d")

    def __len__(self) -> int:
        return len(self._values)

    def begin(self, line: int, split: str = "") -> None:
        """Begin a row, which stands in a line, and may say of which split it is."""
        self._lines.append(line)
        self._splits.append(self._split_numbers.setdefault(split, len(self._split_numbers)))

    def put(self, name: str, may_place: bool, says: Says, value: float, text: object) -> None:
        """Add a cell to the row that was begun.

        Args:
            name: The column's name, or that of the metric.
            may_place: Whether it may say where values belong.
            says: What kind of value the cell holds.
            value: Its number.
            text: What stands there, for where it is of no use.

        Raises:
            ExchangeError: There are more numbers than memory should hold.
        """
        column = self._by_key.get((name, may_place)) or self._column(name, may_place)
        if column is None:
            why = f"beyond the first {MAX_METRICS:,}" if len(name) <= LONGEST else "whose name has no end"
            self.skipped.add(f"a value of a metric {why}", self._lines[-1], name)
            return
        column.counts[says] += 1
        if says is Says.NOTHING:
            return
        if says is Says.WORD or says is Says.COUNTED:
            if not column.first_word[0]:
                column.first_word = (self._lines[-1], str(text)[:40])
            if says is Says.WORD and not may_place:
                return
        if len(self._values) >= MAX_VALUES:
            raise ExchangeError(
                f"{self.skipped.noun} {self._lines[-1]}: there are over {MAX_VALUES:,} values: import a part of them"
            )
        self._rows.append(len(self._lines) - 1)
        self._which.append(column.number)
        self._says.append(says)
        self._values.append(value)

    def finish(self, comma_is_decimal: bool) -> None:
        """Judge what is ambiguous, when all rows are there.

        Args:
            comma_is_decimal: Whether a comma stands before a fraction where no cell of the run decides.
        """
        self.splits: Rows = np.asarray(self._splits, dtype=np.int64)
        """Which rows are of the same split (rows,)."""
        self.lines: Rows = np.asarray(self._lines, dtype=np.int64)
        self.rows: Rows = np.asarray(self._rows, dtype=np.int64)
        self.which: Rows = np.asarray(self._which, dtype=np.int64)
        self.says: NDArray[np.int8] = np.asarray(self._says, dtype=np.int8)
        self.values: Floats = np.array(self._values, dtype=np.float64)
        ambiguous = self.says == Says.COMMA
        if ambiguous.any():
            has_point = (
                (self.says == Says.NUMBER) & (self.values != np.floor(self.values)) & np.isfinite(self.values)
            )
            certain = (self.says == Says.DECIMAL_COMMA).any()
            if certain or (comma_is_decimal and not has_point.any()):
                self.values[ambiguous] /= 1000
        order = np.argsort(self.which, kind="stable")
        ends = np.searchsorted(self.which[order], np.arange(len(self.columns) + 1))
        self._of_column = [order[a:b] for a, b in pairwise(ends)]

    def entries(self, column: Column) -> Rows:
        """Return which values are of a column, in their order."""
        return self._of_column[column.number]

    def numbers(self, column: Column, *, counted: bool = False) -> tuple[Rows, Floats]:
        """Return the rows in which a column has a number, and the numbers.

        Args:
            column: The column.
            counted: Whether ``3/10`` is 3.
        """
        entries = self.entries(column)
        taken = [*NUMERIC, Says.COUNTED] if counted else [*NUMERIC]
        entries = entries[np.isin(self.says[entries], taken)]
        return self.rows[entries], self.values[entries]

    def worded(self, column: Column) -> NDArray[np.bool_]:
        """Return in which rows a column that may place says a word (rows,)."""
        entries = self.entries(column)
        found = np.zeros(len(self.lines), dtype=bool)
        found[self.rows[entries[self.says[entries] == Says.WORD]]] = True
        return found

    def by_row(self, column: Column) -> Floats:
        """Return a column's number in each row (rows,), NaN where it has none."""
        rows, numbers = self.numbers(column, counted=True)
        full = np.full(len(self.lines), np.nan)
        full[rows] = numbers
        return full

    def _column(self, name: str, may_place: bool) -> Column | None:
        if len(self.columns) >= 2 * MAX_METRICS or len(name) > LONGEST:
            return None
        column = Column(name, len(self.columns), may_place)
        self.columns.append(column)
        self._by_key[name, may_place] = column
        return column
