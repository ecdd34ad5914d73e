"""Processes: who one is, with whom it ends, and which signals it leaves to the process that started it.

Pid, start and boot together name exactly one process, while a pid alone is used again.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

PR_SET_PDEATHSIG = 1
"""What Linux calls the signal that a process gets when its parent ends."""
PR_SET_CHILD_SUBREAPER = 36
"""What Linux calls a process to which the orphans among its descendants go."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2)
"""The signals that ask a run to stop: its own process hears them, for all the processes that it started."""


@functools.cache
def host() -> str:
    """Return this machine's name."""
    return os.uname().nodename


@functools.cache
def boot_id() -> str:
    """Return what is new after every boot; where the kernel does not say, the machine's hardware address."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        import uuid

        return f"{uuid.getnode():012x}"


@functools.cache
def pid_space() -> str:
    """Return the space in which this process's pids count, empty where the kernel does not say."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def started(pid: int) -> float | None:
    """Return when a process began, as a number that only that process has; None when there is no such process.

    Under Linux it counts clock ticks since boot, which no change of the clock moves.
    """
    if pid <= 0:
        return None
    try:
        fields = _stat(pid)
        return None if fields[0] in (b"Z", b"X") else float(fields[19])
    except (OSError, ValueError, IndexError):
        if Path("/proc/self/stat").exists():
            return None
    import psutil  # only where there is no /proc

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def is_stopped(pid: int) -> bool:
    """Return whether a process was stopped by SIGSTOP or a debugger: it lives and does nothing. Only Linux tells."""
    try:
        return _stat(pid)[0] in (b"T", b"t")
    except (OSError, ValueError, IndexError):
        return False


def _stat(pid: int) -> list[bytes]:
    """Return what the kernel says of a process, from its state on."""
    stat = Path(f"/proc/{pid}/stat").read_bytes()
    return stat[stat.rindex(b")") + 2 :].split()  # the name before it may hold spaces and brackets


def is_alive(pid: int, start: float, boot: str) -> bool:
    """Return whether the process that began at ``start`` under ``boot`` still lives on this machine."""
    return boot == boot_id() and started(pid) == start


def is_gone(pid: int, start: float, boot: str) -> bool:
    """Return whether that process has certainly ended; a process of another user may be hidden."""
    return not is_alive(pid, start, boot) and not (boot == boot_id() and _is_hidden(pid))


def _is_hidden(pid: int) -> bool:
    if Path(f"/proc/{pid}").exists():
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def cores() -> int:
    """Return how many cores this process may use: a job of a cluster often has few of a node's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def end_with(parent: int) -> None:
    """Have this process killed when its parent ends, however that ends; only Linux can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we asked
        os._exit(1)


def adopt_orphans(*, adopt: bool) -> None:
    """Have the descendants of this process whose parent ends become its own children, or no longer; only Linux can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(adopt), 0, 0, 0)


def is_told_to_stop() -> Callable[[], bool]:
    """Take SIGINT and SIGTERM from now on as the wish that this process end; the function says whether one came."""
    heard: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: heard.append(number))
    return lambda: bool(heard)


def reap_orphans(others: Collection[int]) -> None:
    """Take note of the end of adopted children, which would stay as zombies.

    Args:
        others: The children that are waited for elsewhere.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(ChildProcessError):  # there is no child
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
            if ended.si_pid in others:  # it is first in the line; the rest is for the next time
                return
            os.waitpid(ended.si_pid, os.WNOHANG)


@contextlib.contextmanager
def stop_signals_blocked() -> Iterator[None]:
    """Keep the stop signals from this thread, and for good from the processes that it starts meanwhile.

    A process inherits what is blocked, and so does all that it starts: a signal to a whole group of processes
    reaches those alone that were started outside. One to this process waits for the end of the block.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_when_told_by(parent: int) -> None:
    """Have this process, started with its stop signals blocked, end at a SIGTERM of its parent alone.

    Only Linux tells who sent a signal: elsewhere any SIGTERM ends it.
    """
    for number in STOP_SIGNALS:  # some library may unblock them in a thread of its own
        signal.signal(number, signal.SIG_IGN)
    if sys.platform != "linux":
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        return

    def wait() -> None:
        while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
            pass
        os._exit(1)

    threading.Thread(target=wait, name="parent", daemon=True).start()
