"""The processes of a run on this machine: those that prove to be its own, and their descendants.

::

    its lock        the kernel says that the process has the run's lock file open and locked, to train it
    its mark        the environment that the process was started with names the run's folder

What a file says of a process, or an id in a command line, proves nothing: whoever writes the folder can write that. A
copy of a folder has neither the lock nor the mark of the processes of the original. Only what is proved gets signals.

Where there is no /proc, only the mark of a user's own processes can be seen.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine.runs import run_lock
from engine.runs.processes.sigterm_then_sigkill import GRACE_S, end_processes, lives
from engine.runs.store import Run, StoreError
from engine.text import printable, shorten

RUN, FOLDER, INODE = "VITUI_RUN", "VITUI_RUN_DIR", "VITUI_RUN_INODE"
"""The variables that name the run, its folder, and the folder's device and inode: a copy in its place is another."""
MAX_READ = 1024 * 1024
"""Bytes of a process's command line or environment that are read."""
NAMED = 5
"""Processes that a sentence names."""
LONGEST = 60
"""Cells of a command that a sentence quotes."""


@dataclass(frozen=True)
class Origin:
    """Which run a process says that it belongs to; for people to read, as anything can say so."""

    run: str
    folder: Path | None
    """The folder of runs, where it says so."""


def mark(run: Run) -> dict[str, str]:
    """Return the variables of the environment that mark the processes of a run; all that it starts inherits them."""
    return {RUN: run.id, FOLDER: str(run.path.resolve()), INODE: _inode(run)}


def unmarked() -> dict[str, str]:
    """Return the variables for a process that a run may start and that is not the run's, as a worker of the queue."""
    return {RUN: "", FOLDER: "", INODE: ""}


def main_process(run: Run) -> psutil.Process | None:
    """Return the process that trains a run and is proved by its lock, None without one."""
    if (holder := run_lock.proved_worker(run)) is None:
        return None
    with contextlib.suppress(psutil.Error):
        main = psutil.Process(holder.pid)
        return main if holder.is_alive else None
    return None


def family(pid: int) -> set[psutil.Process]:
    """Return the live processes among one and its descendants that this user may see."""
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(pid)
        return {parent, *parent.children(recursive=True)}
    return set()


def processes_of(run: Run) -> list[psutil.Process]:
    """Return the processes of a run on this machine, without this one, sorted by pid."""
    main = main_process(run)
    roots = [*([main] if main is not None else []), *_marked(run)]
    return _with_descendants(roots, lambda variables: not names(variables, run))


def leftovers(run: Run) -> list[psutil.Process]:
    """Return the processes that earlier attempts at a run left, for who has its lock and trains nothing yet.

    The ancestors of this process are not among them: a shell that was started by a run may go on with it.
    """
    ancestors = {ancestor.pid for ancestor in psutil.Process().parents()}
    found = _with_descendants(_marked(run), lambda variables: not names(variables, run))
    return [left for left in found if left.pid not in ancestors]


def end_leftovers(run: Run, grace_s: float = GRACE_S) -> str:
    """End what earlier attempts at a run left: only one attempt works at a time.

    Args:
        run: The run; the caller has its lock and trains nothing yet.
        grace_s: Seconds between SIGTERM and SIGKILL.

    Returns:
        What was ended, in words; empty where there was nothing.
    """
    left = leftovers(run)
    text = listed(left)
    end_processes(left, grace_s)
    return f"an earlier attempt left the {text}, now ended" if left else ""


def listed(processes: Sequence[psutil.Process]) -> str:
    """Return the pids and commands of processes as a part of a sentence: ``process 7 (sleep 600)``."""
    more = f" and {len(processes) - NAMED} more" if len(processes) > NAMED else ""
    names = ", ".join(map(_pid_and_command, processes[:NAMED]))
    return f"process{'es' if len(processes) != 1 else ''} {names}{more}"


def descendants() -> list[psutil.Process]:
    """Return the processes that this one, which works for a run, has started or adopted."""
    mine = os.environ.get(INODE)  # its folder may have been renamed since
    return _with_descendants(
        [psutil.Process()], lambda variables: not variables[FOLDER] or variables.get(INODE) != mine
    )


def marks() -> list[Mapping[str, str]]:
    """Return the environments of the processes of this machine that are marked as a run's."""
    found = (_environment(pid) for pid in psutil.pids())
    return [variables for variables in found if variables.get(FOLDER)]


def is_marked(pid: int, run: Run) -> bool:
    """Return whether the environment that a process was started with names the folder of a run."""
    return names(_environment(pid), run)


def names(variables: Mapping[str, str], run: Run) -> bool:
    """Return whether an environment names a run's folder, where it stands or, renamed, by its inode and run.json."""
    folder, inode = variables.get(FOLDER, ""), variables.get(INODE, "")
    if not folder.startswith("/") or (inode and inode != _inode(run)):
        return False
    with contextlib.suppress(OSError, ValueError):
        if Path(folder).samefile(run.path):
            return True
    with contextlib.suppress(StoreError):
        return bool(inode) and run.info().id == variables.get(RUN)
    return False


def origin_of(pid: int) -> Origin | None:
    """Return the run that a process says it belongs to; None for other programs and for unreadable processes.

    That is no proof: it is for people, who look at the process before they end it.
    """
    variables = _environment(pid)
    if run := variables.get(RUN):
        folder = variables.get(FOLDER)
        return Origin(run, Path(folder).parent if folder else None)
    words = _words(pid, "cmdline")
    for i, word in enumerate(words[:-1]):
        if word == "train" and any("engine" in before for before in words[:i]):
            return Origin(words[i + 1], _after(words, "--runs"))
    return None


def _marked(run: Run) -> Iterator[psutil.Process]:
    for pid in psutil.pids():
        if is_marked(pid, run):
            with contextlib.suppress(psutil.Error):
                marked = psutil.Process(pid)
                if is_marked(pid, run):  # it is still the process that was looked at
                    yield marked


def _with_descendants(
    roots: Iterable[psutil.Process], is_elsewhere: Callable[[Mapping[str, str]], bool]
) -> list[psutil.Process]:
    """Return processes and their descendants that live, without this process, sorted by pid.

    A descendant with a mark that is elsewhere was started for another run, or for none on purpose: it and its own
    descendants are left out.
    """
    found: set[psutil.Process] = set()
    for root in roots:
        found.add(root)
        others: set[int] = set()
        with contextlib.suppress(psutil.Error):
            for child in root.children(recursive=True):  # parents before their children
                variables = _environment(child.pid)
                if _parent(child) in others or (FOLDER in variables and is_elsewhere(variables)):
                    others.add(child.pid)
                else:
                    found.add(child)
    return sorted(
        (member for member in found if member.pid != os.getpid() and lives(member)),
        key=lambda member: member.pid,
    )


def _pid_and_command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        words = printable(" ".join(process.cmdline()) or process.name())
        return f"{process.pid} ({shorten(words, LONGEST)})"
    return str(process.pid)


def _parent(child: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(child.ppid())
    return 0


def _inode(run: Run) -> str:
    """Return the device and inode of a run's folder, empty where it is gone."""
    try:
        folder = run.path.stat()
    except OSError:
        return ""
    return f"{folder.st_dev}:{folder.st_ino}"


def _environment(pid: int) -> dict[str, str]:
    """Return the environment that a process was started with, empty where this user cannot read it."""
    if Path("/proc/self/environ").exists():
        return dict(pair.split("=", 1) for pair in _words(pid, "environ") if "=" in pair)
    with contextlib.suppress(psutil.Error, OSError):
        return dict(psutil.Process(pid).environ())
    return {}


def _after(words: list[str], option: str) -> Path | None:
    return next((Path(value) for name, value in itertools.pairwise(words) if name == option), None)


def _words(pid: int, file: str) -> list[str]:
    """Return the words of a file that ``/proc`` has of a process, empty where this user cannot read it."""
    try:
        with Path(f"/proc/{pid}/{file}").open("rb") as opened:
            return [os.fsdecode(word) for word in opened.read(MAX_READ).split(b"\0")]
    except OSError:
        return []
