"""Writes what a run has to say: events to its file (and stdout), its status beside them. Safe from any thread."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from engine import process, states
from engine.events import End, Event, Failure, Log, Metrics, Start, decode, encode
from engine.states import Status
from engine.store import Run, write_all

STATUS_INTERVAL_S = 1.0


class Reporter:
    """Says what happens in a run, to whom is up to ``emit``."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.status: Status = states.rebuild(run)

    def emit(self, event: Event) -> None:
        """Pass an event on."""
        raise NotImplementedError

    def metrics(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        """Say numbers measured after ``step`` optimizer steps."""
        self.emit(Metrics(time=time.time(), run=self.run.id, step=step, epoch=epoch, values=dict(values)))

    def log(self, level: Literal["info", "warning", "error"], message: str) -> None:
        """Say a line for people."""
        self.emit(Log(time=time.time(), run=self.run.id, level=level, message=message))


class Recorder(Reporter):
    """The one writer of a run's events, for as long as its process holds the run's lock.

    ``echo`` gets every encoded line as well: stdout of a piped run, or the progress display.
    """

    def __init__(self, run: Run, echo: Callable[[Event, bytes], None] | None = None) -> None:
        super().__init__(run)
        self.started = False
        """Whether this attempt's start has been recorded."""
        self._echo = echo
        self._lock = threading.Lock()
        self._saved = 0.0
        self._began = time.monotonic()
        self._file = os.open(run.events, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        size = os.fstat(self._file).st_size
        self._torn = size > 0 and os.pread(self._file, 1, size - 1) != b"\n"
        """Whether the last line has no end: a killed attempt's, or one that a full disk cut off."""

    def claim(self) -> None:
        """Say in the status which process has the run, long before its start can be recorded."""
        with self._lock:
            self.status.pid, self.status.host, self.status.boot = (
                os.getpid(),
                process.host(),
                process.boot_id(),
            )
            self.status.process_started = process.started(os.getpid()) or 0.0
            self.status.heartbeat = time.time()
            self._save(time.monotonic())

    def emit(self, event: Event) -> None:
        """Append an event, in one write; save the status when the last save is old or the event an end."""
        line = encode(event)
        with self._lock:
            self._append(line)
            self.status.apply(decode(line) or event)  # as readers will take it
            self.started = self.started or isinstance(event, Start)
            now = time.monotonic()
            if now - self._saved >= STATUS_INTERVAL_S or not isinstance(event, Metrics | Log):
                self._save(now)
            if self._echo is not None:
                self._echo(event, line)

    def end(
        self,
        state: Literal["finished", "failed", "stopped"],
        reason: str,
        error: Failure | None = None,
        summary: Mapping[str, Any] | None = None,
    ) -> None:
        """Record that the attempt is over; ``summary`` is what its last evaluation found, as ``End`` documents it."""
        duration = time.monotonic() - self._began
        self.emit(
            End(
                time=time.time(),
                run=self.run.id,
                state=state,
                reason=reason,
                error=error,
                duration_s=duration,
                summary=dict(summary or {}),
            )
        )

    def heartbeat(self) -> None:
        """Say in the status that the process lives."""
        with self._lock:
            self.status.heartbeat = time.time()
            if (now := time.monotonic()) - self._saved >= STATUS_INTERVAL_S:
                self._save(now)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _append(self, line: bytes) -> None:
        data = b"\n" + line if self._torn else line  # a torn line stays a line of its own
        self._torn = True
        write_all(self._file, data)
        self._torn = False

    def _save(self, now: float) -> None:
        self._saved = now
        with contextlib.suppress(OSError):  # readers can rebuild it from the events
            states.save(self.run, self.status)
