"""The processes of a run on this machine: the one that trains, its descendants, and all that carry the run's mark.

The mark is two variables of the environment, which every process that a run starts inherits.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine.runs.status import Status
from engine.runs.store import Run
from engine.system import process

RUN, FOLDER = "VITUI_RUN", "VITUI_RUN_DIR"
"""The variables that name the run and its folder."""
MAX_READ = 1024 * 1024
"""Bytes of a process's command line or environment that are read."""


@dataclass(frozen=True)
class Origin:
    """Which run a process says that it belongs to."""

    run: str
    folder: Path | None
    """The folder of runs, where it says so."""


def mark(run: Run) -> dict[str, str]:
    """Return the variables of the environment that mark the processes of a run."""
    return {RUN: run.id, FOLDER: str(run.path.resolve())}


def main_process(status: Status) -> psutil.Process | None:
    """Return the process that trains a run, None where it is gone."""
    if not process.is_alive(status.pid, status.process_started, status.boot):
        return None
    with contextlib.suppress(psutil.Error):
        return psutil.Process(status.pid)
    return None


def family(pid: int) -> set[psutil.Process]:
    """Return the live processes among one and its descendants that this user may see."""
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(pid)
        return {parent, *parent.children(recursive=True)}
    return set()


def processes_of(run: Run, status: Status) -> list[psutil.Process]:
    """Return the processes of a run on this machine, without this one, sorted by pid."""
    home = str(run.path.resolve())
    processes = family(main.pid) if (main := main_process(status)) is not None else set()
    for candidate in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if candidate.environ().get(FOLDER) == home:
                processes.add(candidate)
    return sorted(
        (member for member in processes if member.pid != os.getpid() and lives(member)),
        key=lambda member: member.pid,
    )


def lives(candidate: psutil.Process) -> bool:
    """Return whether a process exists and is no zombie."""
    try:
        return bool(candidate.is_running() and candidate.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def origin_of(pid: int) -> Origin | None:
    """Return the run that a process says it belongs to; None for other programs and for unreadable processes."""
    variables = dict(pair.split("=", 1) for pair in _words(pid, "environ") if "=" in pair)
    if run := variables.get(RUN):
        folder = variables.get(FOLDER)
        return Origin(run, Path(folder).parent if folder else None)
    words = _words(pid, "cmdline")
    for i, word in enumerate(words[:-1]):
        if word == "train" and any("engine" in before for before in words[:i]):
            return Origin(words[i + 1], _after(words, "--runs"))
    return None


def _after(words: list[str], option: str) -> Path | None:
    return next((Path(value) for name, value in itertools.pairwise(words) if name == option), None)


def _words(pid: int, file: str) -> list[str]:
    """Return the words of a file that ``/proc`` has of a process, empty where this user cannot read it."""
    try:
        with Path(f"/proc/{pid}/{file}").open("rb") as opened:
            return [os.fsdecode(word) for word in opened.read(MAX_READ).split(b"\0")]
    except OSError:
        return []
