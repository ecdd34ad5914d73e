"""Keeps console.log within the limit of its experiment: when it is full it goes on anew, its older part beside it.

::

    console.log      what was printed last, at most console_limit
    console.log.1    what was printed before that, at most console_limit; older output is gone

Processes that the run started write into the open file, and must go on to: the file stays, its content moves.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator

from engine.runs.store import Run
from engine.system.files import older_part, write_all

LOOK_S = 0.5
"""Seconds between two looks at a file that other processes write."""
BLOCK = 1024 * 1024
MEGABYTE = 1_000_000
_WRITING = threading.Lock()
"""Held while this process appends, and while the content moves: nothing that is written meanwhile is lost."""


def append(console: int, data: bytes) -> None:
    """Write to the open console.log.

    Raises:
        OSError: It cannot be written; a part of it may have been.
    """
    with _WRITING:
        write_all(console, data)


class ConsoleLimit:
    """The limit of a run's console.log.

    Args:
        run: The run.
        megabytes: How large the file may become; 0 for no limit.
        warn: Called with a sentence when that is reached the first time.
    """

    def __init__(self, run: Run, megabytes: int, warn: Callable[[str], None]) -> None:
        self._path, self._megabytes, self._warn = run.console, megabytes, warn
        self._looking = threading.Lock()
        self._warned = False

    def look(self) -> None:
        """Move the content of a file that is full; on a disk that has no room for that it stays."""
        if not self._megabytes:
            return
        with contextlib.suppress(OSError), self._looking:
            if self._path.lstat().st_size > self._megabytes * MEGABYTE:
                self._move()
                if not self._warned:
                    self._warned = True
                    self._warn(
                        f"console.log reached {self._megabytes} MB (console_limit): older output is in console.log.1, "
                        "and what is older than that is dropped"
                    )

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Look twice a second while the block lasts, for what writes the file without this process."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(LOOK_S):
                self.look()

        thread = threading.Thread(target=watch, name="console limit", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(timeout=5)

    def _move(self) -> None:
        """Copy what was printed last into the older part, empty the file, and say so in its first line."""
        older = older_part(self._path)
        with contextlib.suppress(FileNotFoundError):
            older.unlink()
        console = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            copy = os.open(older, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with _WRITING:
                self._copy(console, copy)
                os.ftruncate(console, 0)
            line = f"--- console.log reached {self._megabytes} MB: what was printed before is in {older.name} ---\n"
            write_all(console, line.encode())
        finally:
            os.close(console)

    def _copy(self, console: int, copy: int) -> None:
        """Copy the last part of the open file, as large as the limit, and remove it where it does not fit."""
        try:
            at = max(0, os.fstat(console).st_size - self._megabytes * MEGABYTE)
            while data := os.pread(console, BLOCK, at):
                write_all(copy, data)
                at += len(data)
        except OSError:
            older_part(self._path).unlink()
            raise
        finally:
            os.close(copy)
