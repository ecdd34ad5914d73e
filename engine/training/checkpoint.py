"""Checkpoints: tensors and plain values only, written beside, flushed, renamed; nothing is ever unpickled."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

KEYS = ("model", "optimizer", "scheduler", "step", "epoch", "rng", "config")
"""What every checkpoint holds."""


class CheckpointError(Exception):
    """A checkpoint cannot be used; the message says which, why and what to do."""


def save(path: Path, state: dict[str, Any]) -> int:
    """Write a checkpoint so that whoever opens ``path`` finds a whole one; return its bytes.

    Raises:
        OSError: It cannot be written; what stood there before still does.
    """
    draft = path.with_name(f".{path.name}.tmp")
    try:
        with draft.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        draft.replace(path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
        draft.unlink(missing_ok=True)
        raise error if isinstance(error, OSError) else OSError(str(error)) from error
    return size


def keep_as(path: Path, other: Path) -> None:
    """Give a written checkpoint a second name, without copying it where the disk can."""
    draft = other.with_name(f".{other.name}.tmp")
    draft.unlink(missing_ok=True)
    try:
        os.link(path, draft)
    except OSError:  # no hard links here
        shutil.copyfile(path, draft)
    draft.replace(other)


def load(path: Path, device: torch.device) -> dict[str, Any]:
    """Return a checkpoint.

    Raises:
        CheckpointError: It is damaged, or no checkpoint of vitui's.
    """
    try:
        state: Any = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # noqa: BLE001  torch raises what its parts raise: zip, pickle, OS and runtime errors
        raise CheckpointError(f"{path} cannot be read: {error}") from None
    found: dict[str, Any] = state if isinstance(state, dict) else {}
    if missing := [key for key in KEYS if key not in found]:
        raise CheckpointError(f"{path} is no checkpoint of vitui's: it lacks {', '.join(missing)}")
    return found


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
        self.error: OSError | None = None
        """Why the last one could not be written; None after one that was."""

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

        self._thread = threading.Thread(target=run, name="checkpoint")
        self._thread.start()

    def wait(self) -> None:
        """Wait until nothing is being written."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
