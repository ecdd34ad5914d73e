"""What a program prints, read in a thread: its events become the run's, everything else goes to console.log.

::

    stdout ──blocks──> lines ──events──> recorder
    stderr ──blocks──> lines ──┘  └─text──> the process's own stdout, which console.log has

A logger prints to stderr, a bar to either: events are taken from both.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from typing import IO, ParamSpec

from msgspec.structs import replace

from engine.catalog.metric_names import MetricNames, as_written
from engine.catalog.metrics import is_loss
from engine.events import MAX_LINE, Event, Metrics
from engine.runner.json_in_output import Printed
from engine.runner.output_lines import BLOCK, PATIENCE_S, TOO_LONG, OutputLines
from engine.runner.printed_events import Refusal, event_of
from engine.runner.printing_ranks import PrintingRanks, rank_of
from engine.runs.recorder import Recorder
from engine.system.files import write_all
from engine.text import shorten

QUIET_S = 2.0
"""Seconds of silence after which a pipe is left that something holds open when its program has ended."""
LINGER_S = 5.0
"""Seconds after which it is left although more is printed."""
LONGEST_NAME = 60
"""Characters of a metric's name that are shown."""
SAID_NAMES = 5
"""Metrics that are called otherwise here and are named in the log."""
KEPT = 64 * 1024
"""Bytes of the last output that are kept for the reason of a failure."""
STDOUT = 1
P = ParamSpec("P")


class ProgramOutput:
    """Reads the stdout and stderr of a program in a thread, until ``finish``.

    Args:
        program: The program; it was started with pipes for both.
        recorder: Takes its events.
        wrote: Called after each time that something was passed on to console.log.

    Raises:
        RuntimeError: The program has no pipes, which would be a mistake of the caller.
    """

    def __init__(
        self, program: subprocess.Popen[bytes], recorder: Recorder, wrote: Callable[[], None]
    ) -> None:
        if program.stdout is None or program.stderr is None:
            raise RuntimeError("pipes were asked for and not made")
        self._recorder, self._wrote = recorder, wrote
        self._lines = {
            pipe.fileno(): OutputLines(self._hear, self._pass_on, self._refuse_line)
            for pipe in (program.stdout, program.stderr)
        }
        self._names, self._renamed = MetricNames(), set[str]()
        self._ranks = PrintingRanks()
        self._remarked = self._diverged = False
        self._pipes: dict[int, IO[bytes]] = {pipe.fileno(): pipe for pipe in (program.stdout, program.stderr)}
        self._last: deque[bytes] = deque()
        self._last_size = 0
        self._over = False
        self._complained = False
        self._emitting = threading.Lock()
        self._woken, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._listen, name="output", daemon=True)
        self._thread.start()

    @property
    def last_lines(self) -> list[bytes]:
        """The last lines that were no events, an unfinished one too."""
        lines = b"".join(self._last).split(b"\n")
        return lines if self._last_size < KEPT else lines[1:]

    def finish(self) -> None:
        """Read what the program left in its pipes, and stop listening for good.

        Where something else holds a pipe open, that ends after ``QUIET_S`` of silence, or ``LINGER_S``.
        """
        os.close(self._wake)
        self._thread.join(LINGER_S + QUIET_S)
        with self._emitting:  # a thread that hangs in a full pipe says nothing when it wakes
            self._over = True

    def _listen(self) -> None:
        poll = select.poll()
        for handle in (*self._pipes, self._woken):
            poll.register(handle, select.POLLIN)
        heard_at, left_at = 0.0, float("inf")
        while self._pipes:
            waits = any(lines.waits for lines in self._lines.values()) or left_at < float("inf")
            ready = {handle for handle, _ in poll.poll(500 * PATIENCE_S if waits else None)}
            now = time.monotonic()
            if self._woken in ready:
                poll.unregister(self._woken)
                heard_at, left_at = now, now + LINGER_S
            for handle in [handle for handle in self._pipes if handle in ready]:  # stdout before stderr
                heard_at = now
                if data := os.read(handle, BLOCK):
                    self._try(self._lines[handle].feed, data, now)
                else:
                    poll.unregister(handle)
                    self._pipes.pop(handle).close()
            for lines in self._lines.values():
                self._try(lines.look, now)
            if now > left_at or (left_at < float("inf") and now - heard_at > QUIET_S):
                break
        for lines in self._lines.values():
            self._try(lines.finish)
        for pipe in self._pipes.values():
            pipe.close()
        os.close(self._woken)

    def _try(self, do: Callable[P, None], *given: P.args, **named: P.kwargs) -> None:
        """Call a function; the first error is printed: a program whose pipe nothing empties would stand still."""
        try:
            do(*given, **named)
        except Exception:  # noqa: BLE001  whatever it is, the program goes on
            if not self._complained:
                self._complained = True
                traceback.print_exc()

    def _hear(self, printed: Printed) -> bool:
        """Record the event that an object is, and what of it cannot be used; return whether there is one."""
        if len(printed.text) > MAX_LINE:
            self._refuse_line(TOO_LONG)
            return False
        status = self._recorder.status
        event, refused = event_of(printed.fields, status.run, status.step, status.epoch)
        if isinstance(event, Metrics):
            event = replace(event, values={self._name(name): value for name, value in event.values.items()})
            counted = self._ranks.sift(event, rank_of(printed.fields, printed.before))
            refused += counted.refused
            event = replace(event, values=counted.values) if counted.values or not event.values else None
            if counted.remark and not self._remarked:
                self._remarked = True
                self._say(self._recorder.log, "warning", counted.remark)
        self._record(event, refused)
        if isinstance(event, Metrics):
            self._say_what_diverges(event)
        return event is not None

    def _name(self, printed: str) -> str:
        """Return what a metric is called here, and log the first ones that are called otherwise."""
        name = self._names.of(printed)
        if name not in (printed, as_written(printed), *self._renamed) and len(self._renamed) < SAID_NAMES:
            self._renamed.add(name)
            was, now = shorten(printed, LONGEST_NAME), shorten(name, LONGEST_NAME)
            self._say(self._recorder.log, "info", f"its program's metric {was!r} is called {now!r} here")
        return name

    def _say_what_diverges(self, event: Metrics) -> None:
        """Log, the first time, that a loss is not finite: a program may go on for hours with it."""
        lost = [name for name, value in event.values.items() if value is None and is_loss(name)]
        if lost and not self._diverged:
            self._diverged = True
            name = shorten(lost[0], LONGEST_NAME)
            self._say(
                self._recorder.log, "warning", f"{name!r} is not finite at step {event.step}: it diverges"
            )

    def _record(self, event: Event | None, refused: Iterable[Refusal]) -> None:
        for what, why in refused:
            self._say(self._recorder.refuse, what, why)
        if event is not None:
            self._say(self._recorder.emit, event)

    def _say(self, do: Callable[P, None], *given: P.args, **named: P.kwargs) -> None:
        """Tell the recorder something, unless the program is no longer listened to."""
        with self._emitting:
            if not self._over:
                do(*given, **named)

    def _refuse_line(self, why: str) -> None:
        """Count a line that looks like an event and is none."""
        self._say(self._recorder.refuse, "lines", f"a line of its program looks like an event: {why}")

    def _pass_on(self, data: bytes) -> None:
        self._last.append(data)
        self._last_size += len(data)
        while self._last_size - len(self._last[0]) >= KEPT:
            self._last_size -= len(self._last.popleft())
        with contextlib.suppress(OSError):  # a full disk loses a line, not the run
            write_all(STDOUT, data)
        self._wrote()
