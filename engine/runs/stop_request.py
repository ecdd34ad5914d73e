"""How a run is asked to stop: by its control file, which a user writes, or by a signal to its process."""

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
    """Return the stop request in a run's control file, None without one."""
    try:
        text = read_small(run.control).decode(errors="replace").strip()
    except OSError:
        return None
    return next((request for request in REQUESTS if request == text), None)


def clear(run: Run) -> None:
    """Remove the stop request, after it was followed."""
    run.control.unlink(missing_ok=True)


class StopRequest:
    """The stop request for the run of this process: set by signals at once, by ``poll`` from the control file."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.request: Request | None = None
        self.reason = ""

    def listen(self) -> None:
        """Take SIGINT and SIGTERM as requests to stop now; a second SIGINT ends the process at once."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def poll(self) -> None:
        """Read the control file."""
        if self.request != "stop-now" and (request := asked(self._run)) is not None:
            self.request, self.reason = request, "stopped on request"

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.request, self.reason = "stop-now", f"stopped by {signal.Signals(number).name}"
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
