"""CSV files as runs: long (run, step, metric, value) or wide (step and a column a metric), told by the heading."""

from __future__ import annotations

import csv
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from engine.exchange.imported_run import ImportedRun, at, read_float, read_whole
from engine.exchange.optional_packages import ExchangeError
from engine.text import text_of_csv

MAX_LINE = 4 * 1024 * 1024
"""Characters beyond which a line is refused."""
PLACES = {
    "step": ("step", "global_step", "_step", "iteration", "iter"),
    "epoch": ("epoch", "epochs"),
    "time": ("time", "wall_time", "timestamp", "_timestamp"),
    "run": ("run", "run_id", "run_name"),
    "experiment": ("experiment",),
    "seed": ("seed",),
    "metric": ("metric", "tag"),
    "value": ("value",),
}
"""What columns are called, in small letters with _ for spaces, that say where a value belongs; the first one counts."""


def read_csv(path: Path) -> Iterator[ImportedRun]:
    """Yield the runs of a file, one after another; of each only its own points are in memory.

    Raises:
        ExchangeError: It cannot be read, or holds something else; the message says in which line.
    """
    with _open(path) as file:
        yield from _CsvReader(path, file, os.fstat(file.fileno()).st_mtime).runs()


def _open(path: Path) -> IO[str]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise ExchangeError(f"{path} is no file")
    except OSError as error:
        raise ExchangeError(f"{path} cannot be read: {error.strerror}") from None
    return os.fdopen(handle, encoding="utf-8-sig", newline="")


class _CsvReader:
    """Reads one file from its first line to its last."""

    def __init__(self, path: Path, file: IO[str], written: float) -> None:
        self.path = path
        self._rows = csv.reader(self._lines(file), strict=True)
        self._written = written
        """When the file was written, for points that do not say when they were measured."""
        self._open_quote = False
        """Whether the file ended within quotes."""

    def runs(self) -> Iterator[ImportedRun]:
        heading = next(self._read(), None)
        if not heading:
            raise ExchangeError(f"{self.path} is empty: a CSV file begins with the names of its columns")
        places = _places(heading)
        self._check(heading, places)
        if {"metric", "value"} <= places.keys():
            take: Callable[[ImportedRun, list[str]], None] = _Long(places, self._written).take
        else:
            take = _Wide(heading, places, self._written).take
        yield from self._group(heading, places, take)

    def _check(self, heading: list[str], places: dict[str, int]) -> None:
        twice = next((name for name in heading if name.strip() and heading.count(name) > 1), None)
        if twice is not None:
            raise ExchangeError(f"{self.path}: there are two columns {twice[:40]!r}")
        if not places.keys() & {"step", "epoch"}:
            columns = ", ".join(name[:40] for name in heading[:8])
            raise ExchangeError(f"{self.path} has no column step or epoch; its columns are {columns}")

    def _group(
        self, heading: list[str], places: dict[str, int], take: Callable[[ImportedRun, list[str]], None]
    ) -> Iterator[ImportedRun]:
        imported: ImportedRun | None = None
        seen: set[str] = set()
        torn = ""
        for row in self._read():
            if torn:
                raise ExchangeError(torn)
            if not row:
                continue
            line = self._rows.line_num
            if len(row) != len(heading):
                torn = f"{self.path}, line {line}: {len(row)} cells where the heading has {len(heading)}"
                continue
            name = text_of_csv(row[places["run"]]) if "run" in places else self.path.stem
            if imported is None or name != imported.name:
                if imported is not None:
                    yield imported
                if name in seen:
                    text = f"run {name[:80]!r} goes on after another one began: sort the file by run"
                    raise ExchangeError(f"{self.path}, line {line}: {text}")
                seen.add(name)
                imported = self._begin(name, row, places)
                imported.has_times = "time" in places
            try:
                take(imported, row)
            except ValueError as error:
                raise at(self.path, f"line {line}", error) from None
        if self._open_quote:
            torn = f"{self.path}, line {self._rows.line_num}: a quote is still open"
        if torn and imported is None:
            raise ExchangeError(torn)
        if imported is not None:
            if torn:
                imported.notes.append(f"{torn}: it is cut off there, and the line is passed over")
            yield imported

    def _begin(self, name: str, row: list[str], places: dict[str, int]) -> ImportedRun:
        experiment = text_of_csv(row[places["experiment"]]) if "experiment" in places else ""
        text = row[places["seed"]] if "seed" in places else ""
        try:
            return ImportedRun(name, experiment, read_whole(text, "seed") if text else None)
        except ValueError as error:
            raise at(self.path, f"line {self._rows.line_num}", error) from None

    def _read(self) -> Iterator[list[str]]:
        """Yield the rows; what is no CSV is told with its line."""
        try:
            yield from self._rows
        except csv.Error as error:
            if "unexpected end" in str(error):
                self._open_quote = True
                return
            raise ExchangeError(f"{self.path}, line {self._rows.line_num}: {error}") from None
        except UnicodeDecodeError:
            where = f"{self.path}, after line {self._rows.line_num}"
            raise ExchangeError(f"{where}: this is no UTF-8 text") from None
        except OSError as error:
            raise ExchangeError(f"{self.path} cannot be read: {error.strerror}") from None

    def _lines(self, file: IO[str]) -> Iterator[str]:
        number = 0
        while line := file.readline(MAX_LINE):
            number += 1
            if len(line) == MAX_LINE:
                raise ExchangeError(f"{self.path}, line {number} has over {MAX_LINE:,} characters")
            yield line


class _Long:
    """Rows of one value each."""

    def __init__(self, places: dict[str, int], written: float) -> None:
        self._places, self._written = places, written

    def take(self, imported: ImportedRun, row: list[str]) -> None:
        """Add a row to a run; an empty value is NaN."""
        step, epoch, time = _where(imported, row, self._places, self._written)
        text = row[self._places["value"]].strip()
        imported.add(
            text_of_csv(row[self._places["metric"]]),
            read_float(text) if text else float("nan"),
            step,
            epoch,
            time,
        )


class _Wide:
    """Rows of a step each, with a column a metric; empty cells are passed over."""

    def __init__(self, heading: list[str], places: dict[str, int], written: float) -> None:
        self._places, self._written = places, written
        taken = {index for what, index in places.items() if what not in ("metric", "value")}
        self._metrics = {i: text_of_csv(name) for i, name in enumerate(heading) if i not in taken}
        self._numeric: set[int] = set()

    def take(self, imported: ImportedRun, row: list[str]) -> None:
        """Add a row to a run; a column whose first cell is a word is passed over."""
        step, epoch, time = _where(imported, row, self._places, self._written)
        for i, name in list(self._metrics.items()):
            if not (text := row[i].strip()):
                continue
            try:
                value = read_float(text)
            except ValueError:
                if i in self._numeric:
                    raise
                del self._metrics[i]
                imported.notes.append(f"column {name[:80]!r} holds no numbers and is passed over")
                continue
            self._numeric.add(i)
            imported.add(name, value, step, epoch, time)


def _places(heading: list[str]) -> dict[str, int]:
    """Return in which columns it stands where a value belongs."""
    names = [re.sub(r"\s+", "_", name.strip().lower()) for name in heading]
    places = {}
    for what, headings in PLACES.items():
        index = next((names.index(name) for name in headings if name in names), None)
        if index is not None:
            places[what] = index
    return places


def _where(
    imported: ImportedRun, row: list[str], places: dict[str, int], written: float
) -> tuple[float, float, float]:
    """Return the step, epoch and time of a row; without steps the epochs count."""
    cells = {what: row[places[what]].strip() for what in ("step", "epoch", "time") if what in places}
    epoch = read_float(cells["epoch"]) if cells.get("epoch") else 0.0
    imported.has_epochs = imported.has_epochs or bool(cells.get("epoch"))
    if cells.get("step"):
        step = read_whole(cells["step"], "step")
    elif "step" in places:
        raise ValueError("the step is missing")
    else:
        step = read_whole(str(round(epoch, 0)), "step")
    return step, epoch, read_float(cells["time"]) if cells.get("time") else written
