"""An HTTP server on this machine that is told of runs, and answers as a test says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class NotificationServer:
    """What was posted to it, and how it answers: numbers, ``slow`` (never), or ``drip`` (a byte at a time)."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        """Those that were answered with 200."""
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        """The method, path and headers of all."""
        self.answers: list[int | str] = []
        """What the next requests get; 200 after these."""
        self._ended = threading.Event()
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                told.requests.append((self.command, self.path, dict(self.headers)))
                answer = told.answers.pop(0) if told.answers else 200
                if answer == "slow":
                    told._ended.wait(30)
                    return
                if answer == "drip":
                    while not told._ended.wait(0.05):
                        self.wfile.write(b"H")
                        self.wfile.flush()
                    return
                if answer == 200:
                    told.messages.append(json.loads(body))
                self.send_response(int(answer))
                if 300 <= int(answer) < 400:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                told.requests.append(("GET", self.path, dict(self.headers)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def told(self) -> list[tuple[str, str]]:
        """The run and the event of each message."""
        return [(message["run"], message["event"]) for message in self.messages]

    def wait_for(self, count: int, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while len(self.messages) < count:
            assert time.monotonic() < deadline, self.messages
            time.sleep(0.01)

    def close(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def told() -> Iterator[NotificationServer]:
    """A server that is told of runs."""
    server = NotificationServer()
    yield server
    server.close()
