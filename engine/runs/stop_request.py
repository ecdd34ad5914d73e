"""How a run is stopped: a user asks in its control file, a signal asks its process, and the process hears both."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Literal

from engine.runs.store import Run
from engine.system.files import read_small, write_atomic

Request = Literal["stop-after-epoch", "stop-now"]
REQUESTS: tuple[Request, ...] = ("stop-after-epoch", "stop-now")

FINISHED, FAILED, STOPPED = 0, 1, 3
"""Exit codes of a process that trains."""


def ask(run: Run, request: Request) -> None:
    """Ask a live run to stop.

    Raises:
        OSError: Its folder cannot be written.
    """
    write_atomic(run.control, request.encode())


def asked(run: Run) -> Request | None:
    """Return what a user asked of a run, if anything."""
    try:
        text = read_small(run.control).decode(errors="replace").strip()
    except OSError:
        return None
    return next((request for request in REQUESTS if request == text), None)


def clear(run: Run) -> None:
    """Forget what a user asked: it has been done."""
    run.control.unlink(missing_ok=True)


class StopRequest:
    """How the run of this process is to stop, if at all: set by signals at once, by ``poll`` from the control file."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.wanted: Request | None = None
        self.reason = ""

    def listen(self) -> None:
        """Take SIGINT and SIGTERM as requests to stop now; a second SIGINT ends the process at once."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def poll(self) -> None:
        """Look whether a user asked something through the control file."""
        if self.wanted != "stop-now" and (request := asked(self._run)) is not None:
            self.wanted, self.reason = request, "stopped on request"

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.wanted, self.reason = "stop-now", f"stopped by {signal.Signals(number).name}"
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
