"""What readers do with files that others damaged, or wrote to harm them: they read them or say that they cannot.

`tests/bench/fuzz.py` tries a million of these; here are the few that every change is tried with.
"""

from __future__ import annotations

import contextlib
import copy
import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.catalog.metrics import AXES
from engine.commands.run_table import print_run_table
from engine.diagnostics.run_checks import examine
from engine.events import decode, encode
from engine.history.reader import History
from engine.query.select import select_runs
from engine.runs.event_text import sentence
from engine.runs.liveness import status_of
from engine.runs.queue_entry import waiting_entry
from engine.runs.status import Status
from engine.runs.status_file import rebuild
from engine.runs.store import StoreError

AT = {"time": 2.0, "run": "r", "step": 3, "epoch": 1.0}
RECORDS = {
    "start": {"event": "start", "time": 1.0, "run": "r", "attempt": 1, "experiment": "e", "config": {"lr": 0.1},
              "seed": 0, "pid": 7, "host": "lab", "device": "cpu", "parameters": 9, "steps_per_epoch": 3, "epochs": 7,
              "step": 0, "process_started": 1.5, "boot": "b"},
    "metrics": {"event": "metrics", **AT, "values": {"test/f1": 0.5, "train/loss": None}},
    "confusion": {"event": "confusion", **AT, "split": "test", "labels": ["a"], "matrix": [[1]]},
    "checkpoint": {"event": "checkpoint", **AT, "path": "p", "kind": "best", "bytes": 9},
    "end": {"event": "end", "time": 3.0, "run": "r", "state": "failed", "reason": "", "duration_s": 2.0,
            "error": {"type": "E", "message": "no"}, "summary": {"test/f1": {"value": 0.6, "low": 0.5, "high": 0.7}}},
    "artifact": {"event": "artifact", "time": 3.0, "run": "r"},
    "status.json": {"run": "r", "experiment": "e", "seed": 0, "state": "running", "reason": "why", "attempt": 1,
                    "pid": 1, "host": "lab", "heartbeat": 2.0, "device": "cpu", "parameters": 1, "started": 1.0,
                    "ended": 0.0, "trained_s": 0.0, "step": 3, "steps_per_epoch": 3, "epoch": 1.0, "epochs": 7,
                    "eta_s": 9.0, "last": {"test/f1": 0.5}, "best": {"test/f1": 0.5}, "checkpoint": 3, "offset": 1,
                    "fold": 2, "final": {"test/f1": {"value": 0.5}}},
    "run.json": {"v": 1, "id": "r", "experiment": "e", "seed": 0, "command": [], "git": {"commit": "0"}, "created": 1.0,
                 "config": {"name": "e", "lr": 0.1, "tags": ["a"], "options": {"pool": "mean"}}, "cwd": "/"},
    "labels.json": {"v": 1, "added": ["b"], "removed": ["a"], "note": "warm"},
    "queued.json": {"submitted": 1.0, "device": "auto", "settings": ["lr=1"]},
}  # fmt: skip
NASTY = st.one_of(
    st.sampled_from([0, -1, 2**53, 2**63, 2**64, 10**400, -(10**400), 1e308, -1e308, 5e-324, 1e999, True, None]),
    st.sampled_from(["", "\x00", "\ud800", "\x1b]0;x\x07", "日本" * 40, "NaN", "../.."]),
    st.sampled_from([[], {}, [[]], {"": None}, {"test/f1": 10**400}, [10**400]]),
    st.text(max_size=5),
)  # fmt: skip


@st.composite
def damaged(draw, kind):
    """Return the bytes of a record in which some things are other than they should be."""
    record = json.loads(json.dumps(RECORDS[kind]))
    for _ in range(draw(st.integers(1, 5))):
        inner = record
        while True:
            key = draw(st.sampled_from(sorted(inner) or ["x"]))
            if not isinstance(inner.get(key), dict) or draw(st.booleans()):
                break
            inner = inner[key]
        inner[key] = copy.deepcopy(draw(NASTY))
    data = json.dumps(record).replace("Infinity", "1e999").encode()
    if draw(st.integers(0, 9)):
        return data
    return data[: draw(st.integers(0, len(data)))] + draw(st.binary(max_size=3))


lines = st.lists(st.one_of(damaged(kind) for kind in RECORDS if ".json" not in kind), max_size=6)


@given(lines)
@example([json.dumps(RECORDS["metrics"] | {"step": 10**400}).encode()])
@example([json.dumps(RECORDS["start"] | {"step": 10**400, "steps_per_epoch": 3}).encode()])
def test_what_is_an_event_can_be_folded_written_again_and_shown(written):
    status, history = Status(run="r"), History("none")
    for line in written:
        if (event := decode(line.replace(b"\n", b" "))) is None:
            continue
        assert decode(encode(event)[:-1]) is not None
        status.apply(event)
        history.fold(event)
        sentence(event)
    for metric in history.metrics:
        for axis in AXES:
            x, y = history.series(metric, axis)
            assert x.shape == y.shape
    print_run_table([status])


@pytest.mark.parametrize("name", ["status.json", "run.json", "labels.json", "queued.json", "events.jsonl"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_file_ends_no_reader(store, run, name, data):
    content = b"\n".join(data.draw(lines)) if name == "events.jsonl" else data.draw(damaged(name))
    (run.path / name).write_bytes(content.replace(b'"r"', json.dumps(run.id).encode()))
    with contextlib.suppress(StoreError):
        run.info()
    waiting_entry(run)
    rebuild(run)
    examine(run)
    print_run_table([status_of(run)])
    select_runs(store, "model~vit options.pool=mean -tag=a age>1s duration<1h", "lr")
