"""A checkpoint that arrives in parts from another machine, and is made whole here.

The draft's name holds the key of the file that it is a part of, so that the next try goes on with it, and never with
the parts of two. It takes the checkpoint's name once its digest is right; nothing of it is loaded here.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from engine.runs.store import Run, StoreError
from engine.sites.far_end_messages import Checkpoint, Chunk, Fetch
from engine.sites.ssh_command import SiteError
from engine.system.files import write_all

CHUNK = 1024 * 1024
"""Bytes that are read at once."""
_KEY = re.compile(r"\d{1,20}-\d{1,20}", re.ASCII)
"""What tells a checkpoint from the one that stood in its place before: its size and its time."""


class PartialCheckpoint:
    """A checkpoint that arrives for a run here.

    Args:
        run: The run.
        file: Which one.

    Raises:
        StoreError: The run's folder of checkpoints is none of its own.
    """

    def __init__(self, run: Run, file: Checkpoint) -> None:
        if run.checkpoints.is_symlink() or run.path.is_symlink():
            raise StoreError(f"{run.id}: its folder of checkpoints is a link: nothing is brought into it")
        self._run, self._file = run, file
        self._draft: Path | None = next(iter(self._drafts()), None)
        self.size = 0
        """Bytes of all of it, once the first part has come."""

    @property
    def path(self) -> Path:
        """Where it will be."""
        return self._run.checkpoints / self._file

    @property
    def at(self) -> int:
        """Bytes that are here."""
        try:
            return self._draft.lstat().st_size if self._draft is not None else 0
        except OSError:
            return 0

    def request(self) -> Fetch:
        """Return what to ask for: the rest of what is here, or all."""
        key = self._draft.name.split(".")[-2] if self._draft is not None else ""
        return Fetch(run=self._run.id, file=self._file, at=self.at, key=key)

    def take(self, chunk: Chunk, data: bytes) -> bool:
        """Add a part and return whether that was the last, and the checkpoint has its name.

        Raises:
            SiteError: It is not the next part, or the whole is not what was sent.
            StoreError: It cannot be written.
        """
        if not _KEY.fullmatch(chunk.key):
            raise SiteError(f"{self._run.id}: {self._file} has a key that is none")
        self.size = chunk.size
        try:
            return self._add(chunk, data)
        except OSError as error:
            raise StoreError(f"{self._run.id}: {self._file} cannot be written: {error.strerror}") from None

    def _add(self, chunk: Chunk, data: bytes) -> bool:
        draft = self._run.checkpoints / f".{self._file}.{chunk.key}.part"
        if draft != self._draft:
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            for old in self._drafts():
                old.unlink(missing_ok=True)
            self._draft = draft
        handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            if os.fstat(handle).st_size != chunk.at or chunk.at + len(data) > chunk.size:
                raise SiteError(f"{self._run.id}: a part of {self._file} is missing")
            write_all(handle, data)
            if not chunk.sha256:
                return False
            os.fsync(handle)
            digest = _digest(handle)
        finally:
            os.close(handle)
        if digest != chunk.sha256 or self.at != chunk.size:
            draft.unlink()
            raise SiteError(f"{self._run.id}: {self._file} has changed on its way: fetch it again")
        draft.replace(self.path)
        return True

    def _drafts(self) -> list[Path]:
        return sorted(self._run.checkpoints.glob(f".{self._file}.*.part"))


def _digest(handle: int) -> str:
    digest, at = hashlib.sha256(), 0
    while data := os.pread(handle, CHUNK, at):
        digest.update(data)
        at += len(data)
    return digest.hexdigest()
