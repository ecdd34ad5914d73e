"""What a program prints, read in a thread: its events become the run's, everything else goes to console.log.

::

    stdout ──blocks──> lines ──{…}──> an event? ──yes──> recorder
                         │                 └──no──┐
    stderr ──blocks──────┴───────────── text ─────┴────> the process's own stdout, which console.log has

Memory is bounded: what is no event is passed on as it comes, whole lines together. An unfinished line that may become
an event is waited for; an unfinished line of text, as a progress bar is, for half a second.
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
from collections.abc import Callable
from typing import IO, Any, ParamSpec

import msgspec

from engine.events import MAX_LINE, Checkpoint, Confusion, Event, Log, Metrics
from engine.runs.recorder import Recorder
from engine.system.files import write_all

BLOCK = 64 * 1024
"""Bytes that are read at once; more text than that does not wait for the end of its line."""
PATIENCE_S = 0.5
"""Seconds for which an unfinished line of text waits for its end."""
QUIET_S = 2.0
"""Seconds of silence after which a pipe is left that something holds open when its program has ended."""
LINGER_S = 5.0
"""Seconds after which it is left although more is printed."""
KEPT = 64 * 1024
"""Bytes of the last output that are kept for the reason of a failure."""
STDOUT = 1
SAYABLE: dict[str, type[Event]] = {
    "metrics": Metrics,
    "confusion": Confusion,
    "checkpoint": Checkpoint,
    "log": Log,
}
"""The events that a program may print; start and end are the engine's to say."""

P = ParamSpec("P")


class OutputLines:
    """Parts a program's output into lines that are events, and the rest, which is passed on as it is.

    Args:
        hear: Takes a line that may be an event, and returns whether it is one.
        pass_on: Takes all other bytes, in their order.
        refuse: Called with the beginning of a line that may be an event and is longer than readers take.
    """

    def __init__(
        self,
        hear: Callable[[bytes], bool],
        pass_on: Callable[[bytes], None],
        refuse: Callable[[bytes], None],
    ) -> None:
        self._hear, self._pass_on, self._refuse = hear, pass_on, refuse
        self._unfinished = bytearray()
        self._begun = 0.0
        """When the unfinished line began."""
        self._in_passed_line = False
        """Whether the beginning of the line that goes on was passed on, so that its rest is."""

    @property
    def has_text(self) -> bool:
        """Whether an unfinished line waits that can be no event."""
        return bool(self._unfinished) and not self._unfinished.startswith(b"{")

    def feed(self, data: bytes, now: float) -> None:
        """Take the next bytes, at a time in seconds."""
        if self._in_passed_line:
            end = data.find(b"\n") + 1
            self._pass_on(data[: end or len(data)])
            if not end:
                return
            self._in_passed_line, data = False, data[end:]
        if not self._unfinished:
            self._begun = now
        self._unfinished += data
        if b"\n" in data:
            text = bytes(self._unfinished)
            self._unfinished, self._begun = bytearray(text[self._part(text) :]), now
        if len(self._unfinished) > (BLOCK if self.has_text else MAX_LINE):
            self._give_up()

    def look(self, now: float) -> None:
        """Pass on an unfinished line of text that has waited for ``PATIENCE_S``."""
        if self.has_text and now - self._begun >= PATIENCE_S:
            self._give_up()

    def finish(self) -> None:
        """Take what is unfinished as a line: nothing follows it."""
        line = bytes(self._unfinished)
        self._unfinished.clear()
        if line and (not line.startswith(b"{") or not self._hear(line)):
            self._pass_on(line)

    def _give_up(self) -> None:
        """Pass on the unfinished line, and what comes of it."""
        line = bytes(self._unfinished)
        self._unfinished.clear()
        self._in_passed_line = True
        if line.startswith(b"{"):
            self._refuse(line)
        self._pass_on(line)

    def _part(self, text: bytes) -> int:
        """Take the whole lines of a text, and return where its unfinished line begins."""
        passed = at = 0
        while at < len(text):
            if text.startswith(b"{", at):
                end = text.find(b"\n", at) + 1
                if not end:
                    break
                if self._is_event(text[at:end]):
                    if passed < at:
                        self._pass_on(text[passed:at])
                    passed = end
                at = end
                continue
            before = text.find(b"\n{", at)
            if before < 0:
                at = text.rfind(b"\n", at) + 1 or at
                break
            at = before + 1
        if passed < at:
            self._pass_on(text[passed:at])
        return at

    def _is_event(self, line: bytes) -> bool:
        if len(line) <= MAX_LINE:
            return self._hear(line)
        self._refuse(line)
        return False


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
        self._lines = OutputLines(self._hear, self._pass_on, self._refuse)
        self._stdout = program.stdout.fileno()
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
            waits = self._lines.has_text or left_at < float("inf")
            ready = {handle for handle, _ in poll.poll(500 * PATIENCE_S if waits else None)}
            now = time.monotonic()
            if self._woken in ready:
                poll.unregister(self._woken)
                heard_at, left_at = now, now + LINGER_S
            for handle in [handle for handle in self._pipes if handle in ready]:  # stdout before stderr
                heard_at = now
                if data := os.read(handle, BLOCK):
                    self._try(self._take, handle, data, now)
                else:
                    poll.unregister(handle)
                    self._pipes.pop(handle).close()
            self._try(self._lines.look, now)
            if now > left_at or (left_at < float("inf") and now - heard_at > QUIET_S):
                break
        self._try(self._lines.finish)
        for pipe in self._pipes.values():
            pipe.close()
        os.close(self._woken)

    def _take(self, handle: int, data: bytes, now: float) -> None:
        """Take a block from a pipe; what goes to stderr is never an event."""
        if handle == self._stdout:
            self._lines.feed(data, now)
        else:
            self._pass_on(data)

    def _try(self, do: Callable[P, None], *given: P.args, **named: P.kwargs) -> None:
        """Call a function; the first error is printed: a program whose pipe nothing empties would stand still."""
        try:
            do(*given, **named)
        except Exception:  # noqa: BLE001  whatever it is, the program goes on
            if not self._complained:
                self._complained = True
                traceback.print_exc()

    def _hear(self, line: bytes) -> bool:
        """Record the event on a line; return whether there is one."""
        event = event_of(line, self._recorder)
        if event is not None:
            with self._emitting:
                if not self._over:
                    self._recorder.emit(event)
        return event is not None

    def _pass_on(self, data: bytes) -> None:
        self._last.append(data)
        self._last_size += len(data)
        while self._last_size - len(self._last[0]) >= KEPT:
            self._last_size -= len(self._last.popleft())
        with contextlib.suppress(OSError):  # a full disk loses a line, not the run
            write_all(STDOUT, data)
        self._wrote()

    def _refuse(self, beginning: bytes) -> None:
        if b'"event"' in beginning:
            with self._emitting:
                if not self._over:
                    self._recorder.refuse(
                        "lines of its program",
                        f"an event of its program is longer than the {MAX_LINE // 2**20} MiB that are read: "
                        "it is in console.log",
                    )


def event_of(line: bytes, recorder: Recorder) -> Event | None:
    """Return the event on a line of a program; None where it has none that a program may print.

    Args:
        line: The line.
        recorder: Knows the run, the step and the epoch, which are filled in where they are left out, as the time is.
    """
    if not line.startswith(b"{"):
        return None
    try:
        fields: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
        kind = SAYABLE[fields["event"]]
        defaults = {"time": time.time(), "step": recorder.status.step, "epoch": recorder.status.epoch}
        return msgspec.convert(defaults | fields | {"run": recorder.run.id}, kind)
    except (msgspec.MsgspecError, RecursionError, KeyError, TypeError, UnicodeDecodeError):
        return None
