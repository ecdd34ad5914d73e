"""How a process that trains is stopped: it hears signals and the control file, and ends with an exit code."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

from engine.runs.recorder import Recorder
from engine.runs.store import Request, Run

FINISHED, FAILED, STOPPED = 0, 1, 3
"""Exit codes of a process that trains."""


class StopRequest:
    """How the run is to stop, if at all: set by signals at once, by the control file within a second."""

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
        if self.wanted != "stop-now" and (asked := self._run.asked()) is not None:
            self.wanted, self.reason = asked, "stopped on request"

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.wanted, self.reason = "stop-now", f"stopped by {signal.Signals(number).name}"
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def pulse(recorder: Recorder, stop: StopRequest) -> Callable[[dict[str, float]], None]:
    """Return what telemetry does every second: hear what a user asks, say that the run lives and what it holds."""

    def beat(values: dict[str, float]) -> None:
        stop.poll()
        if recorder.started:
            recorder.metrics(recorder.status.step, recorder.status.epoch, values)
        else:
            recorder.heartbeat()

    return beat
