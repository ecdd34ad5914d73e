"""Files that are read, and what came of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.exchange.imported_run import ImportedRun
from engine.exchange.log_files.log_reader import read_log

Read = Callable[..., list[ImportedRun]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a file with a content, and return its runs."""

    def read(content: str | bytes, name: str = "log.csv") -> list[ImportedRun]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return list(read_log(path))

    return read


def by_step(run: ImportedRun) -> dict[str, dict[int, float | None]]:
    """Return what a run measured: of each metric its values by step."""
    found: dict[str, dict[int, float | None]] = {}
    for event in run.events("r"):
        for name, value in event.values.items():
            found.setdefault(name, {})[event.step] = value
    return found


def by_epoch(run: ImportedRun) -> dict[str, dict[float, float | None]]:
    """Return what a run measured: of each metric its values by epoch."""
    found: dict[str, dict[float, float | None]] = {}
    for event in run.events("r"):
        for name, value in event.values.items():
            found.setdefault(name, {})[event.epoch] = value
    return found


def times(run: ImportedRun) -> list[float]:
    """Return when each of its events was measured."""
    return [event.time for event in run.events("r")]
