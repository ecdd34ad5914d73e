"""A run's folder made of bytes: any contents in any of its files, in place of files what no file is, any names.

::

    PART | PART | …        PART = name's number, kind's number, contents
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

BETWEEN = b"\xff|\xff"
"""Stands between the parts; in UTF-8 it is nothing."""
NAMES = (
    "status.json", "run.json", "queued.json", "events.jsonl", "labels.json", "control", "console.log", "lock",
    "posted.json", "predictions.json", "predictions.npy", "checkpoints/last.pt", "checkpoints/best.pt", ".reserve",
    "checkpoints", "../.queue.json", "../.worker.log", "../.worker.lock", "../.sites/jz.json", "beats",
)  # fmt: skip
"""The files of a run, those beside it, and one that is none of ours."""
KINDS = (
    "file", "file", "file", "file", "missing", "outside", "fifo", "folder", "loop", "sparse", "stranger", "hard link",
)  # fmt: skip
CONFIDENTIAL = "what only its owner reads"
"""Stands in the file outside that links lead to."""


class HostileFolder:
    """A folder of runs with an honest run in it, and the run that is made of bytes.

    Args:
        base: Where it lies: ``base/lab/runs``, beside ``base/outside``.
        run_id: The name of the run.
    """

    def __init__(self, base: Path, run_id: str) -> None:
        self.lab, self.outside = base / "lab", base / "outside"
        self.root = self.lab / "runs"
        self.run = self.root / run_id
        self.root.mkdir(parents=True)
        self.outside.mkdir()
        (self.outside / "secret").write_text(CONFIDENTIAL)

    def make(self, files: dict[str, bytes], parts: bytes) -> None:
        """Make the run anew: of usual files, then of the parts of an input in their place.

        Args:
            files: The usual files, by name.
            parts: The input.
        """
        shutil.rmtree(self.run, ignore_errors=True)
        for name in (".queue.json", ".worker.log", ".worker.lock"):
            _remove(self.root / name)
        shutil.rmtree(self.root / ".sites", ignore_errors=True)
        (self.root / ".sites").mkdir()
        (self.run / "checkpoints").mkdir(parents=True)
        for name, content in files.items():
            (self.run / name).write_bytes(content)
        for part in parts.split(BETWEEN):
            if len(part) >= 2:
                self._put(part[0], KINDS[part[1] % len(KINDS)], part[2:])

    def _put(self, number: int, kind: str, content: bytes) -> None:
        name = NAMES[number % len(NAMES)]
        if number >= 250:  # a name of its own making
            name = os.fsdecode(content[:40].replace(b"\0", b"").replace(b"/", b"")) or "x"
            name = name if name not in (".", "..") else "x"
        path = self.run / name
        if not path.parent.is_dir() or path.parent.is_symlink():
            return
        with contextlib.suppress(OSError):  # a name that is too long for the disk
            _remove(path)
            _make(path, kind, content, self.outside)

    def untouched(self) -> bool:
        """Return whether all is as it was outside of the folder of runs."""
        return [path.name for path in self.outside.iterdir()] == ["secret"] and (
            self.outside / "secret"
        ).read_text() == CONFIDENTIAL


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _make(path: Path, kind: str, content: bytes, outside: Path) -> None:
    if kind == "file":
        path.write_bytes(content)
    elif kind == "outside":
        path.symlink_to(outside / "secret" if path.name != "checkpoints" else outside)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
        (path / "inside").touch()
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "sparse":
        path.write_bytes(content)
        os.truncate(path, 1 << 33)
    elif kind == "stranger":
        path.write_bytes(content)
        with contextlib.suppress(PermissionError):
            os.chown(path, 65534, 65534)
        path.chmod(0o666)
    elif kind == "hard link":
        with contextlib.suppress(FileNotFoundError):
            os.link(path.parent / "events.jsonl", path)


def parts(files: Iterable[tuple[str, bytes]], kind: str = "file") -> bytes:
    """Return the input that puts contents into files.

    Args:
        files: Names of ``NAMES`` with contents.
        kind: What to make of all of them.
    """
    kinds = bytes([KINDS.index(kind)])
    return BETWEEN.join(bytes([NAMES.index(name)]) + kinds + content for name, content in files)
