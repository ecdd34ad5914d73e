"""Runs as two tables: metrics.csv, a row a value, and runs.csv, a row a run; the same as JSON lines and Parquet.

The long form is what pandas and polars group and pivot: ``df.pivot_table(index="step", columns="metric")``.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Protocol, get_args, get_type_hints

from engine.config.schema import LABELS, Experiment
from engine.exchange.exported_measurements import FACTS, ExportedRun, measured, points
from engine.exchange.optional_packages import load
from engine.exchange.output_files import draft
from engine.text import csv_text, escaped_json

ROWS = 64 * 1024
"""Rows of a Parquet row group: what is in memory at once."""
TYPES: dict[str, type] = {
    "run": str, "experiment": str, "seed": int, "step": int, "epoch": float, "time": float, "metric": str,
    "value": float,
}  # fmt: skip


def settings_types() -> dict[str, type]:
    """Return the columns of a table of runs that are settings, and their types; what is no scalar is JSON text."""
    types: dict[str, type] = {}
    for name, hint in get_type_hints(Experiment).items():
        leaves = {leaf for leaf in (*get_args(hint), hint) if leaf in (int, float, str)}
        if name not in LABELS:
            types[f"config.{name}"] = float if float in leaves else int if int in leaves else str
    return types


RUN_TYPES = FACTS | settings_types()


def row_of(exported: ExportedRun) -> dict[str, Any]:
    """Return a run's row; a setting of another type than its column's is not in it."""
    row = exported.facts()
    config = exported.config()
    for name, kind in RUN_TYPES.items():
        if name.startswith("config."):
            row[name] = _cell(config.get(name.removeprefix("config.")), kind)
    return row


def _cell(value: Any, kind: type) -> Any:
    if kind is str and value is not None:
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if kind is int:
        return value if isinstance(value, int) and abs(value) < 2**63 else None
    return float(value)


def rows_of(exported: ExportedRun) -> Iterator[tuple[Any, ...]]:
    """Yield a run's measurements as rows of ``COLUMNS``."""
    run, experiment, seed = exported.run.id, exported.status.experiment, exported.status.seed
    for event in measured(exported.run):
        for name, value in points(event):
            yield run, experiment, seed, event.step, event.epoch, event.time, name, value


class TableFile(Protocol):
    """A file of rows that is being written."""

    def add(self, row: tuple[Any, ...]) -> None:
        """Add a row."""

    def close(self) -> None:
        """Write what is left."""


class CsvTable:
    """Rows as CSV; None is an empty cell, and what is not a number is NaN, as pandas and polars both write it.

    Texts are written as ``csv_text`` says.
    """

    def __init__(self, file: IO[str], columns: dict[str, type]) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._texts = [i for i, kind in enumerate(columns.values()) if kind is str]
        self._floats = [i for i, kind in enumerate(columns.values()) if kind is float]
        self._writer.writerow(tuple(columns))

    def add(self, row: tuple[Any, ...]) -> None:
        """Add a row."""
        cells = list(row)
        for i in self._texts:
            if cells[i] is not None:
                cells[i] = csv_text(cells[i])
        for i in self._floats:
            if cells[i] != cells[i]:
                cells[i] = "NaN"
        self._writer.writerow(cells)

    def close(self) -> None:
        """Write what is left: nothing."""


class JsonTable:
    """Rows as objects, one a line; what is not a number is null."""

    def __init__(self, file: IO[str], columns: dict[str, type]) -> None:
        self._file, self._columns = file, tuple(columns)

    def add(self, row: tuple[Any, ...]) -> None:
        """Add a row."""
        fields = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in zip(self._columns, row, strict=True)
        }
        self._file.write(escaped_json(json.dumps(fields, ensure_ascii=False)) + "\n")

    def close(self) -> None:
        """Write what is left: nothing."""


class ParquetTable:
    """Rows as Parquet, a row group of ``ROWS`` at a time."""

    def __init__(self, path: Path, columns: dict[str, type]) -> None:
        self._arrow = load("pyarrow", "parquet")
        parquet = load("pyarrow.parquet", "parquet")
        kinds = {str: self._arrow.string(), int: self._arrow.int64(), float: self._arrow.float64()}
        self._schema = self._arrow.schema([(name, kinds[kind]) for name, kind in columns.items()])
        self._file = parquet.ParquetWriter(path, self._schema)
        self._rows: list[tuple[Any, ...]] = []

    def add(self, row: tuple[Any, ...]) -> None:
        """Add a row."""
        self._rows.append(row)
        if len(self._rows) >= ROWS:
            self._flush()

    def close(self) -> None:
        """Write what is left."""
        if self._rows:
            self._flush()
        self._file.close()

    def _flush(self) -> None:
        columns = list(zip(*self._rows, strict=True))
        arrays = [
            self._arrow.array(values, type=field.type)
            for values, field in zip(columns, self._schema, strict=True)
        ]
        self._file.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        self._rows.clear()


class Tables:
    """Writes runs into a folder as two tables.

    Args:
        out: The folder.
        kind: ``csv``, ``json`` or ``parquet``.
    """

    def __init__(self, out: Path, kind: str) -> None:
        if kind == "parquet":
            load("pyarrow.parquet", "parquet")
        end = {"json": "jsonl"}.get(kind, kind)
        self.metrics, self.runs = out / f"metrics.{end}", out / f"runs.{end}"
        self._kind = kind
        self._stack = ExitStack()
        self._tables: list[TableFile] = []

    def files(self, _runs: list[ExportedRun]) -> list[Path]:
        """Return what will be written."""
        return [self.metrics, self.runs]

    def __enter__(self) -> Tables:
        with ExitStack() as stack:
            self._tables = [
                self._open(stack, self.metrics, TYPES),
                self._open(stack, self.runs, RUN_TYPES),
            ]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: Any) -> bool | None:
        return self._stack.__exit__(*exc_info)

    def add(self, exported: ExportedRun) -> int:
        """Write a run, and return how many values it has measured."""
        metrics, runs = self._tables
        runs.add(tuple(row_of(exported).values()))
        count = 0
        for count, row in enumerate(rows_of(exported), 1):  # noqa: B007  the count is what is wanted
            metrics.add(row)
        return count

    def _open(self, stack: ExitStack, path: Path, columns: dict[str, type]) -> TableFile:
        written = stack.enter_context(draft(path))
        table: TableFile
        if self._kind == "parquet":
            table = ParquetTable(written, columns)
        else:
            file = stack.enter_context(written.open("w", encoding="utf-8", newline=""))
            table = CsvTable(file, columns) if self._kind == "csv" else JsonTable(file, columns)
        stack.callback(table.close)
        return table
