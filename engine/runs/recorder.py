"""Writes a run's events to its file (and stdout), and its status beside them. Safe from any thread."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from engine.catalog.metrics import MAX_NAME, MEASURED_ON_SPLITS, is_overlong
from engine.events import (
    Confusion,
    End,
    Event,
    Failure,
    Log,
    Metrics,
    QueuePlace,
    Start,
    encode,
    normalised,
    why_no_event,
)
from engine.runs import status_file
from engine.runs.event_log import EventLog
from engine.runs.heartbeat_and_silence import HEARTBEAT_S
from engine.runs.status import MORE_IS_COUNTED, Status
from engine.runs.store import Run, StoreError
from engine.system import process
from engine.text import shorten

STATUS_INTERVAL_S = 1.0
END_PATIENCE_S = 5.0
"""Seconds to wait for a full disk at the end of a run."""
MAX_TEXT = 64 * 1024
"""Characters of each of its texts that an end keeps whose line would be too long."""


class Reporter:
    """Makes the events of a run; a subclass passes them on in ``emit``.

    Args:
        run: The run; its status is read from its events.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.status: Status = status_file.rebuild(run)

    def emit(self, event: Event) -> None:
        """Pass an event on."""
        raise NotImplementedError

    def metrics(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        """Emit measurements.

        Args:
            step: The optimizer steps done.
            epoch: The epochs done, as a fraction.
            values: Numbers by the name of their metric.
        """
        self.emit(Metrics(time=time.time(), run=self.run.id, step=step, epoch=epoch, values=dict(values)))

    def log(self, level: Literal["info", "warning", "error"], message: str) -> None:
        """Emit a line for people."""
        self.emit(Log(time=time.time(), run=self.run.id, level=level, message=message))


class Recorder(Reporter):
    """The one writer of a run's events, for as long as its process holds the run's lock.

    A full disk stops no run: the events wait in memory and are written, in order, once there is space. What readers
    would refuse is refused here, and said. After the end, or once it is closed, it takes no further event: a thread
    that is late is not heard, and no other file is written.

    Args:
        run: The run.
        echo: Gets every event and its line at once: stdout of a piped run, or the progress display.

    Raises:
        StoreError: The events cannot be written at all.
    """

    def __init__(self, run: Run, echo: Callable[[Event, bytes], None] | None = None) -> None:
        super().__init__(run)
        self.started = False
        """Whether this attempt's start has been recorded."""
        self.place: QueuePlace | None = None
        """How the next attempt to start waited in the queue; None where it did not."""
        self.lost = False
        """Whether writing the end failed."""
        self._echo = echo
        self._lock = threading.Lock()
        self._ended = self._closed = False
        self._saved = 0.0
        self._began = time.monotonic()
        self._full_since: float | None = None
        self._refused: Counter[str] = Counter()
        self._placeless: set[bool] = set()
        """Which reasons why a metric is kept nowhere have been told: whether its name is too long."""
        try:
            self._event_log = EventLog(run.events)
        except OSError as error:
            raise StoreError(f"{run.id} cannot be written: {error.strerror}: {run.events}") from None

    def claim(self) -> None:
        """Save in the status which process has the run, before its start can be recorded."""
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
        """Append an event, in one write; save the status when its last save is old or the event a start or an end.

        After the end only a start is taken, of the next attempt.

        Raises:
            OSError: A start cannot be written.
        """
        with self._lock:
            if not self._closed and (not self._ended or isinstance(event, Start)):
                self._emit(event)

    def refuse(self, what: str, message: str) -> None:
        """Count what no reader would take: the first of a kind is logged with a message, the rest at the end.

        Args:
            what: The kind, in the plural.
            message: What is refused, and why.
        """
        with self._lock:
            if not self._ended and not self._closed:
                self._refuse(what, message)

    def _refuse(self, what: str, message: str) -> None:
        self._refused[what] += 1
        if self._refused[what] == 1:
            self._warn(f"{message}{MORE_IS_COUNTED}", refused=1)

    def _warn(self, message: str, refused: int = 0) -> None:
        self._emit(Log(time=time.time(), run=self.run.id, level="warning", message=message, refused=refused))

    def _emit(self, event: Event) -> None:
        self._look_at_the_disk()
        if isinstance(event, Start):
            event.queued = self.place
        line, taken = encode(event), normalised(event)
        why = "" if taken is not None or isinstance(event, Start | End) else why_no_event(line[:-1])
        if isinstance(event, Confusion) and not event.is_square:
            why = "its matrix is not square, or empty"
        if why:
            kind = type(event).__name__.lower()
            self._refuse(f"{kind} events", f"a {kind} event is not recorded: {why}")
            return
        self._event_log.put(line, spare=isinstance(event, Metrics) and not _is_evaluation(event))
        if isinstance(event, Start):
            self._begin()
        self._tell(event, line, taken)
        self._look_at_the_disk()
        if isinstance(taken, Metrics):
            self._say_what_has_no_place(taken)

    def _say_what_has_no_place(self, event: Metrics) -> None:
        """Log, the first time, which metrics of an event no reader keeps: too many of them, or too long a name."""
        for name in event.values if len(self._placeless) < 2 else ():
            if name not in self.status.last and (overlong := is_overlong(name)) not in self._placeless:
                self._placeless.add(overlong)
                why = f"names longer than {MAX_NAME} bytes are passed over"
                if not overlong:
                    many = f"{len(self.status.last):,}"
                    why = f"the run has {many} others, and only test/*, val/* and ema/* still find a place"
                self._warn(f"the metric {shorten(name, 60)!r} is in events.jsonl, and shown nowhere: {why}")

    def _begin(self) -> None:
        """Accept a start that is in the log, or take it back and raise."""
        if (error := self._event_log.error) is not None:
            self._event_log.take_back()
            raise error
        self.started, self._ended = True, False
        self._event_log.reserve()

    def _tell(self, event: Event, line: bytes, taken: Event | None) -> None:
        """Apply an event to the status as readers will take it, and pass it to ``echo``."""
        self.status.apply(taken or event)
        if self._echo is not None:
            with contextlib.suppress(OSError):  # a closed stdout must not end the run
                self._echo(event, line)
        now = time.monotonic()
        if now - self._saved >= STATUS_INTERVAL_S or not isinstance(event, Metrics | Log):
            self._save(now)

    def _look_at_the_disk(self) -> None:
        """Write the waiting events, and log when the disk becomes full and when it has space again."""
        full = not self._event_log.flush()
        if full == (self._full_since is not None):
            return
        if full:
            self._full_since = time.monotonic()
            self.status.reason = f"its events cannot be written: {self._why()}"
            message = f"{self.status.reason}; they wait in memory and training goes on: free some space"
        else:
            seconds = time.monotonic() - (self._full_since or 0.0)
            self._full_since, self.status.reason = None, ""
            message = (
                f"its events could not be written for {seconds:.0f} s and now are; {self._what_was_lost()}"
            )
        self._complain(message)
        self._saved = 0.0
        self._warn(message)

    def _why(self) -> str:
        error = self._event_log.error
        return "" if error is None else error.strerror or str(error)

    def _what_was_lost(self) -> str:
        dropped, self._event_log.dropped = self._event_log.dropped, 0
        return f"{dropped} measurements had no room in memory and are lost" if dropped else "none is lost"

    def _complain(self, message: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # stderr may be on the full disk, or closed
            sys.stderr.write(f"{self.run.id}: {message}\n")
            sys.stderr.flush()

    def end(
        self,
        state: Literal["finished", "failed", "stopped"],
        reason: str,
        error: Failure | None = None,
        summary: Mapping[str, Any] | None = None,
    ) -> None:
        """Record the end of the attempt; a second end of it is not recorded.

        On a full disk it waits ``END_PATIENCE_S`` for space, then drops the waiting events to write the end. Where the
        end itself cannot be written, ``lost`` is true.

        Args:
            state: How the attempt ended.
            reason: Why, in words.
            error: The failure behind it; None without one.
            summary: The results of the last evaluation, as ``End`` documents them.
        """
        with self._lock:
            if self._closed or self._ended:
                return
            self._ended = True
            event = End(
                time=time.time(), run=self.run.id, state=state, reason=reason, error=error,
                duration_s=time.monotonic() - self._began, summary=dict(summary or {}),
            )  # fmt: skip
            self._look_at_the_disk()
            if more := [f"{count:,} {what}" for what, count in self._refused.items() if count > 1]:
                further = sum(self._refused.values()) - len(self._refused)
                self._warn(f"not recorded in all: {', '.join(more)}", refused=further)
            event = _readable(event)
            ends = [event]

            def last(lost: int) -> bytes:
                ends.append(_with_losses(event, lost))
                return encode(ends[-1])

            if self._event_log.finish(last, END_PATIENCE_S):
                self._tell(ends[-1], encode(ends[-1]), normalised(ends[-1]))
                if self._event_log.is_removed:
                    self.lost = True
                    self._complain("its folder was removed while it ran: nothing of it is kept")
                return
            self.lost = True
            self.status.reason = f"its end, {state}, could not be written: {self._why()}"
            cure = "Free some space" + f"; `engine resume {self.run.id}` goes on then" * self.started
            self._complain(f"{self.status.reason} ({reason}). {cure}")
            self._save(time.monotonic())

    @property
    def is_removed(self) -> bool:
        """Whether the run's folder was removed under it."""
        with self._lock:
            return not self._ended and self._event_log.is_removed

    def telemetry(self, values: Mapping[str, float]) -> None:
        """Emit measurements of the machine at the last step; before the start and after the end they are dropped."""
        with self._lock:  # so that no later step comes before them
            if self.started and not self._ended and not self._closed:
                step, epoch = self.status.step, self.status.epoch
                self._emit(
                    Metrics(time=time.time(), run=self.run.id, step=step, epoch=epoch, values=dict(values))
                )

    def heartbeat(self) -> None:
        """Save a heartbeat in the status where the last one is older than ``HEARTBEAT_S``."""
        with self._lock:
            now = time.time()
            if not self._ended and not self._closed and abs(now - self.status.heartbeat) >= HEARTBEAT_S:
                self.status.beat(now)
                self._save(time.monotonic())

    def close(self) -> None:
        """Close the file, once no other thread writes it."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._event_log.close()

    def _save(self, now: float) -> None:
        self._saved = now
        self.status.offset = self._event_log.size
        with contextlib.suppress(OSError):  # readers can rebuild it from the events
            status_file.save(self.run, self.status)


def _is_evaluation(event: Metrics) -> bool:
    return any(name.startswith(MEASURED_ON_SPLITS) for name in event.values)


def _readable(end: End) -> End:
    """Return an end, without most of its words where it is longer than readers take."""
    if normalised(end) is not None:
        return end
    error = end.error
    if error is not None:
        error = msgspec.structs.replace(
            error, message=error.message[:MAX_TEXT], traceback=error.traceback[-MAX_TEXT:]
        )
    return msgspec.structs.replace(end, reason=end.reason[:MAX_TEXT], error=error, summary={})


def _with_losses(end: End, lost: int) -> End:
    """Return an end that says how many events before it are not in the file."""
    if not lost:
        return end
    return msgspec.structs.replace(
        end, reason=f"{end.reason}; the disk was full, {lost} of its events are lost"
    )
