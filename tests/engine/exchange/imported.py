"""What was imported, as tests look at it."""

from __future__ import annotations

from pathlib import Path

from engine.exchange.importing import import_from
from engine.history.reader import History
from engine.runs.store import Run, Store


def take(store: Store, *paths: Path, **options: object) -> list[str]:
    """Import all, and return what was said."""
    said: list[str] = []
    import_from(store, paths, say=said.append, **options)  # type: ignore[arg-type]
    return said


def runs_of(store: Store) -> dict[str, Run]:
    """The runs by what they are called where they come from."""
    return {info.imported.name: run for run in store.runs() if (info := run.info()).imported}


def experiments_of(store: Store) -> dict[str, list[int]]:
    """The seeds of each experiment."""
    found: dict[str, list[int]] = {}
    for run in store.runs():
        info = run.info()
        found.setdefault(info.experiment, []).append(info.seed)
    return {name: sorted(seeds) for name, seeds in found.items()}


def points_of(run: Run) -> dict[str, list[tuple[float, float]]]:
    """The steps and values of each metric."""
    history = History(run.path)
    history.update()
    return {
        name: list(zip(*(column.tolist() for column in history.series(name)), strict=True))
        for name in history.metrics
    }
