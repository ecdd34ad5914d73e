"""Keeps stdout clean: what a process prints goes to stderr and to a file, only events go to the real stdout."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from engine.errors import UserError
from engine.runner import console_log
from engine.system.files import LineWriter, write_all
from engine.text import escaped_json

LINGER_S = 2.0
"""Seconds for which a child that still holds the pipe is heard: it must not hold the run."""


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
    (reader, writer), (woken, wake) = os.pipe(), os.pipe()
    copier = threading.Thread(target=_copy, args=(reader, woken, stderr, file), name="console", daemon=True)
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
        os.close(wake)
        copier.join(timeout=2 * LINGER_S)
        if not copier.is_alive():  # else it hangs in a write: what it writes to must not become another file
            for handle in (file, stderr):
                os.close(handle)
        os.close(stdout)


def _copy(reader: int, woken: int, stderr: int, log: int) -> None:
    """Copy what is printed, to the end of the pipe; once it is woken, for a while: a child may hold the pipe open."""
    poll, until = select.poll(), float("inf")
    for handle in (reader, woken):
        poll.register(handle, select.POLLIN)
    while (left_s := until - time.monotonic()) > 0:
        ready = {handle for handle, _ in poll.poll(None if until == float("inf") else 1000 * left_s)}
        if woken in ready:
            poll.unregister(woken)
            until = time.monotonic() + LINGER_S
        if reader in ready:
            if not (data := os.read(reader, 65536)):
                break
            with contextlib.suppress(OSError):  # a closed terminal must not end the run
                write_all(stderr, data)
            with contextlib.suppress(OSError):  # nor a full disk
                console_log.append(log, data)
    os.close(reader)
    os.close(woken)


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
