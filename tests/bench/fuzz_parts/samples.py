"""A run as it is usually: its events and its small files, which inputs begin with."""

from __future__ import annotations

import json
from typing import Any

RUN = "vit-s0-20261123-194118-a7c5"
EVENTS: list[dict[str, Any]] = [
    {"event": "start", "time": 1.0, "run": RUN, "v": 1, "attempt": 1, "experiment": "vit", "config": {"lr": 0.1},
     "seed": 0, "pid": 7, "host": "lab", "device": "cuda:0", "parameters": 1000, "versions": {"torch": "2"},
     "steps_per_epoch": 3, "epochs": 7, "step": 0, "init": "scratch", "process_started": 1.5, "boot": "b"},
    {"event": "metrics", "time": 2.0, "run": RUN, "step": 3, "epoch": 1.0, "values": {"test/f1": 0.5, "x": None},
     "nonfinite": ["x"]},
    {"event": "confusion", "time": 2.0, "run": RUN, "step": 3, "epoch": 1.0, "split": "test", "labels": ["a", "b"],
     "matrix": [[1, 2], [3, 4]]},
    {"event": "checkpoint", "time": 2.0, "run": RUN, "step": 3, "epoch": 1.0, "path": "p", "kind": "best", "bytes": 9},
    {"event": "log", "time": 2.0, "run": RUN, "level": "info", "message": "hi\u001b[31m"},
    {"event": "end", "time": 3.0, "run": RUN, "state": "failed", "reason": "", "duration_s": 2.0,
     "error": {"type": "E", "message": "no", "traceback": ""},
     "summary": {"test/f1": {"value": 0.6, "low": 0.5, "high": 0.7, "n": 100}}},
    {"event": "artifact", "time": 3.0, "run": RUN, "files": ["a"]},
]  # fmt: skip
STATUS = {
    "run": RUN, "experiment": "vit", "seed": 0, "state": "running", "reason": "why", "attempt": 1, "pid": 1,
    "host": "lab", "boot": "b", "process_started": 1.0, "heartbeat": 2.0, "device": "cpu", "init": "scratch",
    "parameters": 1, "started": 1.0, "ended": 0.0, "trained_s": 0.0, "first_step": 0, "step": 3, "steps_per_epoch": 3,
    "epoch": 1.0, "epochs": 7, "eta_s": 9.0, "last": {"test/f1": 0.5, "train/loss": None}, "best": {"test/f1": 0.5},
    "final": {"test/f1": {"value": 0.5}}, "checkpoint": 3, "offset": 1,
    "fold": 2,
}  # fmt: skip
INFO = {
    "v": 1, "id": RUN, "experiment": "vit", "seed": 0, "command": [], "git": {"commit": "0", "dirty": False},
    "config": {"name": "vit", "lr": 0.1, "tags": ["a"], "options": {"pool": "mean"}}, "created": 1.0, "cwd": "/",
}  # fmt: skip
LABELS = {"v": 1, "added": ["b"], "removed": ["a"], "note": "warm"}
TICKET = {"submitted": 1.0, "device": "auto", "settings": ["lr=1"]}
LINES = [json.dumps(event).encode() for event in EVENTS]


def words() -> list[str]:
    """Return the names of fields and values that hurt, for mutations to put in."""
    names = {name for record in (*EVENTS, STATUS, INFO, TICKET, LABELS) for name in record}
    return [*(f'"{name}":' for name in sorted(names)), "\n", "null", "1e999", "-1", "\\ud800", "[[", "9" * 40]
