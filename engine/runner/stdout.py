"""Keeps stdout clean: what a process prints goes to stderr and to a file, only events go to the real stdout."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from engine.errors import UserError
from engine.system.files import LineWriter
from engine.text import escaped_json


@contextlib.contextmanager
def capture_stdout(log: Path) -> Iterator[int]:
    """Send everything printed meanwhile, by any library at any level, to stderr and to ``log``.

    Yields:
        A file descriptor of the real stdout.

    Raises:
        UserError: The file cannot be written.
    """
    try:
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError as error:
        raise UserError(f"{log} cannot be written: {error.strerror}") from None
    stdout, stderr = os.dup(1), os.dup(2)
    reader, writer = os.pipe()
    copier = threading.Thread(target=_copy, args=(reader, (stderr, file)), name="console", daemon=True)
    copier.start()
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(writer, 1)
    os.dup2(writer, 2)
    os.close(writer)
    try:
        yield stdout
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        copier.join(timeout=2)  # a child that still holds the pipe must not hold the run
        for handle in (file, stdout, stderr):
            os.close(handle)


def _copy(reader: int, targets: tuple[int, ...]) -> None:
    with contextlib.suppress(OSError):
        while data := os.read(reader, 65536):
            for target in targets:
                with contextlib.suppress(OSError):  # a closed terminal must not end the run
                    os.write(target, data)
    os.close(reader)


class EventLines:
    """Lines of JSON, fit to be printed, to a file that may refuse them: its pipe has no reader, or the disk is full."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._lines = LineWriter(handle)

    def write(self, line: bytes) -> None:
        """Write a line, or leave it out: the run's own file has it."""
        try:
            self._lines.write(escaped_json(line.decode(errors="replace").rstrip("\n")).encode() + b"\n")
        except BrokenPipeError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._handle)
            os.close(null)
        except OSError:  # a full disk: events.jsonl has the same trouble, and tells of it
            return
