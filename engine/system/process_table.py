"""What each process of this machine uses: one pass over /proc, and the difference to the pass before.

Elsewhere than on Linux it is empty. Whose a process is, which costs a further question each, ``owner`` tells.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from engine.system.permissions import user_name

_PARENT, _USER_TICKS, _SYSTEM_TICKS, _START, _PAGES = 1, 11, 12, 19, 21
"""Where in /proc/PID/stat, behind the name."""
MOST_BYTES = 1024
"""That are read of a file of a process: its stat is shorter, and of a command the beginning is enough."""


class ProcessUse(NamedTuple):
    """What a process uses."""

    name: str
    parent: int
    cpu: float | None
    """Percent of one core since the look before; None at the first look at it."""
    memory: int
    """Resident bytes."""


class ProcessTable:
    """Looks at all processes."""

    def __init__(self) -> None:
        self._looked = 0.0
        self._ticks: dict[int, tuple[int, int]] = {}
        """When each process began, and the processor time that it had taken; in clock ticks."""

    def look(self) -> dict[int, ProcessUse]:
        """Return what each process uses, by pid."""
        now, passed_s = time.monotonic(), time.monotonic() - self._looked
        before, self._ticks, self._looked = self._ticks, {}, now
        uses: dict[int, ProcessUse] = {}
        for name in _pids():
            pid = int(name)
            stat = _stat(name)
            if stat is None:
                continue
            called, fields = stat
            start, ticks = int(fields[_START]), int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])
            self._ticks[pid] = start, ticks
            began, taken = before.get(pid, (-1, 0))
            cpu = (
                100.0 * (ticks - taken) / _ticks_a_second() / passed_s
                if began == start and passed_s > 0
                else None
            )
            uses[pid] = ProcessUse(called, int(fields[_PARENT]), cpu, int(fields[_PAGES]) * _page_bytes())
        return uses


def ancestors(uses: Mapping[int, ProcessUse], pid: int) -> tuple[int, ...]:
    """Return the processes that one is a child of, the nearest first."""
    found: list[int] = []
    while (use := uses.get(pid)) is not None and use.parent > 0 and use.parent not in found:
        pid = use.parent
        found.append(pid)
    return tuple(found)


def owner(pid: int) -> str:
    """Return the user that a process is of, their number where they have no name; empty for a process that is gone."""
    try:
        return user_name(Path(f"/proc/{pid}").stat().st_uid)
    except OSError:
        return ""


def command(pid: int) -> list[str]:
    """Return the words that a process was started with; none where it tells none, and of a long line the beginning."""
    try:
        file = os.open(f"/proc/{pid}/cmdline", os.O_RDONLY)
    except OSError:
        return []
    try:
        return os.read(file, MOST_BYTES).decode(errors="replace").removesuffix("\0").split("\0")
    except OSError:
        return []
    finally:
        os.close(file)


@functools.cache
def _ticks_a_second() -> int:
    return os.sysconf("SC_CLK_TCK")


@functools.cache
def _page_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE")


def _pids() -> list[str]:
    try:
        return [entry.name for entry in os.scandir("/proc") if entry.name.isdecimal()]
    except OSError:
        return []


def _stat(pid: str) -> tuple[str, list[bytes]] | None:
    """Return a process's name and what follows it; None for a process that has ended."""
    try:
        file = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        line = os.read(file, MOST_BYTES)
    except OSError:
        return None
    finally:
        os.close(file)
    name, _, rest = line.partition(b"(")[2].rpartition(b")")
    fields = rest.split()
    return (name.decode(errors="replace"), fields) if len(fields) > _PAGES else None
