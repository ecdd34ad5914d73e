"""What reads each kind of source, loaded when there is one of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from engine.exchange.already_imported import STDIN
from engine.exchange.import_sources import ImportSource
from engine.exchange.imported_run import ImportedRun
from engine.exchange.run_names_from_paths import NamedSource
from engine.exchange.trackers.event_folders import EventFolder, trainings
from engine.exchange.trackers.tensorboard_reader import EventReader


class SourceReaders:
    """Reads files and folders of every kind.

    Args:
        stdin: What came through standard input.
    """

    def __init__(self, stdin: bytes = b"") -> None:
        self._stdin = stdin

    @cached_property
    def _events(self) -> EventReader:
        return EventReader()

    def joined(self, sources: Sequence[ImportSource]) -> list[ImportSource]:
        """Return sources with the folders of event files that are one training as one of them.

        Raises:
            ExchangeError: There are event files, and tensorboard is not installed.
        """
        by_path = {source.path: source for source in sources if source.format == "tensorboard"}
        if not by_path:
            return list(sources)
        runs = trainings({path: source.files for path, source in by_path.items()}, self._events.peek)
        joined = [source for source in sources if source.format != "tensorboard"]
        for path, folders in runs.items():
            first = by_path[folders[0].path]
            parts = first.parts if path == first.path else first.parts[:-1]
            joined.append(first._replace(path=path, parts=parts, files=(), folders=tuple(folders)))
        return joined

    def read(self, named: NamedSource) -> Iterator[ImportedRun]:
        """Yield the runs of a source.

        Raises:
            ExchangeError: It cannot be read, or holds something else.
        """
        source = named.source
        if source.format == "tensorboard":
            folders = source.folders or (EventFolder(source.path.parent, source.files),)
            yield self._events.read(named.name, folders)
        elif source.format == "wandb":
            from engine.exchange.trackers.wandb_reader import read_wandb

            yield read_wandb(source.path, named.name)
        elif source.format == "mlflow" and source.path.is_file():
            from engine.exchange.trackers.mlflow_database import read_mlflow_database

            yield from read_mlflow_database(source.path)
        elif source.format == "mlflow":
            from engine.exchange.trackers.mlflow_reader import read_mlflow_run

            yield read_mlflow_run(source.path, named.name)
        elif source.splits:
            yield _read_splits(named.name, source.splits)
        else:
            yield from _read_log(source.path, self._stdin if source.path == STDIN else None)


def _read_splits(name: str, splits: Sequence[tuple[str, Path]]) -> ImportedRun:
    """Return the run whose logs are some files, each with what the names of its metrics begin with."""
    run = ImportedRun(name)
    for split, path in splits:
        for part in _read_log(path):
            run.absorb(part, split)
    run.sort()
    return run


def _read_log(path: Path, content: bytes | None = None) -> Iterator[ImportedRun]:
    from engine.exchange.log_files.log_reader import read_log

    return read_log(path, content)
