"""`vitui import`: runs that another program trained become finished runs here, to be looked at and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from engine.config.schema import IMPORTED
from engine.events import End, Start
from engine.exchange.imported_run import ImportedRun, experiment_name
from engine.exchange.optional_packages import ExchangeError
from engine.exchange.tensorboard_reader import is_event_file, read_event_files
from engine.runs import status_file
from engine.runs.recorder import Recorder
from engine.runs.store import Run, Source, Store, StoreError
from engine.text import printable

Format = Literal["tensorboard", "csv"]
TAG = "imported"
SHOWN = 5
"""Changed names that are listed for a run."""


def import_from(
    store: Store,
    path: Path,
    kind: Format | None = None,
    name: str | None = None,
    *,
    steps_per_epoch: int | None = None,
    say: Callable[[str], None],
) -> bool:
    """Make a run of each that a file or folder holds, unless it is here already, and say what was done.

    All is read once before anything is made: where it cannot be used, no run is.

    Args:
        store: Where the runs go.
        path: A folder with event files, an event file, or a CSV file.
        kind: Its format; None to tell it from the name.
        name: The experiment of all its runs; they are told apart by their seeds, which count from 0 where none is said.
        steps_per_epoch: Places steps on the axis of epochs where nothing else does.
        say: Called with each line for the user; it is plain text without control characters.

    Returns:
        Whether there was a run in it.

    Raises:
        ExchangeError: It cannot be read or holds something else; the message says in which file and where.
        StoreError: A run cannot be made.
    """
    kind = kind or guess(path)
    for _ in _read(path, kind):
        pass
    here = _imported(store)
    count = 0
    for count, imported in enumerate(_usable(path, kind, say), 1):
        source = Source(path=str(path.resolve()), name=imported.name, format=kind, digest=imported.digest())
        if (why := _why_not(source, here)) is not None:
            say(printable(f"{imported.name}: passed over, {why}"))
            continue
        imported.experiment = experiment_name(name or imported.experiment)
        imported.seed = (count - 1 if name else 0) if imported.seed is None else imported.seed
        run = make_run(store, imported, source, steps_per_epoch)
        here[source.digest] = here[source.path, source.name] = run.id
        say(printable(f"{imported.name}: {run.id}, {len(imported):,} values"))
        for line in _remarks(imported, steps_per_epoch):
            say(printable(f"  {line}"))
    if not count:
        say(printable(f"{path} holds no measurements"))
    return count > 0


def guess(path: Path) -> Format:
    """Return the format of a path, by its name.

    Raises:
        ExchangeError: Its name fits no format.
    """
    if path.is_dir() or is_event_file(path):
        return "tensorboard"
    if path.suffix.lower() in (".csv", ".txt"):
        return "csv"
    raise ExchangeError(f"{path} has no name that tells what it holds: say `--format tensorboard` or csv")


def make_run(store: Store, imported: ImportedRun, source: Source, steps_per_epoch: int | None = None) -> Run:
    """Return a new run, finished, of what was measured elsewhere.

    Args:
        store: Where the run goes.
        imported: What was measured.
        source: Where the measurements come from.
        steps_per_epoch: Places steps on the axis of epochs; None where the run says epochs itself.

    Raises:
        StoreError: It cannot be written.
    """
    config: dict[str, Any] = {
        "name": imported.experiment,
        "model": IMPORTED,
        "tags": [TAG],
        "notes": f"Imported from {source.path} ({source.format}), where it is {source.name}.",
    }
    begin, end = imported.span
    with store.adopt(imported.experiment, imported.seed or 0, config, source) as draft:
        recorder = Recorder(draft)
        try:
            recorder.emit(
                Start(
                    time=begin, run=draft.id, experiment=imported.experiment, seed=imported.seed or 0,
                    device="another machine", init="imported", steps_per_epoch=steps_per_epoch,
                )
            )  # fmt: skip
            for event in imported.events(draft.id, steps_per_epoch):
                recorder.emit(event)
            reason = f"imported from {source.path}"
            recorder.emit(
                End(time=end, run=draft.id, state="finished", reason=reason, duration_s=end - begin)
            )
        finally:
            recorder.close()
        if status_file.rebuild(draft).state != "finished":
            raise StoreError(f"{draft.id} cannot be written whole: {recorder.status.reason}")
        run_id = draft.id
    return Run(store.root / run_id)


def _read(path: Path, kind: Format) -> Iterator[ImportedRun]:
    if kind == "tensorboard":
        return read_event_files(path)
    from engine.exchange.log_files.log_reader import read_log

    return read_log(path)


def _usable(path: Path, kind: Format, say: Callable[[str], None]) -> Iterator[ImportedRun]:
    """Yield the runs that have measured something, and say which have not."""
    for imported in _read(path, kind):
        if len(imported):
            yield imported
            continue
        say(printable(f"{imported.name}: passed over, it holds no measurements"))
        for note in imported.notes:
            say(printable(f"  {note}"))


def _imported(store: Store) -> dict[str | tuple[str, str], str]:
    """Return the runs that were imported before, by what was measured and by where that lay."""
    run_ids: dict[str | tuple[str, str], str] = {}
    for run in store.runs():
        try:
            source = run.info().imported
        except StoreError:
            continue
        if source is not None:
            run_ids[source.digest] = run_ids[source.path, source.name] = run.id
    return run_ids


def _why_not(source: Source, here: dict[str | tuple[str, str], str]) -> str | None:
    if (run := here.get(source.digest)) is not None:
        return f"it is here as {run}"
    if (run := here.get((source.path, source.name))) is not None:
        return f"an earlier state of it is here as {run}: `engine rm {run}`, then import it again"
    return None


def _remarks(imported: ImportedRun, steps_per_epoch: int | None) -> Iterator[str]:
    """Yield what a user has to know of how a run was taken over."""
    yield from imported.notes
    for why, count in imported.left.items():
        yield f"left out: {count:,}, {why}"
    renamed = list(imported.renamed.items())
    for was, now in renamed[:SHOWN]:
        yield f"metric {was[:80]!r} is called {now} here"
    if len(renamed) > SHOWN:
        yield f"and {len(renamed) - SHOWN} more names were changed"
    if not imported.has_epochs and not steps_per_epoch:
        yield "it says no epochs: on that axis all is at 0; `--steps-per-epoch N` places it"
