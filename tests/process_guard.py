"""Forbids this process what a look at a strange folder never needs: to start, to signal, to connect, to write outside.

Python tells its audit hooks of each such call before it is made. What is forbidden raises `Forbidden`, which no
`except Exception` catches, and is kept besides, as a thread may die of it unseen.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STARTS = {
    "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.system", "os.startfile", "subprocess.Popen", "pty.spawn",
}  # fmt: skip
SPEAKS = {
    "socket.connect",
    "socket.bind",
    "socket.sendto",
    "socket.sendmsg",
    "socket.getaddrinfo",
    "urllib.Request",
}
SIGNALS = {"os.kill", "os.killpg", "signal.pthread_kill"}
UNPACKS = {"pickle.find_class"}
CHANGES: dict[str, dict[int, int | None]] = {
    "os.remove": {0: 1}, "os.rename": {0: 2, 1: 3}, "os.mkdir": {0: 2}, "os.rmdir": {0: 1}, "os.symlink": {1: 2},
    "os.link": {0: 2, 1: 3}, "os.truncate": {0: None}, "os.chmod": {0: 2}, "os.chown": {0: 3}, "os.utime": {0: 3},
    "os.setxattr": {0: None}, "os.removexattr": {0: None},
}  # fmt: skip
"""Events of calls that change files: which arguments are paths, and which say the folder that each is in."""
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Forbidden(BaseException):
    """A call that the guard does not let through."""


class _Guard:
    """What is allowed at the moment; ``folder`` is None while all is."""

    folder: str | None = None
    seen: list[str]
    paths: tuple[str, ...] = ()
    """Beginnings of paths that must not even be read."""


_guard = _Guard()
_guard.seen = []


@contextmanager
def guarded(folder: Path, unread: tuple[Path, ...] = ()) -> Iterator[list[str]]:
    """Let this process change nothing outside a folder, and start, signal, connect to and unpickle nothing.

    Args:
        folder: The folder in which it may write.
        unread: Paths that it must not open even for reading.

    Yields:
        What was forbidden, in words; empty where all is well.
    """
    _install()
    _guard.folder, _guard.seen = os.path.realpath(folder), []
    _guard.paths = tuple(map(os.path.realpath, unread))
    try:
        yield _guard.seen
    finally:
        _guard.folder = None


_installed = False


def _install() -> None:
    """Add the hook, which stays for as long as the process lives and does nothing outside of ``guarded``."""
    global _installed
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    folder = _guard.folder
    if folder is None:
        return
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, int):
            return
        full = os.fsdecode(path) if (flags or 0) & os.O_NOFOLLOW else os.path.realpath(os.fsdecode(path))
        if (flags or 0) & WRITES and not _is_inside(full, folder):
            _forbid(event, arguments)
        if _guard.paths and full.startswith(_guard.paths):
            _forbid(event, arguments)
    elif event in CHANGES:
        for path, place in CHANGES[event].items():
            if not _is_inside(arguments[path], folder, -1 if place is None else arguments[place]):
                _forbid(event, arguments)
    elif event in SIGNALS:
        if arguments[1] != 0:
            _forbid(event, arguments)
    elif event in STARTS or event in SPEAKS or event in UNPACKS:
        _forbid(event, arguments)


def _is_inside(path: Any, folder: str, of: int = -1) -> bool:
    """Return whether a path, which may count from an open folder, lies in the folder."""
    if isinstance(path, int):
        path = f"/proc/self/fd/{path}"
    head, name = os.path.split(os.fsdecode(path))
    begin = f"/proc/self/fd/{of}" if of >= 0 else "."
    full = os.path.join(os.path.realpath(os.path.join(begin, head)), name)  # noqa: PTH118  the last may be a link
    return full == folder or full.startswith(folder + "/")


def _forbid(event: str, arguments: tuple[Any, ...]) -> None:
    said = f"{event}{arguments!r:.300}"
    _guard.seen.append(said)
    raise Forbidden(said)
