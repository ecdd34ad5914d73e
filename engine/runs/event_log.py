"""Appends the lines of a run to its file; while the disk is full they wait in memory, in order."""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from engine.system import lock
from engine.system.files import LineWriter

MAX_WAITING = 32 * 1024 * 1024
"""Bytes that wait in memory at most: two measurements a second for about a day."""
RESERVE = 64 * 1024
"""Bytes of disk that are reserved for the line of a run's end."""
RESERVE_FILE = ".reserve"
"""The file beside the lines whose blocks these bytes are; on a full disk a stop request finds room in it too."""
RETRY_S = 0.1


class EventLog:
    """Appends whole lines to a file; for one thread at a time.

    A line that fits only in part is removed again, so that each line in the file is whole.

    Args:
        path: The file; it is created if needed.

    Raises:
        OSError: The file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.error: OSError | None = None
        """Why the last line could not be written; None once it is."""
        self.dropped = 0
        """The number of lines that memory had no room for."""
        self._reserve = path.with_name(RESERVE_FILE)
        self._waiting: deque[tuple[bytes, bool]] = deque()
        self._bytes = 0
        self._file = os.open(
            path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600
        )
        size = self.size
        # a killed attempt leaves a line without an end, and so does one that could not be taken back
        self._lines = LineWriter(self._file, torn=size > 0 and os.pread(self._file, 1, size - 1) != b"\n")

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return os.fstat(self._file).st_size

    @property
    def waiting(self) -> int:
        """The number of lines that are not in the file yet."""
        return len(self._waiting)

    @property
    def is_removed(self) -> bool:
        """Whether the file was removed: no reader will find what is written to it."""
        return os.fstat(self._file).st_nlink == 0

    def put(self, line: bytes, *, spare: bool = False) -> None:
        """Append a line, now or once there is space.

        Args:
            line: The line, with its end.
            spare: Whether the line is dropped before others where memory is short.
        """
        self._add(line, spare=spare)
        self.flush()
        while self._bytes > MAX_WAITING:
            self._thin()

    def flush(self) -> bool:
        """Write the waiting lines; return whether all are written."""
        try:
            while self._waiting:
                self._write(self._waiting[0][0])
                self._bytes -= len(self._waiting.popleft()[0])
        except OSError as error:
            self.error = error
            return False
        self.error = None
        return True

    def take_back(self) -> None:
        """Drop the line that was put last and still waits."""
        self._bytes -= len(self._waiting.pop()[0])

    def finish(self, last: Callable[[int], bytes], seconds: float) -> bool:
        """Write a last line: wait for space, then use the reserve, then drop the lines that still wait.

        Args:
            last: Returns the line for a number of lost lines, the dropped ones included.
            seconds: How long to wait for space.

        Returns:
            Whether the line is in the file.
        """
        deadline = time.monotonic() + seconds
        self._add(last(self.dropped))
        while not self.flush() and time.monotonic() < deadline:
            time.sleep(RETRY_S)
        if self._waiting:
            self.take_back()
            self._shrink(RESERVE // 2 if self._reserve.exists() else 0)
            self._add(last(self.dropped))
            self.release()
        return self.flush()

    def reserve(self) -> None:
        """Reserve ``RESERVE`` bytes of disk for ``finish``."""
        with contextlib.suppress(OSError):
            handle = os.open(self._reserve, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
            try:
                os.posix_fallocate(handle, 0, RESERVE)
            finally:
                os.close(handle)

    def release(self) -> None:
        """Release the reserved bytes."""
        with contextlib.suppress(OSError):
            self._reserve.unlink()

    def close(self) -> None:
        """Write what can be written and close the file; lines that still wait are lost."""
        self.flush()
        self.release()
        os.close(self._file)
        self._file, self._lines = -1, LineWriter(-1)  # the number may soon be another file's

    def _write(self, line: bytes) -> None:
        lock.confirm()
        size, torn = self.size, self._lines.torn
        try:
            self._lines.write(line)
        except OSError:
            os.ftruncate(self._file, size)
            self._lines.torn = torn
            raise

    def _add(self, line: bytes, *, spare: bool = False) -> None:
        self._waiting.append((line, spare))
        self._bytes += len(line)

    def _shrink(self, room: int) -> None:
        """Let at most ``room`` bytes wait: drop the spare lines, and all lines where that is not enough."""
        if self._bytes > room:
            self._keep([line for line in self._waiting if not line[1]])
        if self._bytes > room:
            self._keep([])

    def _thin(self) -> None:
        """Drop every second spare line; without spare lines, the oldest line."""
        spare = [i for i, line in enumerate(self._waiting) if line[1]]
        out = set(spare[::2]) or {0}
        self._keep([line for i, line in enumerate(self._waiting) if i not in out])

    def _keep(self, lines: list[tuple[bytes, bool]]) -> None:
        """Replace the waiting lines by some of them, and count the others as dropped."""
        self.dropped += len(self._waiting) - len(lines)
        self._waiting = deque(lines)
        self._bytes = sum(len(line) for line, _ in lines)
