"""The runs in MLflow's SQLite database, ``mlflow.db``: the same as in its folders. It is opened for reading alone."""

from __future__ import annotations

import contextlib
import math
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from engine.exchange.imported_run import ImportedRun
from engine.exchange.optional_packages import ExchangeError
from engine.exchange.trackers.mlflow_reader import PARENT, RUN_NAME, add_points, finished, plain_value

SUFFIXES = (".db", ".sqlite", ".sqlite3")
LARGEST = sys.float_info.max
_HEADER = b"SQLite format 3\0"
_TABLES = {"runs", "metrics", "params", "tags"}


def is_mlflow_database(path: Path) -> bool:
    """Return whether a file is a database that has MLflow's tables."""
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            if file.read(len(_HEADER)) != _HEADER:
                return False
        with _opened(path) as database:
            names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' LIMIT 1000")
            return {name for (name,) in names} >= _TABLES
    except (OSError, sqlite3.Error):
        return False


def read_mlflow_database(path: Path) -> Iterator[ImportedRun]:
    """Yield the runs of a database that were not deleted, in the order in which they began.

    Raises:
        ExchangeError: It cannot be read.
    """
    try:
        with _opened(path) as database:
            query = "SELECT run_uuid FROM runs WHERE lifecycle_stage = 'active' ORDER BY start_time, run_uuid"
            for (run,) in database.execute(query).fetchall():
                yield _run(database, str(run))
    except sqlite3.Error as error:
        raise ExchangeError(f"{path} cannot be read: {error}") from None


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)
    database.text_factory = lambda data: data.decode(errors="replace")
    try:
        yield database
    finally:
        database.close()


def _run(database: sqlite3.Connection, run: str) -> ImportedRun:
    parent = _tag(database, run, PARENT)
    names = [_name(database, each) for each in (parent, run) if each]
    imported = ImportedRun("/".join(filter(None, names)))
    imported.key = run
    params = database.execute("SELECT key, value FROM params WHERE run_uuid = ? ORDER BY key", (run,))
    imported.params = {str(key): plain_value(str(value)) for key, value in params}
    points = database.execute(
        "SELECT key, step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ? ORDER BY key, timestamp, step",
        (run,),
    )
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for metric, step, time, value, is_nan in points:
        if not all(isinstance(each, int | float) for each in (step, time, value)):
            imported.left[f"of {str(metric)[:80]}: no time, value and step"] += 1
            continue
        if is_nan:
            value = math.nan
        elif abs(value) == LARGEST:  # how MLflow stores what is infinite
            value = math.copysign(math.inf, value)
        rows.setdefault(str(metric), []).append((step, time / 1000, value))
    for metric, of_metric in rows.items():
        add_points(imported, metric, of_metric)
    return finished(imported)


def _name(database: sqlite3.Connection, run: str) -> str:
    """Return what a run is called."""
    found = database.execute("SELECT name FROM runs WHERE run_uuid = ?", (run,)).fetchone()
    return _tag(database, run, RUN_NAME) or (str(found[0]) if found and found[0] else run[:8])


def _tag(database: sqlite3.Connection, run: str, key: str) -> str:
    found = database.execute("SELECT value FROM tags WHERE run_uuid = ? AND key = ?", (run, key)).fetchone()
    return str(found[0]).strip() if found and found[0] else ""
