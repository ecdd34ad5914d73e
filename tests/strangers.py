"""Run folders that others made, put beside one's own: each would leave a mark if its command were ever started.

The cases are those of the review of November 2026: tickets of every kind, tickets that name processes, files that are
links, pipes and damage, and texts that aim at a terminal.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import msgspec

from engine.config.schema import Experiment
from engine.runs.store import RunInfo
from engine.system import process
from engine.system.lock_holder import Holder
from tests.hostile_texts import HOSTILE

GONE = 2**22 + 1
"""A pid that no process has."""
START: dict[str, Any] = {
    "event": "start",
    "v": 1,
    "attempt": 1,
    "experiment": "stranger",
    "seed": 0,
    "pid": GONE,
}
FAILED: dict[str, Any] = {
    "event": "end", "state": "failed", "reason": "x", "duration_s": 1,
    "error": {"type": "CommandFailed", "message": "x"},
}  # fmt: skip
TICKETS: dict[str, dict[str, Any] | str] = {
    "latest": {"submitted": 1e308, "order": -1e308},
    "gpus": {"submitted": 1, "gpus": 1_000_000_000},
    "no-gpus": {"submitted": 1, "gpus": -1},
    "not-before": {"submitted": 1, "not_before": 1e308},
    "after": {"submitted": 1, "after": ["../../x", HOSTILE["osc52"]]},
    "settings": {"submitted": 1, "settings": ['command=["touch","{mark}"]']},
    "device": {"submitted": 1, "device": HOSTILE["csi"]},
    "retried": {"submitted": 1, "stage": "failed", "retried": 100_000},
    "first": {"submitted": 1, "priority": 2**63 - 1},
    "too-first": {"submitted": 1, "priority": 99_999_999_999_999_999_999_999},
    "devices": {"submitted": 1, "devices": {HOSTILE["csi"]: "x"}},
    "earliest": {"submitted": -1e308, "not_before": -1e308},
}
"""Tickets that try something, by what it is."""


class Strangers:
    """Writes run folders of others into a folder of runs.

    Args:
        root: The folder of runs.
        marks: Where each command that is started leaves a file of the name of its case.
    """

    def __init__(self, root: Path, marks: Path) -> None:
        self.root, self.marks = root, marks
        self.names: list[str] = []
        root.mkdir(exist_ok=True)
        marks.mkdir(exist_ok=True)

    def executed(self) -> list[str]:
        """Return the cases whose command was started."""
        return sorted(path.name for path in self.marks.iterdir())

    def write(
        self, case: str, ticket: dict[str, Any] | str | None = None, events: tuple[dict[str, Any], ...] = (), *,
        retries: int = 0, text: str = "stranger", files: dict[str, str] | None = None,
    ) -> Path:  # fmt: skip
        """Write a run that would leave a mark, and return its folder.

        Args:
            case: Its name, which its id begins with.
            ticket: Its queued.json; a text as it is, None for none.
            events: What its events.jsonl has.
            retries: How often it asks to be begun anew.
            text: What stands where a run has texts.
            files: Further files, by name.
        """
        number = len(self.names)
        run_id = f"{case}-s0-20261128-10{number // 60:02d}{number % 60:02d}-{number:04x}"
        folder = self.root / run_id
        (folder / "checkpoints").mkdir(parents=True)
        mark = self.marks / case
        command = ["sh", "-c", f"touch {mark}"]
        experiment = Experiment(
            name=text, model="script", command=command, retries=retries, tags=[text], notes=text
        )
        config = msgspec.to_builtins(experiment)
        info = RunInfo(
            id=run_id, experiment=text, config=config, seed=0, command=command, created=time.time() - 9999,
            cwd=str(self.marks),
        )  # fmt: skip
        (folder / "run.json").write_bytes(msgspec.json.encode(info))
        if events:
            lines = [
                {"time": time.time() - 5000, "run": run_id} | _with_config(each, config) for each in events
            ]
            (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        if ticket is not None:
            said = ticket if isinstance(ticket, str) else json.dumps(ticket)
            (folder / "queued.json").write_text(said.replace("{mark}", str(mark)))
        for name, content in (files or {}).items():
            (folder / name).write_text(content)
        self.names.append(case)
        return folder

    def write_queued(self) -> None:
        """Write the runs that ask to be started: those of the review's stranger.py, 18."""
        dead = {
            "pid": GONE,
            "started": 1.0,
            "boot": "x",
            "host": process.host(),
            "space": process.pid_space(),
        }
        here, elsewhere = START | {"host": process.host()}, START | {"host": "elsewhere"}
        taken = {"submitted": 1.0, "stage": "taken", "attempts": 0}
        failed = {"submitted": 1.0, "stage": "failed", "attempts": 0}
        self.write("waits", {"submitted": 1.0})
        self.write("damaged", "garbage")
        self.write("crashed", taken | {"holder": dead}, (here,), retries=3)
        self.write("elsewhere", taken, (elsewhere,), retries=3)
        self.write("failed", failed, (elsewhere, FAILED), retries=3)
        self.write("resume", None, (elsewhere, FAILED))
        for name, ticket in TICKETS.items():
            self.write(name, ticket, retries=2)

    def write_spoofed(self, force: int, retry: int) -> tuple[Path, Path]:
        """Write two runs that name processes which are none of theirs, and return their folders.

        Args:
            force: The pid that the first names as its own: what `engine stop --force` would end.
            retry: The pid that the second names, whose holder has died: what a worker would end before a retry.
        """
        dead = Holder(pid=GONE, started=1.0, boot="x", host=process.host(), space=process.pid_space())
        taken = {"submitted": 1.0, "stage": "taken", "attempts": 0, "holder": msgspec.to_builtins(dead)}
        first = self.write("force", None, (_start_of(force),), retries=3)
        second = self.write("retry", taken, (_start_of(retry),), retries=3, files={"lock": ""})
        return first, second

    def write_texts(self) -> None:
        """Write a run of every hostile text, each in all places where a run has texts."""
        for name, text in HOSTILE.items():
            end = FAILED | {
                "reason": text,
                "error": {"type": text, "message": text, "traceback": f"{text}\nx"},
            }
            start = START | {
                "host": text,
                "device": text,
                "init": text,
                "versions": {text: text},
                "experiment": text,
            }
            metrics = {
                "event": "metrics", "step": 5, "epoch": 1.0, "values": {"test/f1": 0.5, f"evil/{text}": 1.0, text: 2.0},
            }  # fmt: skip
            log = {"event": "log", "level": "error", "message": text}
            label = json.dumps({"v": 1, "added": [text[:40]], "note": text})
            self.write(
                f"text-{name}", {"submitted": 1, "stage": "left", "device": text}, (start, metrics, log, end),
                text=text, files={"labels.json": label, "console.log": f"{text}\n{text}\r\n"},
            )  # fmt: skip

    def write_misfits(self, outside: Path) -> None:
        """Write runs whose files are links out, pipes, folders, damage and too much; and folders of odd names.

        Args:
            outside: A file that the links lead to.
        """
        names = (
            "run.json",
            "events.jsonl",
            "status.json",
            "labels.json",
            "console.log",
            "lock",
            "control",
            "queued.json",
        )
        for case in ("links", "pipes", "folders", "damage", "sparse"):
            folder = self.write(case)
            for name in names:
                _spoil(folder / name, case, outside)
        (self.root / "linked-s0-20261128-120094-ffff").symlink_to(outside.parent)
        for name in (
            "..x",
            "-rf-s0-20261128-120099-aaaa",
            "a\nb-s0-20261128-120098-bbbb",
            "\x1b[31mx-s0-1",
            "x\u202ey-s0-2",
        ):
            (self.root / name).mkdir()
            (self.root / name / "run.json").write_text("{}")


def _with_config(event: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    return event | {"config": config} if event["event"] == "start" else event


def _start_of(pid: int) -> dict[str, Any]:
    """Return the start event of a run that claims a process of this machine."""
    return START | {
        "pid": pid, "host": process.host(), "boot": process.boot_id(), "process_started": process.started(pid),
        "device": "cpu", "time": time.time(),
    }  # fmt: skip


def _spoil(path: Path, case: str, outside: Path) -> None:
    path.unlink(missing_ok=True)
    if case == "links":
        path.symlink_to(outside)
    elif case == "pipes":
        os.mkfifo(path)
    elif case == "folders":
        path.mkdir()
    elif case == "damage":
        path.write_bytes(b'{"\xff\x00[' * 50 + b"\n")
    else:
        path.touch()
        os.truncate(path, 1 << 33)
