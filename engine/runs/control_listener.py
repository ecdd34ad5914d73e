"""A thread that reads stop requests for a live run and keeps its heartbeat."""

from __future__ import annotations

import contextlib
import threading

from engine.runs.recorder import Recorder
from engine.runs.stop_request import StopRequest

INTERVAL_S = 0.5


class ControlListener:
    """Polls the control file, and keeps the heartbeat of the run, while the block lasts.

    Args:
        stop: Takes the requests.
        recorder: Records the heartbeat; None in a process that does not record.
        interval_s: Seconds between two looks.
    """

    def __init__(
        self, stop: StopRequest, recorder: Recorder | None = None, interval_s: float = INTERVAL_S
    ) -> None:
        self._stop = stop
        self._recorder = recorder
        self._interval_s = interval_s
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="control", daemon=True)

    def __enter__(self) -> ControlListener:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._thread.join(timeout=5)

    def _listen(self) -> None:
        while not self._left.wait(self._interval_s):
            self._stop.poll()
            if self._recorder is not None:
                if self._recorder.is_removed:
                    self._stop.now("its folder was removed")
                with contextlib.suppress(OSError):  # a full disk takes no status: the next look tries again
                    self._recorder.heartbeat()
