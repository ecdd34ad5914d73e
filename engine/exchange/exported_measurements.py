"""What a run has measured, one event after another, without what a resume measured anew; only a chunk is in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from engine.events import Event, Metrics, Start, decode_lines
from engine.runs.labels import labels_of
from engine.runs.status import Status
from engine.runs.store import Run, RunInfo, StoreError
from engine.system.files import tail

COLUMNS = ("run", "experiment", "seed", "step", "epoch", "time", "metric", "value")
"""Of the long table of measurements; ``time`` is in seconds since the epoch, UTC."""


class ExportedRun(NamedTuple):
    """A run that is exported: how it goes and what it was made for."""

    run: Run
    status: Status
    info: RunInfo | None
    """None where run.json cannot be used."""

    @property
    def created(self) -> float:
        """When it was made, in seconds since the epoch; when it was started, where that is not known."""
        return self.info.created if self.info is not None else self.status.started

    def facts(self) -> dict[str, Any]:
        """Return what a table of runs says of it besides its configuration."""
        labels = labels_of(self.run, self.info)
        status = self.status
        facts = {name: getattr(status, name) for name in FACTS if hasattr(status, name)}
        facts |= {"created": self.created, "tags": " ".join(labels.tags), "note": labels.notes}
        return {name: facts[name] for name in FACTS}

    def config(self) -> dict[str, Any]:
        """Return its configuration, empty where that is not known."""
        return self.info.config if self.info is not None else {}


FACTS: dict[str, type] = {
    "run": str, "experiment": str, "seed": int, "state": str, "reason": str, "created": float, "started": float,
    "ended": float, "trained_s": float, "step": int, "epoch": float, "epochs": int, "parameters": int,
    "device": str, "init": str, "tags": str, "note": str,
}  # fmt: skip
"""What a table of runs says of each, and the type of it; times are in seconds since the epoch, UTC."""


def exported_run(run: Run, status: Status) -> ExportedRun:
    """Return a run with what run.json says of it."""
    try:
        return ExportedRun(run, status, run.info())
    except StoreError:
        return ExportedRun(run, status, None)


def measured(run: Run) -> Iterator[Metrics]:
    """Yield what a run has measured, in order; what an attempt measured after the step it was resumed from is not."""
    limits = _limits(run)
    attempt, limit = 0, limits[0] if limits else math.inf
    for event in _events(run):
        if isinstance(event, Start):
            attempt += 1
            limit = limits[attempt] if attempt < len(limits) else math.inf
        elif isinstance(event, Metrics) and event.step <= limit:
            yield event


def points(event: Metrics) -> Iterator[tuple[str, float]]:
    """Yield each metric of an event with its value, NaN where it was not finite."""
    for name, value in event.values.items():
        yield name, math.nan if value is None else value


def _limits(run: Run) -> list[int | float]:
    """Return the last step that counts before the first start, and after each: later attempts begin from it."""
    starts = [event.step for event in _events(run, only=b"start") if isinstance(event, Start)]
    limits: list[int | float] = [math.inf]
    for step in reversed(starts[1:]):
        limits.append(min(limits[-1], step))
    # before the first start there may be measurements: they end where those of the first attempt do
    return [limits[-1], *reversed(limits)]


def _events(run: Run, only: bytes = b"") -> Iterator[Event | None]:
    """Yield the events of a run, those alone whose line has certain bytes in it."""
    offset = 0
    while (read := tail(run.events, offset))[1] != offset:
        offset = read[1]
        lines = [line for line in read[0] if only in line] if only else read[0]
        yield from decode_lines(lines)
