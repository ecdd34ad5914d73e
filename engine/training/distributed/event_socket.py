"""How a rank speaks to the process that records the run: events as lines over a local socket."""

from __future__ import annotations

import socket
import threading

from engine.events import End, Event, encode
from engine.runs.recorder import Reporter
from engine.runs.store import Run
from engine.system import process
from engine.training.distributed.nodes import NOBODY


class EventSocket:
    """A connection to the process that records; a rank of another node prints what only it can say."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX) if address != NOBODY else None
        if self._socket is not None:
            self._socket.connect(address)
        self._lock = threading.Lock()

    def say(self, event: Event) -> None:
        """Send an event."""
        if self._socket is None:
            if isinstance(event, End) and event.error is not None:
                print(f"{process.host()}: {event.error.message}\n{event.error.traceback}", flush=True)  # noqa: T201
            return
        with self._lock:
            self._socket.sendall(encode(event))


class SocketReporter(Reporter):
    """Passes on the events of the first rank; those of the others are the same and are dropped."""

    def __init__(self, run: Run, connection: EventSocket, *, aloud: bool) -> None:
        super().__init__(run)
        self._connection = connection
        self._aloud = aloud

    def emit(self, event: Event) -> None:
        """Pass an event on."""
        self.status.apply(event)
        if self._aloud:
            self._connection.say(event)
