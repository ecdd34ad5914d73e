"""Which processes have to do with a folder, from what /proc says of all; and signals to all of a run."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from engine.runs.processes.membership import family


def commands(folder: Path) -> list[tuple[int, list[str]]]:
    """Return the processes that have to do with a folder, by their words, environment or place; not our own."""
    mark, found, mine = os.fsencode(folder), [], set(_ancestors())
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        if pid in mine or (parent(pid) == os.getpid() and _is_ours(entry)):
            continue
        try:
            words, environment = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
            if words and (mark in words or mark in environment or folder == (entry / "cwd").readlink()):
                found.append((pid, words.decode(errors="replace").split("\0")[:-1]))
        except OSError:
            continue
    return found


def _is_ours(entry: Path) -> bool:
    """Return whether a process is a copy in the making, not of the engine."""
    with contextlib.suppress(OSError):
        return b"engine.cli" not in (entry / "cmdline").read_bytes()
    return True


def _ancestors() -> Iterator[int]:
    """Yield this process, its parent, and so on."""
    pid = os.getpid()
    while pid > 0:
        yield pid
        pid = parent(pid)


def parent(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat[stat.rindex(")") + 2 :].split()[1])


def signal_everyone(pid: int, number: signal.Signals, chance: random.Random) -> int:
    """Send a signal to a process and all its descendants, in any order; return how many had it."""
    members, hit = sorted(family(pid), key=lambda member: member.pid), 0
    chance.shuffle(members)
    for member in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.send_signal(number)
            hit += 1
    return hit


def waits_for(lock: Path, held: int = 0) -> bool:
    """Return whether this process has a lock's file open for longer than a look at it takes, beside ``held`` times."""
    for _ in range(5):
        links = list(Path("/proc/self/fd").iterdir())
        if sum(link.exists() and link.samefile(lock) for link in links) <= held:
            return False
        time.sleep(0.01)
    return True
