"""A program that stands for a training: ``python steps.py STEPS SECONDS`` says a line a step, and goes on where it was.

It notes in ``beats`` in its run's folder when it was at work, in one write a step, so that tests can see that no two
attempts were at work at once; and which devices it was shown.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path


def main() -> None:
    """Do the steps that are not in the run's events yet."""
    folder = Path(os.environ["VITUI_RUN_DIR"])
    steps, seconds = int(sys.argv[1]), float(sys.argv[2])
    done = recorded(folder / "events.jsonl")
    beats = os.open(folder / "beats", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    shown = os.environ.get("CUDA_VISIBLE_DEVICES", "-")
    for step in range(done + 1, steps + 1):
        os.write(beats, f"{os.getpid()} {time.monotonic()} {step} {shown or 'none'}\n".encode())
        event = {"event": "metrics", "step": step, "epoch": float(step), "values": {"train/loss": 1 / step}}
        with contextlib.suppress(
            BrokenPipeError
        ):  # it works on when nobody listens, like one that prints nothing
            os.write(1, json.dumps(event).encode() + b"\n")
        time.sleep(seconds)
    if len(sys.argv) > 3 and int(os.environ["VITUI_ATTEMPT"]) < int(sys.argv[3]):
        sys.exit(9)  # it fails so often


def recorded(events: Path) -> int:
    """Return the last step that the run's events have."""
    last = 0
    for line in events.read_bytes().split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event.get("event") == "metrics":
            last = max(last, event["step"])
    return last


def were_at_work_together(folder: Path) -> bool:
    """Return whether a process went on with the run of a folder after another had begun."""
    beats = folder / "beats"
    pids = [line.split()[0] for line in beats.read_text().splitlines()] if beats.exists() else []
    changes = [pid for pid, before in zip(pids, ["", *pids], strict=False) if pid != before]
    return len(changes) != len(set(changes))


if __name__ == "__main__":
    main()
