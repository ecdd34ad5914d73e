"""stdin, stdout and stderr as a command finds them: closed, full, without a reader, or of few characters.

What stdout refuses raises an OSError, as always; ``stdout_refusal`` tells afterwards that it was stdout that refused.
What stderr refuses is dropped: there is nowhere to tell of it.
"""

from __future__ import annotations

import io
import os
import select
import sys
from typing import Any


class _Stream(io.FileIO):
    """An open stream that remembers what it was refused first."""

    refusal: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write, waiting for a reader that is slow."""
        try:
            while (
                written := super().write(data)
            ) is None:  # another program made the pipe one that does not wait
                select.select([], [self], [])
        except OSError as error:
            self.refusal = self.refusal or error
            if self.fileno() == 2:
                return len(memoryview(data))
            raise
        return written


_ours: dict[int, _Stream] = {}


def prepare() -> None:
    """Make the streams such that what is written can be written, where anything can; for the begin of a process.

    Closed ones are opened on /dev/null: else the next file that is opened would get their number, and the output of a
    child. A character that an encoding does not have becomes ``?``.
    """
    for handle, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(handle)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest free number
        stream = getattr(sys, name)
        if stream is None:
            stream = open(handle, "w" if handle else "r", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
        elif handle and stream is getattr(sys, f"__{name}__"):
            setattr(sys, name, _replaced(stream, handle))


def stdout_refusal() -> OSError | None:
    """Write what still waits to be written; return why stdout did not take all, None where it did."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except (OSError, ValueError):  # told below; a closed one has nothing to say
            continue
    stream = _ours.get(1)
    return None if stream is None else stream.refusal


def drop_stdout() -> None:
    """Let what waits for stdout go nowhere, so that the process ends without another word."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def _replaced(stream: io.TextIOWrapper, handle: int) -> io.TextIOWrapper:
    """Return a stream like another one, which remembers what it was refused."""
    stream.flush()
    raw = _ours[handle] = _Stream(handle, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=stream.encoding,
        errors="replace" if handle == 1 else stream.errors,
        line_buffering=stream.line_buffering or handle == 2, write_through=stream.write_through,
    )  # fmt: skip
