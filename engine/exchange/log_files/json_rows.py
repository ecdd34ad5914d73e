"""JSON files as records: an object a line, or a document with the log somewhere in it.

::

    {"step": 10, "loss": 0.9}                                an object a line: JSON lines, as most trainers log
    {"epoch": 3, "log_history": [{"step": 10, "loss": …}]}   a list of objects: Hugging Face's trainer_state.json
    {"loss": [0.9, 0.7], "val_loss": [0.8, 0.6]}             lists: the History of Keras
    {"epoch_1": {"loss": 0.9}, "epoch_2": {…}}               numbered objects
    {"loss": {"0": 0.9, "1": 0.7}}                           a DataFrame of pandas
    {"loss": {"steps": [10, 20], "values": [0.9, 0.7]}}      Sacred
    [[1795000000.1, 10, 0.9]]                                TensorBoard's download: wall time, step, value
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from engine.exchange.log_files.records import Record, listed
from engine.exchange.log_files.step_and_epoch_columns import SPLIT_WORDS
from engine.exchange.log_files.unpacked_lines import MAX_DOCUMENT, TextLines
from engine.exchange.optional_packages import ExchangeError

DEEPEST = 8
"""Objects in one another that are looked into."""
WRAPPERS = ("history", "metrics", "log", "logs", "results")
"""Keys under which a document holds all of its log."""
_NUMBERED = re.compile(r"(?:(epoch|step|iteration|iter)[\s_:-]*)?(\d{1,15})", re.ASCII | re.IGNORECASE)
DOWNLOAD = ("Wall time", "Step", "Value")
"""What the columns of TensorBoard's download are called."""


class JsonRows:
    """A JSON file that is gone through once.

    Args:
        lines: The file.
        source: Its lines with their numbers, from the first that is not blank.
    """

    def __init__(self, lines: TextLines, source: Iterator[tuple[int, str]]) -> None:
        self._lines = lines
        self._source = source
        self.read: list[tuple[int, str]] = []
        """The lines that were read to find that this is no JSON."""

    def records(self) -> Iterator[Record] | None:
        """Return its records, None where it is no JSON.

        Raises:
            ExchangeError: It begins as JSON and is none.
        """
        first = next(self._source)
        self.read = [first]
        value = _object(first[1])
        second = next((line for line in self._kept() if line[1].strip()), None)
        if isinstance(value, dict) and second is not None:
            return self._object_a_line()
        if value is not None and second is None:
            return self._in_document(value)
        return self._whole(first)

    def _kept(self) -> Iterator[tuple[int, str]]:
        """Yield further lines, which are kept."""
        for line in self._source:
            self.read.append(line)
            yield line

    def _whole(self, first: tuple[int, str]) -> Iterator[Record] | None:
        size = sum(len(text) for _, text in self.read)
        for _, text in self._kept():
            if (size := size + len(text)) > MAX_DOCUMENT:
                raise ExchangeError(
                    f"{self._lines.path} is a JSON document of over {MAX_DOCUMENT:,} characters"
                )
        value = _loads("".join(text for _, text in self.read))
        if value is not None:
            return self._in_document(value)
        if any(isinstance(_object(text), dict) for _, text in self.read[:20]):
            return self._object_a_line()
        if first[1].lstrip().startswith("{"):
            raise ExchangeError(f"{self._lines.path}, line {first[0]}: this begins as JSON and is none")
        return None

    def _object_a_line(self) -> Iterator[Record]:
        torn = 0
        silent = 0
        for number, text in chain(self.read, self._source):
            if not text.strip() or text.lstrip().startswith("#"):
                continue
            if torn:
                self._lines.skipped.add("a line that is no JSON object", torn)
                torn = 0
            value = _object(text)
            if not isinstance(value, dict):
                torn = number
                continue
            cells = _flat(value)
            if "event" in value and not isinstance(value.get("values"), dict):
                silent += 1
                continue
            yield Record(number, cells)
        if torn:
            where = f"{self._lines.path}, line {torn}"
            self._lines.notes.append(
                f"{where}: no whole JSON object: it is cut off there, and the line is passed over"
            )
        if silent:
            self._lines.notes.append(f"{listed(silent, 'event')} that measure nothing passed over")

    def _in_document(self, value: object) -> Iterator[Record]:
        self._lines.skipped.noun = "entry"
        if isinstance(value, list):
            yield from self._listed(value)
            return
        if not isinstance(value, dict):
            raise ExchangeError(f"{self._lines.path} holds no JSON object")
        series = {key: each for key, each in value.items() if _is_series(each)}
        if series:
            yield from self._series(series)
            return
        names, data = value.get("columns"), value.get("data")
        if isinstance(names, list) and isinstance(data, list):
            rows = [dict(zip(map(str, names), row, strict=False)) for row in data if isinstance(row, list)]
            yield from self._listed(rows)
            return
        lists = {key: each for key, each in value.items() if _is_rows(each)}
        if "log_history" in lists:
            yield from self._listed(lists["log_history"])
        elif len(lists) == 1:
            yield from self._listed(next(iter(lists.values())))
        elif places := _numbered(value):
            yield from self._listed([{place: key, **row} for (place, key), row in places.items()])
        elif lists:
            for key, rows in lists.items():
                prefix = {"split": key} if key.casefold() in SPLIT_WORDS else {"run": key}
                yield from self._listed(rows, prefix)
        else:
            yield from self._columns(value)

    def _series(self, series: Mapping[str, dict[str, list[object]]]) -> Iterator[Record]:
        """Yield the points of metrics that have lists of their own, as Sacred writes them."""
        for metric, lists in series.items():
            times = lists.get("timestamps") or [None] * len(lists["values"])
            for row in zip(lists["steps"], lists["values"], times, strict=False):
                yield Record(1, {"metric": metric, **dict(zip(("step", "value", "time"), row, strict=True))})

    def _listed(self, rows: Sequence[object], also: Mapping[str, object] | None = None) -> Iterator[Record]:
        for number, row in enumerate(rows, 1):
            if isinstance(row, dict):
                yield Record(number, {**(also or {}), **_flat(row)})
            elif isinstance(row, list) and len(row) == len(DOWNLOAD):
                yield Record(number, dict(zip(DOWNLOAD, row, strict=True)))
            else:
                self._lines.skipped.add("an entry that is no JSON object", number)

    def _columns(self, value: dict[str, object]) -> Iterator[Record]:
        """Yield the rows of lists beside one another; where there are no lists, all is one row."""
        flat = _flat(value, lists=True)
        columns = {name: each for name, each in flat.items() if isinstance(each, list) and len(each) > 1}
        if not columns:
            columns = {name: each for name, each in flat.items() if isinstance(each, list)}
        if not columns:
            yield Record(1, flat)
            return
        wrappers = {top for name in columns if (top := name.partition("/")[0]) in WRAPPERS and top != name}
        if len(wrappers) == 1:
            start = f"{wrappers.pop()}/"
            plain = {name: name.removeprefix(start) for name in columns}
            columns = {
                name if plain[name] in columns else plain[name]: each for name, each in columns.items()
            }
        elif beside := [name for name in flat if name not in columns]:
            more = f" and {len(beside) - 5} more" if len(beside) > 5 else ""
            names = ", ".join(name[:40] for name in beside[:5])
            self._lines.notes.append(f"beside its lists stand {names}{more}: passed over")
        for i in range(max(map(len, columns.values()))):
            yield Record(i + 1, {name: each[i] for name, each in columns.items() if i < len(each)})


def _loads(text: str) -> object:
    """Return what JSON says, None where it is none; NaN and Infinity are taken, as Python writes them."""
    try:
        value: object = json.loads(text, parse_int=float)
    except (ValueError, RecursionError):
        return None
    return value


def _object(line: str) -> object:
    """Return what a line of JSON says; a comma after it stands between it and the next."""
    return _loads(line.strip().removesuffix(","))


def _numbered(value: Mapping[str, object]) -> dict[tuple[str, str], dict[str, object]]:
    """Return the rows of an object whose keys number them, ``1`` or ``epoch_1``, by what they count and the number."""
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for key, row in value.items():
        match = _NUMBERED.fullmatch(key)
        if match is None or not isinstance(row, dict):
            return {}
        rows[(match[1] or "").casefold(), match[2]] = row
    return rows


def _is_series(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), list) for name in ("steps", "values"))


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _flat(value: Mapping[str, object], *, lists: bool = False) -> dict[str, object]:
    """Return the values of an object and of those in it, by their keys with slashes between them.

    Args:
        value: The object; of an event of this project its values.
        lists: Whether an object with numbers for keys, as pandas writes columns, is a list.
    """
    flat: dict[str, object] = {}
    if "event" in value and isinstance(measured := value.get("values"), dict):
        flat = {key: value[key] for key in ("run", "step", "epoch", "time") if key in value}
        return flat | {key: float("nan") if each is None else each for key, each in measured.items()}
    waiting: list[tuple[str, object, int]] = [(key, each, 0) for key, each in reversed(list(value.items()))]
    while waiting:
        name, each, depth = waiting.pop()
        if isinstance(each, dict) and lists and each and all(key.isdecimal() for key in each):
            flat[name] = list(each.values())
        elif isinstance(each, dict) and depth < DEEPEST:
            waiting += [(f"{name}/{key}", inner, depth + 1) for key, inner in reversed(list(each.items()))]
        else:
            flat[name] = each
    return flat
