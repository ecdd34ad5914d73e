"""`vitui export --to`: what runs have measured, as files that other tools read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol, Self

from engine.exchange.exported_measurements import ExportedRun, exported_run
from engine.exchange.optional_packages import ExchangeError
from engine.exchange.output_files import refuse_existing
from engine.query.select import nothing_fits, select_runs
from engine.runs.status import LIVE
from engine.runs.store import Run, Store
from engine.text import printable

Kind = Literal["tensorboard", "wandb", "csv", "json", "parquet"]
KINDS: tuple[Kind, ...] = ("tensorboard", "wandb", "csv", "json", "parquet")
FOLDERS = ("tensorboard", "wandb")
"""Formats with a folder a run, which are said as one."""


class Sink(Protocol):
    """Writes runs in one format, one run after another."""

    def files(self, runs: list[ExportedRun]) -> list[Path]:
        """Return what will be written."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> bool | None: ...

    def add(self, exported_run: ExportedRun) -> int:
        """Write a run, and return how many values it has measured."""


def export_runs(
    store: Store, kind: Kind, out: Path, where: str = "", *, force: bool = False, say: Callable[[str], None]
) -> bool:
    """Write the measurements of runs as files of another tool, and say what was written.

    Args:
        store: Where the runs are.
        kind: For which tool.
        out: The folder to write into; it is made if need be.
        where: A filter; empty for all runs.
        force: Whether files of the same name are replaced.
        say: Called with each line for the user; it is plain text without control characters.

    Returns:
        Whether there was a run to write.

    Raises:
        ExchangeError: A package is missing, a file is there already, or one cannot be written.
        FilterError: The filter cannot be understood.
    """
    runs = [exported_run(Run(store.root / status.run), status) for status in select_runs(store, where)]
    if not runs:
        say(printable(nothing_fits(store, where) if where else f"no runs in {store.root}"))
        return False
    sink = _sink(kind, out)
    files = sink.files(runs)
    if not force:
        refuse_existing(files)
    with sink:
        counts = [sink.add(run) for run in runs]
    silent = counts.count(0)
    for path in files if kind not in FOLDERS else [out]:
        say(printable(f"{path}: {_what(path, len(runs), sum(counts))}"))
    if silent:
        say(f"  {silent} of {len(runs)} runs {'has' if silent == 1 else 'have'} measured nothing yet")
    if live := sum(run.status.state in LIVE for run in runs):
        say(
            f"  {live} of {len(runs)} still {'runs' if live == 1 else 'run'}: it is here as far as it had come"
        )
    return True


def _what(path: Path, runs: int, values: int) -> str:
    count = f"{runs} run{'s' * (runs != 1)}"
    return count if path.stem == "runs" else f"{count}, {values:,} values"


def _sink(kind: Kind, out: Path) -> Sink:
    if kind == "tensorboard":
        from engine.exchange.tensorboard_writer import EventFiles

        return EventFiles(out)
    if kind == "wandb":
        from engine.exchange.wandb_writer import OfflineRuns

        return OfflineRuns(out)
    if kind in KINDS:
        from engine.exchange.table_writer import Tables

        return Tables(out, kind)
    raise ExchangeError(f"{kind!r} is no format; there are {', '.join(KINDS)}")
