"""Runs as TensorBoard's event files: a folder a run, a tag a metric. Values are 32-bit floats there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.exchange.exported_measurements import ExportedRun, measured, points
from engine.exchange.optional_packages import ExchangeError, load
from engine.exchange.output_files import draft

EXTRA = "tensorboard"
EPOCH = "epoch"
"""The tag that says the epoch of each step, as Lightning has it: event files have no other place for it."""


class EventFiles:
    """Writes each run that has measured something into a folder of its own.

    Args:
        out: The folder that TensorBoard is shown: ``tensorboard --logdir OUT``.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._protos = load("tensorboard.compat.proto.event_pb2", EXTRA)
        self._summary = load("tensorboard.compat.proto.summary_pb2", EXTRA).Summary
        self._records = load("tensorboard.summary.writer.record_writer", EXTRA)

    def files(self, runs: list[ExportedRun]) -> list[Path]:
        """Return what will be written.

        Raises:
            ExchangeError: A run's folder holds event files of another program, which TensorBoard would mix with these.
        """
        paths = [self._file(exported) for exported in runs]
        for path in paths:
            others = sorted(entry.name for entry in path.parent.glob("*tfevents*") if entry.name != path.name)
            if others:
                raise ExchangeError(
                    f"{path.parent} holds event files that are not this run's, such as {others[0]}: "
                    "`--out DIR` writes elsewhere"
                )
        return paths

    def __enter__(self) -> EventFiles:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        """Every file is whole already."""

    def add(self, exported: ExportedRun) -> int:
        """Write a run, and return how many values it has measured; one without any leaves no file."""
        events = measured(exported.run)
        first = next(events, None)
        if first is None:
            return 0
        with draft(self._file(exported)) as path, path.open("wb") as file:
            writer = self._records.RecordWriter(file)
            begin = self._protos.Event(wall_time=first.time, file_version="brain.Event:2")
            writer.write(begin.SerializeToString())
            count = self._write(writer, first)
            return count + sum(self._write(writer, event) for event in events)

    def _file(self, exported: ExportedRun) -> Path:
        """Return a run's file: the same name each time, so that a run is there once."""
        return self._out / exported.run.id / f"events.out.tfevents.{int(exported.created)}.vitui"

    def _write(self, writer: Any, event: Any) -> int:
        values = [self._summary.Value(tag=name, simple_value=value) for name, value in points(event)]
        count = len(values)
        if EPOCH not in event.values:
            values.append(self._summary.Value(tag=EPOCH, simple_value=event.epoch))
        record = self._protos.Event(
            wall_time=event.time, step=event.step, summary=self._summary(value=values)
        )
        writer.write(record.SerializeToString())
        return count
