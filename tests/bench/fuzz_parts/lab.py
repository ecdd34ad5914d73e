"""A folder of runs with one run in it, in memory; what is fuzzed reads and damages it."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import tempfile
from pathlib import Path

from engine.commands import run_table
from engine.runs import status as states
from engine.runs import store
from tests.bench.fuzz_parts.samples import EVENTS, INFO, RUN, STATUS, TICKET


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  removed at the end
    folder = tempfile.TemporaryDirectory(prefix="vitui-fuzz-", dir=base)
    run = Path(folder.name) / RUN
    run.mkdir()
    (run / "lock").touch()
    for name, value in (("run.json", INFO), ("status.json", STATUS), ("queued.json", TICKET)):
        (run / name).write_text(json.dumps(value))
    (run / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in EVENTS[:2]))
    return folder


def lab() -> store.Store:
    """Return the folder."""
    return store.Store(_folder().name)


def show(statuses: list[states.Status]) -> None:
    """Print runs as `engine ls` does, to nowhere."""
    with contextlib.redirect_stdout(io.StringIO()):
        run_table.print_run_table(statuses)
