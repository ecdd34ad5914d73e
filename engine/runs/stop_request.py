"""How a run is asked to stop: by its control file, which a user writes, or by a signal to its process.

Where the disk has no room for the file, the request is written into the blocks that are reserved for the run's end: it
needs none of its own, and the reserve goes with the run's end, when there is nothing left to be asked.

SIGINT, SIGTERM and SIGHUP (its terminal was closed) ask it to stop now. So does SIGUSR2, which batch systems send when
the time of a job is nearly up. What its user asks is why it stops, whichever came first: such a run is not begun anew.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from pathlib import Path
from types import FrameType
from typing import Literal, NamedTuple

from engine.runs.event_log import RESERVE_FILE
from engine.runs.store import Run
from engine.system.files import write_atomic, write_over
from engine.system.process import STOP_SIGNALS

Request = Literal["stop-after-epoch", "stop-now"]
REQUESTS: tuple[Request, ...] = ("stop-after-epoch", "stop-now")

FINISHED, FAILED, STOPPED = 0, 1, 3
"""Exit codes of a process that trains."""
FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the system says of a disk that has no blocks or no inodes left."""
ON_REQUEST = "stopped on request"
"""What the reason of a run begins with that its user has stopped: no site begins it anew."""
_PASSED_ON = " for all of its processes"
"""What follows a request that a process of the run has written for its others, and its user has not asked."""
TIME_NEARLY_UP = "its time is nearly up: stopped"
"""The reason of a run that SIGUSR2 has stopped; where it was follows."""


class _Found(NamedTuple):
    """A request in a file."""

    request: Request
    is_passed_on: bool
    """Whether a process of the run wrote it for the others, and not its user."""


def ask(run: Run, request: Request) -> None:
    """Ask a live run to stop.

    Raises:
        OSError: Its folder cannot be written, and nothing is reserved in it.
    """
    _write(run, request)


def asked(run: Run) -> Request | None:
    """Return what its user asked in a run's control file or its reserve, None where that is nothing."""
    found = _read(run)
    return found.request if found is not None and not found.is_passed_on else None


def forget_passed_on(run: Run) -> None:
    """Remove what a process of an attempt that was killed has passed on to its others; what the user asked stays."""
    if (found := _read(run)) is not None and found.is_passed_on:
        clear(run)


def clear(run: Run) -> None:
    """Remove the stop request, after it was followed."""
    run.control.unlink(missing_ok=True)
    if _request_in(_reserve(run)) is not None:
        with contextlib.suppress(OSError):
            write_over(_reserve(run), b"")


def _write(run: Run, text: str) -> None:
    try:
        write_atomic(run.control, text.encode())
    except OSError as error:
        if error.errno not in FULL:
            raise
        with contextlib.suppress(FileNotFoundError):
            write_over(_reserve(run), text.encode())
            return
        raise


def _read(run: Run) -> _Found | None:
    return _request_in(run.control) or _request_in(_reserve(run))


def _request_in(path: Path) -> _Found | None:
    """Return the request that a file consists of."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        text = os.read(handle, 64).decode(errors="replace").strip()
    except OSError:
        return None
    finally:
        os.close(handle)
    words = text.removesuffix(_PASSED_ON)
    return next((_Found(request, words != text) for request in REQUESTS if request == words), None)


def _reserve(run: Run) -> Path:
    return run.path / RESERVE_FILE


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
        """Read the control file; what its user asks says why it stops, also after a signal."""
        if self._run is None or (self.request == "stop-now" and self.reason == ON_REQUEST):
            return
        if (found := _read(self._run)) is None:
            return
        if self.request != "stop-now":
            self.request = found.request
        if not found.is_passed_on:
            self.reason, self.time_nearly_up = ON_REQUEST, False

    def pass_on(self) -> None:
        """Write what is asked where the run's other processes read it, unless it stands there already.

        Raises:
            OSError: It cannot be written.
        """
        self.poll()
        if self._run is None or self.request is None:
            return
        found = _read(self._run)
        if found is None or found.request not in (self.request, "stop-now"):
            _write(self._run, self.request + _PASSED_ON)

    def settle(self) -> None:
        """Hear what its user asked up to now, and forget it: the run has stopped.

        What is asked after that stays: who begins the run anew hears it.
        """
        if self._run is None:
            return
        self.poll()
        if _read(self._run) is not None:
            clear(self._run)

    def now(self, reason: str) -> None:
        """Have the run stop now, for a reason of its own process."""
        if self.request != "stop-now":
            self.request, self.reason = "stop-now", reason

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.request is None:  # of several requests the first says why
            self.time_nearly_up = number == signal.SIGUSR2
            self.reason = (
                TIME_NEARLY_UP if self.time_nearly_up else f"stopped by {signal.Signals(number).name}"
            )
        self.request = "stop-now"
        self.signalled = True
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
