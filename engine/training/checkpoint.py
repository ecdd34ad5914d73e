"""Checkpoints: tensors and plain values only, written beside, flushed, renamed; nothing is ever unpickled."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.errors import CheckpointError
from engine.models.weights.untrusted_files import read_torch_file
from engine.system.files import create_private, draft_of

KEYS = ("model", "optimizer", "scheduler", "step", "epoch", "rng", "config")
"""What every checkpoint holds."""
MOST_STEPS = 2**53
"""Steps, and epochs, that an event can tell of."""


ROOM = 1024 * 1024
"""Bytes of disk that a checkpoint leaves to what a run says."""

RETRY_S = 0.5


def save(path: Path, state: dict[str, Any]) -> int:
    """Write a checkpoint so that whoever opens ``path`` finds a whole one; return its bytes.

    Raises:
        OSError: It cannot be written; what stood there before still does.
    """
    try:
        with draft_of(path, f".{path.name}.tmp") as draft:
            _require_room(path.parent, _size(state) + ROOM)
            with os.fdopen(create_private(draft), "wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
                return file.tell()
    except (OSError, RuntimeError) as error:  # torch wraps what went wrong
        raise _cause(error) from error


def keep_as(path: Path, other: Path) -> None:
    """Give a written checkpoint a second name, without copying it where the disk can.

    Raises:
        OSError: It cannot be written; what stood there before still does.
    """
    with draft_of(other, f".{other.name}.tmp") as draft:
        try:
            os.link(path, draft)
        except OSError:  # no hard links here
            with path.open("rb") as source, os.fdopen(create_private(draft), "wb") as target:
                shutil.copyfileobj(source, target)


def keep_best(folder: Path, state: dict[str, Any]) -> int:
    """Name what was written as ``last.pt`` ``best.pt`` too; return its bytes.

    Where the averaged weights are the better ones, ``best.pt`` holds them as its ``model``.

    Args:
        folder: The run's checkpoints.
        state: What ``last.pt`` holds; its ``best_weights`` are ``model`` or ``ema``.

    Raises:
        OSError: It cannot be written; what stood there before still does.
    """
    if state.get("best_weights") == "ema":
        return save(folder / "best.pt", {**state, "model": state["average"]})
    keep_as(folder / "last.pt", folder / "best.pt")
    return (folder / "best.pt").stat().st_size


def load(path: Path, device: torch.device) -> dict[str, Any]:
    """Return a checkpoint.

    Raises:
        CheckpointError: It is damaged, or no checkpoint of vitui's.
    """
    try:
        state = read_torch_file(path, device)
    except CheckpointError as error:
        run = path.parent.parent.name
        cure = (
            f"without it `engine resume {run}` begins anew, with best.pt under its name it goes on from there"
        )
        raise CheckpointError(f"{error}; {cure}") from None
    checkpoint: dict[str, Any] = state if isinstance(state, dict) else {}
    if missing := [key for key in KEYS if key not in checkpoint]:
        raise CheckpointError(f"{path} is no checkpoint of vitui's: it lacks {', '.join(missing)}")
    step, epoch = checkpoint["step"], checkpoint["epoch"]
    if type(step) is not int or not 0 <= step <= MOST_STEPS:
        raise CheckpointError(f"{path} is no checkpoint of vitui's: its step is {str(step)[:40]}")
    if type(epoch) not in (int, float) or not 0 <= epoch <= MOST_STEPS:
        raise CheckpointError(f"{path} is no checkpoint of vitui's: its epoch is {str(epoch)[:40]}")
    return checkpoint


def copied(state: Any) -> Any:
    """Return a copy in main memory of tensors in dictionaries and lists, which goes on learning cannot change."""
    match state:
        case Tensor():
            return state.detach().to("cpu", copy=True)
        case dict():
            return {key: copied(value) for key, value in state.items()}
        case list() | tuple():
            return type(state)(copied(value) for value in state)
    return state


class Writer:
    """Writes checkpoints in a thread, one at a time: the loop waits for the copy, not for the disk."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._work: Callable[[], None] = lambda: None
        self.error: OSError | None = None
        """Why the last checkpoint could not be written; None after a success."""

    def start(self, work: Callable[[], None], failed: Callable[[OSError], None]) -> None:
        """Do ``work`` in the thread once the last one is done; if it cannot write, ``failed`` says so."""
        self.wait()

        def run() -> None:
            try:
                work()
                self.error = None
            except OSError as error:
                self.error = error
                failed(error)

        self._work = work
        self._thread = threading.Thread(target=run, name="checkpoint")
        self._thread.start()

    def insist(self, seconds: float) -> None:
        """Try the last one again, if it could not be written, until it is or the time is over."""
        self.wait()
        deadline = time.monotonic() + seconds
        while self.error is not None and time.monotonic() < deadline:
            time.sleep(RETRY_S)
            try:
                self._work()
                self.error = None
            except OSError as error:
                self.error = error

    def wait(self) -> None:
        """Wait until nothing is being written."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None


def _require_room(folder: Path, size: int) -> None:
    """Raise OSError before anything is written where ``size`` bytes have no room: what is small still has."""
    filesystem = os.statvfs(folder)
    if filesystem.f_bavail * filesystem.f_frsize < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _size(state: Any) -> int:
    """Return about how many bytes a state takes on a disk."""
    match state:
        case Tensor():
            return state.nbytes
        case dict():
            return sum(map(_size, state.values()))
        case list() | tuple():
            return sum(map(_size, state))
    return 0


def _cause(error: OSError | RuntimeError) -> OSError:
    """Return the system's error behind one of torch's."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__context__
    return cause or OSError(str(error))
