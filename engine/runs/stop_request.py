"""How a run is asked to stop: by its control file, which a user writes, or by a signal to its process.

SIGINT, SIGTERM and SIGHUP (its terminal was closed) ask it to stop now. So does SIGUSR2, which batch systems send when
the time of a job is nearly up.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Literal

from engine.runs.store import Run
from engine.system.files import read_small, write_atomic
from engine.system.process import STOP_SIGNALS

Request = Literal["stop-after-epoch", "stop-now"]
REQUESTS: tuple[Request, ...] = ("stop-after-epoch", "stop-now")

FINISHED, FAILED, STOPPED = 0, 1, 3
"""Exit codes of a process that trains."""
TIME_NEARLY_UP = "its time is nearly up: stopped"
"""The reason of a run that SIGUSR2 has stopped; where it was follows."""


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
    """The stop request for the runs of this process: set by signals at once, by ``poll`` from the control file.

    Args:
        run: The run whose control file is read; None before the process has its first.

    Attributes:
        request: How to stop, None before the first request.
        reason: Who asked, as the run's end says it.
        time_nearly_up: Whether it stops because the time of its job is nearly up, and is to be begun anew.
        signalled: Whether a signal asked: that is meant for the process, and for all the runs it is to train.
    """

    def __init__(self, run: Run | None = None) -> None:
        self._run = run
        self.request: Request | None = None
        self.reason = ""
        self.time_nearly_up = self.signalled = False

    def follow(self, run: Run) -> None:
        """Read the control file of this run from now on; what another one was asked by its file is no longer meant."""
        self._run = run
        if not self.signalled:
            self.request, self.reason = None, ""

    def listen(self) -> None:
        """Take the stop signals as requests to stop now; a second SIGINT ends the process at once.

        A SIGHUP that is ignored already, as under nohup, stays ignored.
        """
        for number in STOP_SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._on_signal)

    def poll(self) -> None:
        """Read the control file."""
        if self._run is None or self.request == "stop-now":
            return
        if (request := asked(self._run)) is not None:
            self.request, self.reason = request, "stopped on request"

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.request != "stop-now":  # of several signals the first says why
            self.time_nearly_up = number == signal.SIGUSR2
            self.reason = (
                TIME_NEARLY_UP if self.time_nearly_up else f"stopped by {signal.Signals(number).name}"
            )
            self.request = "stop-now"
        self.signalled = True
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
