"""The worker's public status: the devices that it gives out, its reasons why runs wait, and whether it answers.

While it works it touches the file every few seconds: one whose file is old hangs.
"""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path

import msgspec

from engine.system import lock, process
from engine.system.files import DAMAGED, read_small, write_atomic
from engine.system.lock_holder import Holder
from engine.text import span

NAME = ".queue.json"
LOG = ".worker.log"
"""What the worker prints."""
BEAT_S = 5.0
"""Seconds between two touches of the file."""
SILENT_S = 60.0
"""Seconds without a touch after which a worker counts as hung: a look at lost GPUs may take some."""


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


def beat(root: Path) -> None:
    """Say that the worker answers.

    Raises:
        OSError: Its status is not there.
    """
    os.utime(_file(root))


def trouble(root: Path) -> str:
    """Return in words that the worker of a folder of runs does nothing; empty where it answers, or there is none."""
    if (holder := lock.holder_of(lock_file(root))) is None:
        return ""
    replaced = "`engine work --replace` serves in its stead"
    if process.is_stopped(holder.pid):
        return f"the worker ({holder.pid}) is stopped: `kill -CONT {holder.pid}` lets it go on, {replaced}"
    try:
        silent = time.time() - _file(root).stat().st_mtime
    except OSError:  # it has just begun, or the disk is full
        return ""
    return (
        f"the worker ({holder.pid}) has not answered for {span(silent)}: {replaced}"
        if silent > SILENT_S
        else ""
    )


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


@functools.lru_cache(maxsize=8)
def _read(file: str, _inode: int, _time: int) -> WorkerStatus | None:
    """Read the file once for all the runs of a list: it is replaced, never changed."""
    try:
        return msgspec.json.decode(read_small(file), type=WorkerStatus)
    except DAMAGED:
        return None


def _file(root: Path) -> Path:
    return root / NAME
