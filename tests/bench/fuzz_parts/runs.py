"""Events of a run, and its small files."""

from __future__ import annotations

import contextlib
import json

from engine import events
from engine.diagnostics import run_checks
from engine.history import reader
from engine.query import select
from engine.runs import event_text, liveness, status_file, stop_request, store
from engine.runs import status as states
from engine.runs.queue_entry import waiting_entry
from tests.bench.fuzz_parts.lab import lab, show
from tests.bench.fuzz_parts.samples import INFO, LABELS, LINES, RUN, STATUS, TICKET

FILES = ("status.json", "run.json", "queued.json", "events.jsonl", "labels.json", "control", "posted.json")
"""What is damaged of a run: the first byte of an input says which."""


def events_target(data: bytes) -> None:
    """Lines that are no events, or events that nobody expects."""
    status, columns = states.Status(run=RUN), reader.History("none")
    for line in data.split(b"\n"):
        event = events.decode(line)
        if event is None:
            continue
        again = events.decode(events.encode(event).rstrip(b"\n"))
        assert again is not None, "an event that was read cannot be read again"
        status.apply(event)
        columns.fold(event)
        event_text.sentence(event)
    for metric in columns.metrics:
        for axis in reader.AXES:
            x, y = columns.series(metric, axis)
            assert len(x) == len(y)
    states.msgspec.json.encode(status)
    show([status])


def files_target(data: bytes) -> None:
    """A run's folder with one of its files damaged."""
    run = lab().runs()[0]
    file = run.path / FILES[data[0] % len(FILES) if data else 0]
    before = file.read_bytes() if file.exists() else None
    file.write_bytes(data[1:])
    try:
        with contextlib.suppress(store.StoreError):
            run.info()
        waiting_entry(run)
        stop_request.asked(run)
        status = liveness.status_of(run)
        status_file.rebuild(run)
        run_checks.examine(run)
        select.select_runs(lab(), "model~vit options.pool=mean -tag=a age>1s duration<1h", "lr")
        states.msgspec.json.encode(status)
        show([status])
    finally:
        if before is None:
            file.unlink()
        else:
            file.write_bytes(before)


def events_corpus() -> list[bytes]:
    """Return single events, and several of a run."""
    return [*LINES, b"\n".join(LINES), b"\n".join([LINES[0], LINES[1], LINES[0], LINES[5], b"{"])]


def files_corpus() -> list[bytes]:
    """Return each of the files as it should be."""
    small = [json.dumps(value).encode() for value in (STATUS, INFO, TICKET)]
    whole = [*small, b"\n".join(LINES), json.dumps(LABELS).encode(), b"stop-now"]
    return [bytes([kind]) + data for kind, data in enumerate(whole)]
