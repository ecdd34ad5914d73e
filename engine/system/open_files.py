"""What the kernel says of the files that a process has open; only Linux tells."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def writes_to(pid: int, info: os.stat_result) -> bool | None:
    """Return whether a process has a file open to write to it; None where this user may not see that."""
    try:
        return any(is_written(pid, each.name) for each in descriptors(pid) if _is_same(each, info))
    except OSError:
        return None


def descriptors(pid: int) -> Iterator[Path]:
    """Return the links to the files that a process has open.

    Raises:
        OSError: This user may not see them, or there is no such process.
    """
    return Path(f"/proc/{pid}/fd").iterdir()


def is_locked(pid: int, number: str) -> bool:
    """Return whether the open file behind a descriptor has an exclusive lock; a reader has a shared one, or none."""
    return any({"FLOCK", "WRITE"} <= words for words in _facts(pid, number, "lock:"))


def is_written(pid: int, number: str) -> bool:
    """Return whether a descriptor may be written to."""
    return any(int(word, 8) & os.O_ACCMODE for words in _facts(pid, number, "flags:") for word in words)


def _is_same(descriptor: Path, info: os.stat_result) -> bool:
    try:
        return os.path.samestat(descriptor.stat(), info)
    except OSError:
        return False


def _facts(pid: int, number: str, kind: str) -> list[set[str]]:
    """Return the words of the lines of a kind that the kernel says of a descriptor."""
    try:
        text = Path(f"/proc/{pid}/fdinfo/{number}").read_text()
    except OSError:
        return []
    return [set(line.removeprefix(kind).split()) for line in text.splitlines() if line.startswith(kind)]
