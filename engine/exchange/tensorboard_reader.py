"""TensorBoard's event files as runs: each folder that holds some is a run. Its own library parses what is in them."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.exchange.imported_run import ImportedRun
from engine.exchange.optional_packages import ExchangeError, load
from engine.exchange.tensorboard_writer import EPOCH, EXTRA

MARK = "tfevents"
"""What the names of event files hold."""


def is_event_file(path: Path) -> bool:
    """Return whether a file is called as event files are."""
    return MARK in path.name


def read_event_files(root: Path) -> Iterator[ImportedRun]:
    """Yield a run for each folder with event files, or the one of a single file.

    Raises:
        ExchangeError: tensorboard is missing, or a file cannot be read.
    """
    library = _Library()
    if not root.is_dir():
        yield _imported_run(library, root.stem, [root])
        return
    for folder, inner, names in os.walk(root):
        inner.sort()
        files = [Path(folder, name) for name in sorted(names) if MARK in name]
        files = [path for path in files if not path.is_symlink()]
        if files:
            name = os.path.relpath(folder, root)
            yield _imported_run(library, root.resolve().name if name == "." else name, files)


class _Library:
    """What parses event files. TensorFlow is not loaded, even where it is installed."""

    def __init__(self) -> None:
        stub = "tensorboard.compat.tensorflow_stub"
        self.reader = load(f"{stub}.pywrap_tensorflow", EXTRA).PyRecordReader_New
        errors = load(f"{stub}.errors", EXTRA)
        self.end: type[Exception] = errors.OutOfRangeError
        protos = load("tensorboard.compat.proto.event_pb2", EXTRA)
        self.event: Any = protos.Event
        self.restart: int = protos.SessionLog.START
        self.array: Any = load("tensorboard.util.tensor_util", EXTRA).make_ndarray
        broken = load("google.protobuf.message", EXTRA).DecodeError
        self.torn: tuple[type[Exception], ...] = (
            errors.DataLossError, broken, MemoryError, OverflowError, ValueError,
        )  # fmt: skip
        logging.getLogger("tensorboard").setLevel(logging.ERROR)


def _imported_run(library: _Library, name: str, files: list[Path]) -> ImportedRun:
    imported = ImportedRun(name)
    scalars: set[str] = set()
    """Tags whose values are tensors that mean one number: only the first value of a tag says so."""
    for path in files:
        for event in _events(library, path, imported):
            if event.HasField("session_log") and event.session_log.status == library.restart:
                imported.begin_from(event.step)
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars":
                    scalars.add(value.tag)
                number = _number(library, value, value.tag in scalars)
                if number is None:
                    continue
                try:
                    imported.add(value.tag, number, event.step, 0.0, event.wall_time)
                except ValueError as error:
                    raise ExchangeError(f"{path}: {value.tag[:80]!r}: {error}") from None
    imported.sort()
    imported.take_epochs(EPOCH)
    return imported


def _number(library: _Library, value: Any, scalar: bool) -> float | None:
    """Return the number of a value, None for a picture or a histogram."""
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return float(value.simple_value)
    if kind != "tensor" or not scalar or any(dim.size != 1 for dim in value.tensor.tensor_shape.dim):
        return None
    try:
        return float(library.array(value.tensor).item())
    except (TypeError, ValueError, KeyError, IndexError):  # words, or nothing
        return None


def _events(library: _Library, path: Path, imported: ImportedRun) -> Iterator[Any]:
    """Yield the events of a file up to its end, or to where it is torn: then the run's notes say so."""
    try:
        size = _size(path)
        reader = library.reader(os.fsencode(path.absolute()))
    except OSError as error:
        raise ExchangeError(f"{path} cannot be read: {error.strerror or error}") from None
    count = 0
    while True:
        try:
            reader.GetNext()
            event = library.event.FromString(reader.record())
        except library.end:
            return
        except library.torn as error:
            if not count and size:
                raise ExchangeError(f"{path} is no event file of TensorBoard") from None
            why = (
                "ends in the middle of one" if "truncated" in str(error).lower() else "is damaged after that"
            )
            imported.notes.append(f"{path}: {count:,} events could be read; it {why}")
            return
        except OSError as error:
            raise ExchangeError(f"{path} cannot be read: {error.strerror or error}") from None
        count += 1
        yield event


def _size(path: Path) -> int:
    info = path.stat()
    if not stat.S_ISREG(info.st_mode):
        raise ExchangeError(f"{path} is no file")
    return info.st_size
