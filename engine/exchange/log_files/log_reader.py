"""One file that another program has logged into, as runs; what is in it decides how it is read, not its name.

::

    unpacked_lines ─▶ table_rows | json_rows ─▶ records ─▶ log_reader ─▶ gathered ─▶ assembling ─▶ ImportedRun
    (encoding)    (layout, headings)                   (whose run)   (cells)     (places, trainings, times)
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from engine.exchange.exported_measurements import COLUMNS
from engine.exchange.imported_run import ImportedRun, read_whole
from engine.exchange.log_files.assembling import assemble
from engine.exchange.log_files.cells import Says, read_cell, read_json_value
from engine.exchange.log_files.gathered import Gathered
from engine.exchange.log_files.json_rows import DOWNLOAD, JsonRows
from engine.exchange.log_files.records import Record
from engine.exchange.log_files.skipped import Skipped
from engine.exchange.log_files.step_and_epoch_columns import SPLIT_WORDS, may_place, row_columns
from engine.exchange.log_files.table_rows import TableRows
from engine.exchange.log_files.unpacked_lines import TextLines
from engine.exchange.log_files.wandb_chart import chart_columns
from engine.exchange.log_recognition import why_without_curves
from engine.exchange.optional_packages import ExchangeError
from engine.text import text_of_csv

KEPT = 1_000_000
"""Values of runs that are kept until the end of the file, in case more of them follows; beyond, runs are yielded."""
OF_A_RUN = 300
"""Values that take as much memory as a run without any."""
MOST_IDLE = 100
"""Columns of a long table that are remembered as passed over."""
FIRST_SHOWN = 60
"""Characters of a first line that are quoted."""
SAMPLE = 50
"""Objects of a JSON file whose keys say what they mean."""
_DOWNLOAD_NAME = re.compile(r"run-(.+?)-tag-(.+)")


class _Shape(NamedTuple):
    """What the columns of a file mean."""

    row: Mapping[str, str]
    """The columns that say what a row is of, by ``places.ROWS``."""
    is_long: bool
    chart: Mapping[str, tuple[str, str]] | None
    as_it_stands: bool
    """Whether this project has written it."""


def read_log(path: Path, content: bytes | None = None) -> Iterator[ImportedRun]:
    """Yield the runs of a file.

    Args:
        path: The file; what its runs are called where nothing in it says so.
        content: What is in it, where that does not lie there: standard input.

    Raises:
        ExchangeError: It cannot be read, or holds something else; the message says where.
    """
    with TextLines(path, content) as lines:
        yield from _LogReader(path, lines).runs()


class _LogReader:
    def __init__(self, path: Path, lines: TextLines) -> None:
        self._path, self._lines = path, lines
        self._open: dict[str, Gathered] = {}
        self._done: set[str] = set()
        self._stem, self._tag = _name(path)
        self._first_line = ""
        self._comma_is_decimal = False
        self._read: Callable[[object], tuple[Says, float]] = read_json_value
        self._shape = _Shape({}, False, None, False)
        self._last: dict[str, str] = {}
        """The experiment and seed that the last row has said."""
        self._idle: set[str] = set()
        """Columns of a long table that are passed over."""

    def runs(self) -> Iterator[ImportedRun]:
        """Yield them as their rows end, or when the file does."""
        values = 0
        try:
            for record in self._records():
                values += self._take(record)
                if values + len(self._open) * OF_A_RUN > KEPT and len(self._open) > 1:
                    for name in list(self._open)[:-1]:
                        yield from self._assembled(name)
                    values = sum(map(len, self._open.values()))
            if not self._done:
                self._check_measurements()
            for name in list(self._open):
                yield from self._assembled(name)
        except ExchangeError as error:
            if str(self._path) in str(error):
                raise
            raise ExchangeError(f"{self._path}, {error}") from None

    def _records(self) -> Iterator[Record]:
        """Yield the file's records, when it is known what its columns mean."""
        source = iter(self._lines)
        comments: list[tuple[int, str]] = []
        first = next((line for line in source if line[1].strip()), None)
        while first is not None and first[1].lstrip().startswith("#") and len(comments) < SAMPLE:
            comments.append(first)
            first = next((line for line in source if line[1].strip()), None)
        begun = [*comments, *([first] if first is not None else [])]
        if not begun:
            raise ExchangeError(f"{self._path} is empty: a table begins with the names of its columns")
        self._first_line = begun[0][1].strip()[:FIRST_SHOWN]
        if why := why_without_curves(self._first_line):
            raise ExchangeError(f"{self._path} is a table of `vitui export`: {why}")
        if first is not None and first[1].lstrip().startswith(("{", "[")):
            source = chain([first], source)
            reader = JsonRows(self._lines, source)
            if (records := reader.records()) is not None:
                sample = list(islice(records, SAMPLE))
                self._shape = self._shape_of(
                    list(dict.fromkeys(name for each in sample for name in each.cells))
                )
                yield from chain(sample, records)
                return
            begun = [*comments, *reader.read]
        source = chain(begun, source)
        table = TableRows(self._lines, source)
        self._comma_is_decimal = table.layout.delimiter != ","
        self._read = _read_text
        self._shape = self._shape_of(table.names)
        yield from table

    def _shape_of(self, names: list[str]) -> _Shape:
        row = row_columns(names)
        is_long = {"metric", "value"} <= row.keys()
        if not is_long:
            row = {what: name for what, name in row.items() if what not in ("metric", "value")}
        chart = None if is_long or "run" in row else chart_columns(names)
        return _Shape(row, is_long, chart, sorted(names) == sorted(COLUMNS))

    def _take(self, record: Record) -> int:
        """Add a record to the run that it is of, or to each of those; return how many cells it had."""
        if self._shape.chart is not None:
            return self._take_chart(record, self._shape.chart)
        row, cells = self._shape.row, record.cells
        word = _text(cells, row.get("split")).casefold()
        split = word if word in SPLIT_WORDS else ""
        gathered = self._run(self._run_name(cells), record)
        gathered.begin(record.line, split)
        of_row = {name for what, name in row.items() if what != "split" or split}
        if self._shape.is_long:
            metric = _text(cells, row["metric"])
            says, value = self._read(cells.get(row["value"]))
            if says is Says.NOTHING and self._shape.as_it_stands:
                says = Says.NUMBER  # a value that is not finite, as this project's tables have it
            gathered.put(_joined(split, metric), False, says, value, cells.get(row["value"]))
        for name, cell in cells.items():
            if name in of_row:
                continue
            places = may_place(name)
            if self._shape.is_long and not places:
                if len(self._idle) < MOST_IDLE:
                    self._idle.add(name[:40])
                continue
            says, value = self._read(cell)
            called = name if places else _joined(split, self._called(name))
            gathered.put(called, places, says, value, cell)
        return len(cells)

    def _take_chart(self, record: Record, chart: Mapping[str, tuple[str, str]]) -> int:
        axes = {name: cell for name, cell in record.cells.items() if name not in chart}
        of_run: dict[str, dict[str, object]] = {}
        for name, (run, metric) in chart.items():
            of_run.setdefault(run, {})[metric] = record.cells.get(name)
        for run, cells in of_run.items():
            if all(self._read(cell)[0] is Says.NOTHING for cell in cells.values()):
                continue
            gathered = self._run(run, record)
            gathered.begin(record.line)
            for name, cell in (axes | cells).items():
                gathered.put(name, may_place(name), *self._read(cell), cell)
        return len(record.cells)

    def _called(self, name: str) -> str:
        """Return what a metric is called: in TensorBoard's download the file's name says it."""
        return self._tag if self._tag and name == DOWNLOAD[2] else name

    def _run_name(self, cells: Mapping[str, object]) -> str:
        """Return the run of a row: where no column names it, by the experiment and seed that it says."""
        row = self._shape.row
        if "run" in row:
            return _text(cells, row["run"]) or self._stem
        for what in ("experiment", "seed"):
            if what in row:
                self._last[what] = _text(cells, row[what]) or self._last.get(what, "")
        name, seed = self._last.get("experiment") or self._stem, self._last.get("seed")
        return f"{name}-s{seed}" if seed else name

    def _run(self, name: str, record: Record) -> Gathered:
        if (gathered := self._open.get(name)) is not None:
            return gathered
        if name in self._done:
            where = f"{self._lines.skipped.noun} {record.line}"
            raise ExchangeError(
                f"{where}: run {name[:80]!r} goes on after others began: sort the file by run"
            )
        row = self._shape.row
        experiment = _text(record.cells, row.get("experiment")) or self._last.get("experiment", "")
        if not experiment and "seed" in self._last:
            experiment = self._stem
        gathered = Gathered(name, experiment, noun=self._lines.skipped.noun, is_long=self._shape.is_long)
        text = _text(record.cells, row.get("seed"))
        if text:
            try:
                gathered.seed = read_whole(text, "seed")
            except ValueError as error:
                gathered.notes.append(f"{self._lines.skipped.noun} {record.line}: {error}")
        self._open[name] = gathered
        return gathered

    def _assembled(self, name: str) -> Iterator[ImportedRun]:
        """Yield the runs of what was gathered for a name; the first carries the notes on the file."""
        self._done.add(name)
        first, *others = assemble(
            self._open.pop(name),
            self._lines.written,
            comma_is_decimal=self._comma_is_decimal,
            as_it_stands=self._shape.as_it_stands,
        )
        if self._idle:
            names = ", ".join(sorted(self._idle)[:5])
            self._lines.notes.append(f"columns that say neither a place nor a value are passed over: {names}")
            self._idle.clear()
        first.notes[:0] = self._lines.notes
        self._lines.notes.clear()
        self._lines.skipped.into(first.left)
        self._lines.skipped = Skipped(self._lines.skipped.noun)
        yield first
        yield from others

    def _check_measurements(self) -> None:
        """Raise an error where not one cell of the file is a number."""
        columns = [column for gathered in self._open.values() for column in gathered.columns]
        if not any(column.numbers for column in columns):
            left: Counter[str] = Counter()
            self._lines.skipped.into(left)
            also = "".join(f"; left out: {count:,} x {what}" for what, count in left.items())
            raise ExchangeError(
                f"{self._path} is no table of measurements: it begins {self._first_line!r}, and below that no cell "
                "is a number; a table names its columns in a line and has a row of numbers for each step or epoch. "
                f"A log in words is not read: the table beside it is, such as timm's summary.csv{also}"
            )


def _name(path: Path) -> tuple[str, str]:
    """Return what a file's run is called, and the metric that the name of TensorBoard's download says."""
    stem = Path(path.name.removesuffix(".gz")).stem
    if (match := _DOWNLOAD_NAME.fullmatch(stem)) is not None:
        return (match[1] if match[1].strip(".") else stem), match[2]
    return stem, ""


def _read_text(cell: object) -> tuple[Says, float]:
    return read_cell(cell) if isinstance(cell, str) else (Says.NOTHING, math.nan)


def _text(cells: Mapping[str, object], column: str | None) -> str:
    """Return what a row's cell says as a name, empty where it has none; a whole number of JSON without a point."""
    cell = None if column is None else cells.get(column)
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    return text_of_csv(cell) if isinstance(cell, str) else str(cell)[:FIRST_SHOWN]


def _joined(split: str, metric: str) -> str:
    """Return a metric's name with the split before it, where it does not say that itself."""
    says_it = metric.casefold().startswith(split) and not metric[len(split) : len(split) + 1].isalpha()
    return metric if not split or says_it else f"{split}/{metric}"
