"""A run of MLflow's file store: its metrics, parameters and names, from the folder that has meta.yaml.

::

    mlruns/EXPERIMENT/meta.yaml                  name: the experiment's
    mlruns/EXPERIMENT/RUN/meta.yaml              run_name, run_id, lifecycle_stage
    mlruns/EXPERIMENT/RUN/metrics/val/loss       a line a point: milliseconds, value, step
    mlruns/EXPERIMENT/RUN/params/lr              0.1
    mlruns/EXPERIMENT/RUN/tags/mlflow.parentRunId
"""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

from engine.exchange.imported_run import ImportedRun, read_float
from engine.exchange.optional_packages import ExchangeError
from engine.system.files import read_small

MAX_METRIC_FILE = 256 * 1024 * 1024
"""Bytes of a metric's file that are read."""
MAX_LINE = 4096
EPOCH = "epoch"
RUN_NAME, PARENT = "mlflow.runName", "mlflow.parentRunId"
"""Tags that say what a run is called, and which run it is nested in."""
_HOLDS_RUN = re.compile(r"^run_(id|uuid):", re.MULTILINE)


def is_mlflow_run(folder: Path) -> bool:
    """Return whether a folder with meta.yaml and metrics/ is a run, and no logged model."""
    return _HOLDS_RUN.search(_text(folder / "meta.yaml")) is not None


def began(folder: Path) -> int:
    """Return when a run began, in milliseconds since the epoch; 0 where it does not say."""
    text = _facts(folder / "meta.yaml").get("start_time", "")
    return int(text) if re.fullmatch(r"\d{1,15}", text, re.ASCII) else 0


def read_mlflow_run(folder: Path, name: str) -> ImportedRun:
    """Return the run that a folder holds.

    Args:
        folder: With meta.yaml and metrics/.
        name: What the run is called where it says no name.

    Raises:
        ExchangeError: It was deleted in MLflow, or nothing of it can be read.
    """
    meta = _facts(folder / "meta.yaml")
    if meta.get("lifecycle_stage") == "deleted":
        raise ExchangeError(f"{folder} was deleted in MLflow")
    said = _tag(folder, RUN_NAME) or meta.get("run_name", "")
    parent = _parent_name(folder)
    imported = ImportedRun("/".join(filter(None, (parent, said))) if said else name)
    imported.params = dict(_params(folder / "params"))
    failed: list[str] = []
    for path in sorted(_files(folder / "metrics")):
        try:
            _read_metric(path, path.relative_to(folder / "metrics").as_posix(), imported)
        except OSError as error:
            failed.append(f"{path} cannot be read: {error.strerror or error}")
    if failed and not imported:
        raise ExchangeError(failed[0])
    imported.failures += failed
    return finished(imported)


def finished(imported: ImportedRun) -> ImportedRun:
    """Return a run with all its points, in order and on their epochs."""
    imported.sort()
    imported.take_epochs(EPOCH)
    return imported


def _read_metric(path: Path, metric: str, imported: ImportedRun) -> None:
    """Add the points in the file of a metric."""
    rows: list[tuple[float, float, float]] = []
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), b""), 1):
            cells = line.decode(errors="replace").split()
            if not cells:
                continue
            if file.tell() > MAX_METRIC_FILE:
                imported.notes.append(f"{path}: it is read up to line {number:,}, as it is too large")
                break
            try:
                time = read_float(cells[0]) / 1000
                rows.append((read_float(cells[2]) if len(cells) > 2 else 0.0, time, read_float(cells[1])))
            except (ValueError, IndexError):
                imported.left[f"of {metric[:80]}: line {number} is no time, value and step"] += 1
    add_points(imported, metric, rows)


def add_points(imported: ImportedRun, metric: str, rows: list[tuple[float, float, float]]) -> None:
    """Add the points of a metric to a run; those that say no step are counted.

    Args:
        imported: The run.
        metric: What it is called.
        rows: Step, seconds since the epoch, and value of each point.
    """
    if len(rows) > 1 and all(step == 0 for step, _, _ in rows):
        rows = [
            (float(i), time, value) for i, (_, time, value) in enumerate(sorted(rows, key=lambda row: row[1]))
        ]
        imported.notes.append(f"{metric} was logged without steps: its points are counted")
    for step, time, value in rows:
        try:
            imported.add(metric, value, step, 0.0, time if math.isfinite(time) else 0.0)
        except ValueError as error:
            imported.left[f"of {metric[:80]}: {error}"] += 1


def _params(folder: Path) -> Iterator[tuple[str, bool | int | float | str]]:
    for path in sorted(_files(folder)):
        yield path.relative_to(folder).as_posix(), plain_value(_text(path).strip())


def plain_value(text: str) -> bool | int | float | str:
    """Return the number or the truth value that a text says, else the text."""
    if text in ("True", "true", "False", "false"):
        return text in ("True", "true")
    if re.fullmatch(r"-?\d{1,15}", text, re.ASCII):
        return int(text)
    with contextlib.suppress(ValueError):
        if math.isfinite(value := read_float(text)):
            return value
    return text


def _parent_name(folder: Path) -> str:
    """Return the name of the run that a run is nested in; empty where it stands alone."""
    if not re.fullmatch(r"\w{1,64}", parent := _tag(folder, PARENT), re.ASCII):
        return ""
    above = folder.parent / parent
    return _tag(above, RUN_NAME) or _facts(above / "meta.yaml").get("run_name", "") or parent[:8]


def _tag(folder: Path, name: str) -> str:
    return _text(folder / "tags" / name).strip()


def _facts(path: Path) -> dict[str, str]:
    """Return the plain values at the top of a YAML file, as MLflow writes them."""
    pairs = re.findall(r"^(\w+):[ \t]*(.*?)[ \t]*$", _text(path), re.MULTILINE)
    return {key: value[1:-1].replace("''", "'") if value[:1] in ("'", '"') else value for key, value in pairs}


def _files(folder: Path) -> Iterator[Path]:
    for inner, folders, names in os.walk(folder):
        folders.sort()
        yield from (path for name in names if (path := Path(inner, name)).is_file() and not path.is_symlink())


def _text(path: Path) -> str:
    try:
        return read_small(path).decode(errors="replace")
    except OSError:
        return ""
