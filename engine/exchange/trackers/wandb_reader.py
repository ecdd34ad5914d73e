"""An offline run of Weights & Biases, from its ``run-….wandb``: what was logged, its settings and its name."""

from __future__ import annotations

import json
import math
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.exchange.imported_run import ImportedRun
from engine.exchange.optional_packages import ExchangeError
from engine.exchange.trackers.record_log import MAGIC, TornLog, fields, records

STEPS = ("trainer/global_step", "train/global_step", "global_step")
"""What is logged beside the metrics and says the optimizer's step; the first that most rows have counts."""
EPOCHS = ("epoch", "train/epoch", "trainer/epoch")
_HISTORY, _CONFIG, _RUN = 2, 5, 17
"""Fields of a record."""
_ITEM, _STEP = 1, 2
"""Fields of a history record."""
_UPDATE = 1
_RUN_ID, _RUN_CONFIG, _GROUP, _DISPLAY_NAME = 1, 4, 6, 8
_KEY, _NESTED_KEY, _VALUE_JSON = 1, 2, 16
_BOOLEAN, _INTEGER, _NUMBER = 4, 5, 6
"""Fields of an item that newer versions may have in the place of JSON."""


def read_wandb(path: Path, name: str) -> ImportedRun:
    """Return the run that a file holds.

    Args:
        path: A file that ends in .wandb.
        name: What the run is called where it says no name.

    Raises:
        ExchangeError: It cannot be read, or is no such file.
    """
    reader = _Reader(path)
    reader.read()
    group, said = reader.facts.get(_GROUP, ""), reader.facts.get(_DISPLAY_NAME, "")
    imported = ImportedRun(said or name, group)
    reader.fill(imported)
    return imported


class _Reader:
    """Reads one file from its first record to its last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts: dict[int, str] = {}
        self.settings: dict[str, Any] = {}
        self._rows: list[tuple[int, dict[str, float]]] = []
        self._words: dict[str, int] = {}
        """How many values of each metric are no numbers."""
        self._note = ""
        self._damaged = 0

    def read(self) -> None:
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise ExchangeError(f"{self.path} is no file")
                if file.read(len(MAGIC)) != MAGIC:
                    raise ExchangeError(f"{self.path} is no file of an offline run of wandb")
                file.read(3)
                self._read_records(records(file))
        except OSError as error:
            raise ExchangeError(f"{self.path} cannot be read: {error.strerror}") from None

    def _read_records(self, log: Iterator[bytes]) -> None:
        count = 0
        try:
            for record in log:
                count += 1
                try:
                    for number, value in fields(record):
                        if isinstance(value, bytes):
                            self._take(number, value)
                except ValueError:
                    self._damaged += 1
        except TornLog as error:
            self._note = f"{self.path}: {count:,} records could be read; {error}"

    def _take(self, number: int, value: bytes) -> None:
        if number == _HISTORY:
            self._take_row(value)
        elif number == _RUN:
            for field, content in fields(value):
                if field in (_RUN_ID, _GROUP, _DISPLAY_NAME) and isinstance(content, bytes):
                    self.facts[field] = content.decode(errors="replace")
                elif field == _RUN_CONFIG and isinstance(content, bytes):
                    self._take_settings(content)
        elif number == _CONFIG:
            self._take_settings(value)

    def _take_row(self, message: bytes) -> None:
        step = 0
        row: dict[str, float] = {}
        for field, content in fields(message):
            if field == _STEP and isinstance(content, bytes):
                step = next(
                    (value for number, value in fields(content) if number == 1 and isinstance(value, int)), 0
                )
            elif field == _ITEM and isinstance(content, bytes):
                keys, value = _item(content)
                for metric, each in _numbers(".".join(keys), value):
                    if each is None:
                        self._words[metric] = self._words.get(metric, 0) + 1
                    else:
                        row[metric] = each
        self._rows.append((step, row))

    def _take_settings(self, message: bytes) -> None:
        for field, content in fields(message):
            if field == _UPDATE and isinstance(content, bytes):
                keys, value = _item(content)
                self.settings |= {
                    name: each for name, each in _plain(".".join(keys), value) if name[:1] != "_"
                }

    def fill(self, imported: ImportedRun) -> None:
        """Add what was read to a run."""
        imported.params = self.settings
        if self._note:
            imported.notes.append(self._note)
        if self._damaged:
            imported.left["records that are damaged"] += self._damaged
        chosen, last = self._steps(), 0.0
        for step, row in self._rows:
            time = row.get("_timestamp", 0.0)
            last = row.get(chosen, last)
            at = last if chosen else step
            for metric, value in row.items():
                if metric[:1] == "_" or metric == chosen:
                    continue
                try:
                    imported.add(metric, value, at, 0.0, time)
                except ValueError as error:
                    imported.left[f"of {metric[:80]}: {error}"] += 1
        if chosen:
            imported.notes.append(f"its steps are those of {chosen}")
        for metric, count in self._words.items():
            imported.left[f"of {metric[:80]}: no numbers"] += count
        imported.sort()
        imported.take_epochs(*EPOCHS)

    def _steps(self) -> str:
        """Return the metric that says the optimizer's step in most rows with a measurement; empty where none does."""
        rows = [row for _, row in self._rows if any(metric[:1] != "_" for metric in row)]
        for name in STEPS:
            steps = [row[name] for row in rows if name in row]
            if 2 * len(steps) > len(rows) and all(step >= 0 and step.is_integer() for step in steps):
                return name
        return ""


def _item(message: bytes) -> tuple[list[str], Any]:
    """Return the keys of an item and its value."""
    keys: list[str] = []
    value: Any = None
    for field, content in fields(message):
        if field in (_KEY, _NESTED_KEY) and isinstance(content, bytes):
            keys.append(content.decode(errors="replace"))
        elif field == _VALUE_JSON and isinstance(content, bytes):
            value = _json(content)
        elif field == _NUMBER and isinstance(content, bytes) and len(content) == 8:
            (value,) = struct.unpack("<d", content)
        elif field == _INTEGER and isinstance(content, int):
            value = (content >> 1) ^ -(content & 1)  # zigzag
        elif field == _BOOLEAN and isinstance(content, int):
            value = bool(content)
    return keys, value


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _numbers(name: str, value: Any) -> Iterator[tuple[str, float | None]]:
    """Yield the numbers of a value, those of a table of values by their keys; None for what is no number."""
    if isinstance(value, dict) and "_type" not in value:
        for key, each in value.items():
            yield from _numbers(f"{name}.{key}", each)
    elif isinstance(value, int | float):
        yield name, _float(value)
    elif value in ("NaN", "Infinity", "-Infinity"):
        yield name, float(value)
    elif value is not None:
        yield name, None


def _plain(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the plain values of a setting, those of a table by their keys."""
    if isinstance(value, dict):
        inner = value["value"] if value.keys() <= {"value", "desc"} and "value" in value else value
        if inner is not value:
            yield from _plain(name, inner)
        else:
            for key, each in value.items():
                yield from _plain(f"{name}.{key}", each)
    elif isinstance(value, bool | str) or (isinstance(value, int | float) and math.isfinite(value)):
        yield name, value


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf
