"""What the worker says to everybody who looks at the queue: that it is at it, and why each run still waits."""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path

import msgspec

from engine.runs.queue_entry import Ticket
from engine.runs.store import Run
from engine.system.files import DAMAGED, read_small, write_atomic
from engine.system.lock import Holder

NAME = ".queue.json"
HELD = "held"
NO_WORKER = "no worker is at it; `engine work` starts one"
STARTING_S = 5.0
"""Seconds for which a run that was just queued may have a worker on its way."""


class Notice(msgspec.Struct, kw_only=True):
    """The file .queue.json in a folder of runs."""

    worker: Holder
    devices: list[str] = []
    """The names of the devices that it gives out."""
    reasons: dict[str, str] = {}
    """Why each waiting run waits, by its id."""
    left: bool = False
    """Whether the worker has left because none of them starts by itself."""

    def is_current(self) -> bool:
        """Return whether it is true still: the worker is at it, or has left; another machine's worker is believed."""
        return self.left or not self.worker.is_dead


def lock_file(root: Path) -> Path:
    """Return the file whose lock the worker of a folder of runs holds for as long as it lives."""
    return root / ".worker.lock"


def publish(root: Path, notice: Notice) -> None:
    """Replace what is said."""
    write_atomic(_file(root), msgspec.json.encode(notice))


def withdraw(root: Path) -> None:
    """Say nothing any more."""
    _file(root).unlink(missing_ok=True)


def read(root: str) -> Notice | None:
    """Return what is said; None where a worker that is gone would have said it."""
    file = f"{root}/{NAME}"
    try:
        stat = os.lstat(file)
    except OSError:
        return None
    notice = _read(file, stat.st_ino, stat.st_mtime_ns)
    return notice if notice is not None and notice.is_current() else None


def why_waiting(run: Run, place: Ticket | None) -> str:
    """Return in words why a queued run waits, empty while the worker has not seen it yet."""
    notice = read(run.folder.rpartition("/")[0] or ".")
    if notice is not None and not notice.left:
        return notice.reasons.get(run.id, "")
    if place is not None and place.on_hold:
        return HELD
    if notice is not None and (reason := notice.reasons.get(run.id, HELD)) != HELD:
        return reason
    soon = place is not None and 0 <= time.time() - place.submitted < STARTING_S
    return "" if soon else NO_WORKER


@functools.lru_cache(maxsize=8)
def _read(file: str, _inode: int, _time: int) -> Notice | None:
    """Read the file once for all the runs of a list: it is replaced, never changed."""
    try:
        return msgspec.json.decode(read_small(file), type=Notice)
    except DAMAGED:
        return None


def _file(root: Path) -> Path:
    return root / NAME
