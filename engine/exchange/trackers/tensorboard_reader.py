"""TensorBoard's event files as a run. Its own library parses what is in them."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.exchange.imported_run import ImportedRun
from engine.exchange.optional_packages import ExchangeError, load
from engine.exchange.tensorboard_writer import EPOCH, EXTRA
from engine.exchange.trackers.event_folders import EventFolder, Peek

MARK = "tfevents"
"""What the names of event files hold."""
EPOCHS = (EPOCH, "train/epoch", "val/epoch", "test/epoch", "trainer/epoch")
"""Tags that say the epoch: Lightning's, and those of Hugging Face's Trainer and of folders of splits."""
PEEKED = 50
"""Events of a file that are looked at to see what it is a part of."""


def is_event_file(path: Path) -> bool:
    """Return whether a file is called as event files are."""
    return MARK in path.name


class EventReader:
    """Reads event files with TensorBoard's library; TensorFlow is not loaded, even where it is installed.

    Raises:
        ExchangeError: tensorboard is not installed.
    """

    def __init__(self) -> None:
        stub = "tensorboard.compat.tensorflow_stub"
        self._reader = load(f"{stub}.pywrap_tensorflow", EXTRA).PyRecordReader_New
        errors = load(f"{stub}.errors", EXTRA)
        self._end: type[Exception] = errors.OutOfRangeError
        protos = load("tensorboard.compat.proto.event_pb2", EXTRA)
        self._event: Any = protos.Event
        self._restart: int = protos.SessionLog.START
        self._array: Any = load("tensorboard.util.tensor_util", EXTRA).make_ndarray
        broken = load("google.protobuf.message", EXTRA).DecodeError
        self._torn: tuple[type[Exception], ...] = (
            errors.DataLossError, broken, MemoryError, OverflowError, ValueError,
        )  # fmt: skip
        logging.getLogger("tensorboard").setLevel(logging.ERROR)

    def read(self, name: str, folders: Sequence[EventFolder]) -> ImportedRun:
        """Return the run that some folders hold; a file that cannot be read is told in its notes.

        Raises:
            ExchangeError: None of its files can be read; the message says why the first cannot.
        """
        imported = ImportedRun(name)
        failed: list[ExchangeError] = []
        for folder in folders:
            scalars: set[str] = set()
            """Tags whose values are tensors that mean one number: only the first value of a tag says so."""
            for number, path in enumerate(folder.files):
                try:
                    self._read_file(path, folder, imported, scalars, again=number > 0)
                except ExchangeError as error:
                    failed.append(error)
        if failed and not imported:
            raise failed[0]
        imported.failures += map(str, failed)
        imported.sort()
        imported.take_epochs(*EPOCHS)
        return imported

    def peek(self, files: Iterable[Path]) -> Peek:
        """Return what the first events of some files say; nothing of those that cannot be read."""
        tags: list[str] = []
        holds_settings = False
        for path in files:
            with contextlib.suppress(ExchangeError):
                for _, event in zip(range(PEEKED), self._events(path, []), strict=False):
                    for value in event.summary.value:
                        if value.metadata.plugin_data.plugin_name == "hparams":
                            holds_settings = True
                        elif value.WhichOneof("value") in ("simple_value", "tensor"):
                            tags.append(value.tag)
        return Peek(holds_settings and len(tags) == len(set(tags)), tags[0] if tags else "")

    def _read_file(
        self, path: Path, folder: EventFolder, imported: ImportedRun, scalars: set[str], *, again: bool
    ) -> None:
        """Add what a file says to a run; ``again`` where another file of its folder was read before."""
        own = imported.last_steps()
        last = own if again else {}
        met: set[str] = set()
        replaced: Counter[float] = Counter()
        for event in self._events(path, imported.notes):
            if event.HasField("session_log") and event.session_log.status == self._restart:
                imported.begin_from(event.step)
                last = {}
            for value in event.summary.value:
                plugin = value.metadata.plugin_data
                if plugin.plugin_name == "hparams":
                    imported.params |= self._settings(plugin.content)
                elif plugin.plugin_name == "scalars":
                    scalars.add(value.tag)
                number = self._number(value, value.tag in scalars)
                if number is None:
                    continue
                metric = folder.metric(value.tag)
                if folder.holds_settings and metric in own:
                    imported.left[f"{metric[:80]}: the run itself has measured it"] += 1
                    continue
                if metric not in met and event.step <= last.get(metric, -math.inf):
                    replaced[event.step] += imported.begin_from(event.step, [metric])
                met.add(metric)
                try:
                    imported.add(metric, number, event.step, 0.0, event.wall_time)
                except ValueError as error:
                    imported.left[f"{metric[:80]}: {error}"] += 1
        for step, count in replaced.items():
            if not count:
                continue
            imported.notes.append(
                f"{path.name} begins again at step {step:g}: it replaces {count:,} values from there on that "
                "earlier files have; a file that is named by itself is a run of its own"
            )

    @cached_property
    def _hparams(self) -> Any:
        """The messages of the hparams plugin."""
        return load("tensorboard.plugins.hparams.plugin_data_pb2", EXTRA).HParamsPluginData

    def _settings(self, content: bytes) -> dict[str, Any]:
        """Return the settings that a session of the hparams plugin says; none of what is damaged."""
        try:
            hparams = self._hparams.FromString(content).session_start_info.hparams
        except self._torn:
            return {}
        values = (
            (name, getattr(value, value.WhichOneof("kind") or "", None)) for name, value in hparams.items()
        )
        return {name: value for name, value in values if isinstance(value, bool | float | str)}

    def _number(self, value: Any, scalar: bool) -> float | None:
        """Return the number of a value, None for a picture or a histogram."""
        kind = value.WhichOneof("value")
        if kind == "simple_value":
            return float(value.simple_value)
        if kind != "tensor" or not scalar or any(dim.size != 1 for dim in value.tensor.tensor_shape.dim):
            return None
        try:
            return float(self._array(value.tensor).item())
        except (TypeError, ValueError, KeyError, IndexError):  # words, or nothing
            return None

    def _events(self, path: Path, notes: list[str]) -> Iterator[Any]:
        """Yield the events of a file up to its end, or to where it is torn: then the notes say so."""
        try:
            size = _size(path)
            reader = self._reader(os.fsencode(path.absolute()))
        except OSError as error:
            raise ExchangeError(f"{path} cannot be read: {error.strerror or error}") from None
        count = 0
        while True:
            try:
                reader.GetNext()
                event = self._event.FromString(reader.record())
            except self._end:
                return
            except self._torn as error:
                if not count and size:
                    raise ExchangeError(f"{path} is no event file of TensorBoard") from None
                why = (
                    "ends in the middle of one"
                    if "truncated" in str(error).lower()
                    else "is damaged after that"
                )
                notes.append(f"{path}: {count:,} events could be read; it {why}")
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
