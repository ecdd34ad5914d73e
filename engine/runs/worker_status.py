"""The worker's public status: the devices that it gives out, and why each run still waits."""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path

import msgspec

from engine.runs.queue_entry import QueueEntry
from engine.runs.store import Run
from engine.runs.trust.queued_by_user import why_untrusted
from engine.system.files import DAMAGED, read_small, write_atomic
from engine.system.lock import Holder

NAME = ".queue.json"
HELD = "held"
NO_WORKER = "no worker is running; `engine work` starts one"
STARTING_S = 5.0
"""Seconds after a run was queued in which its worker may still be starting."""


class OfferedDevice(msgspec.Struct, kw_only=True, frozen=True):
    """A device that the worker gives out."""

    id: str
    """The UUID of a GPU or of a slice of one; ``cpu:0``, ``cpu:1``, … for slots on the CPU."""
    name: str
    """Its name for people."""
    index: int = 0
    gpu: bool = False
    lost: str = ""
    """Why a GPU does not answer, empty while it does."""


class WorkerStatus(msgspec.Struct, kw_only=True):
    """The file .queue.json in a folder of runs."""

    worker: Holder
    devices: list[OfferedDevice] = []
    """The devices that it gives out, whether free or not."""
    reasons: dict[str, str] = {}
    """Why each waiting run waits, by its id."""
    left: bool = False
    """Whether the worker has ended because none of the waiting runs starts by itself."""

    def is_current(self) -> bool:
        """Return whether it holds still: its worker has left, or is alive as far as this machine can tell."""
        return self.left or not self.worker.is_dead


def lock_file(root: Path) -> Path:
    """Return the file whose lock the worker of a folder of runs holds for as long as it lives."""
    return root / ".worker.lock"


def publish(root: Path, worker_status: WorkerStatus) -> None:
    """Replace the status file.

    Raises:
        OSError: It cannot be written.
    """
    write_atomic(_file(root), msgspec.json.encode(worker_status))


def withdraw(root: Path) -> None:
    """Remove the status file."""
    _file(root).unlink(missing_ok=True)


def read(root: str) -> WorkerStatus | None:
    """Return the status of the worker of a folder of runs; None without a worker."""
    file = f"{root}/{NAME}"
    try:
        stat = os.lstat(file)
    except OSError:
        return None
    worker_status = _read(file, stat.st_ino, stat.st_mtime_ns)
    return worker_status if worker_status is not None and worker_status.is_current() else None


def why_waiting(run: Run, entry: QueueEntry | None) -> str:
    """Return in words why a queued run waits, empty until a worker has seen it.

    Args:
        run: The run.
        entry: Its entry in the queue; None where it has none.
    """
    worker_status = read(run.folder.rpartition("/")[0] or ".")
    of_worker = worker_status.reasons.get(run.id, "") if worker_status is not None else ""
    if worker_status is not None and not worker_status.left and of_worker:
        return of_worker
    if entry is not None and (why := why_untrusted(run, entry)):
        return why
    if worker_status is not None and not worker_status.left:
        return ""
    if entry is not None and entry.on_hold:
        return HELD
    if worker_status is not None and (reason := worker_status.reasons.get(run.id, HELD)) != HELD:
        return reason
    soon = entry is not None and 0 <= time.time() - entry.submitted < STARTING_S
    return "" if soon else NO_WORKER


@functools.lru_cache(maxsize=8)
def _read(file: str, _inode: int, _time: int) -> WorkerStatus | None:
    """Read the file once for all the runs of a list: it is replaced, never changed."""
    try:
        return msgspec.json.decode(read_small(file), type=WorkerStatus)
    except DAMAGED:
        return None


def _file(root: Path) -> Path:
    return root / NAME
