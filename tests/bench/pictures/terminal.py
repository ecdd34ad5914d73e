"""A program in a tmux of its own: keys go in, and what a person would see comes out."""

from __future__ import annotations

import itertools
import os
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
import pyte

_numbers = itertools.count()
STILL_S = 0.25
"""A screen that is the same for so long is at rest."""


class Terminal:
    """Runs a program at some size.

    Args:
        command: The program and its arguments.
        folder: Where it runs.
        size: Columns and rows.
        environment: Variables beside ours.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, size: tuple[int, int], environment: Mapping[str, str]
    ) -> None:
        self.width, self.height = size
        self._socket = f"pictures-{os.getpid()}-{next(_numbers)}"
        variables = {"COLORTERM": "truecolor", "LANG": "C.UTF-8"} | dict(environment)
        given = [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]
        self._tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", str(self.width), "-y", str(self.height), *given,
            "-c", str(folder), "-s", "it", shlex.join(command), ";", "set", "status", "off", ";",
            "set", "-s", "escape-time", "0",
        )  # fmt: skip

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._socket, *words], capture_output=True, text=True, check=False
        )
        return done.stdout

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names, and wait until the screen is at rest."""
        for key in keys:
            self._tmux("send-keys", "-t", "it", key)
            time.sleep(0.1)
        self.rest()

    def rest(self, most_s: float = 2.5) -> None:
        """Wait until nothing moves, or for some seconds where something always does."""
        deadline, before = time.monotonic() + most_s, ""
        while time.monotonic() < deadline:
            time.sleep(STILL_S)
            now = self.text()
            if now == before and now.strip():
                return
            before = now

    def wait_for(self, words: str, most_s: float = 30) -> None:
        """Wait until words are seen.

        Raises:
            RuntimeError: They are not.
        """
        deadline = time.monotonic() + most_s
        while words not in self.text():
            if time.monotonic() > deadline:
                raise RuntimeError(f"no {words!r} on the screen:\n{self.text()}")
            time.sleep(0.1)
        self.rest()

    def text(self) -> str:
        """Return what stands on the screen."""
        return self._tmux("capture-pane", "-p", "-t", "it")

    def screen(self) -> pyte.Screen:
        """Return the screen with its colours."""
        seen = self._tmux("capture-pane", "-N", "-e", "-p", "-t", "it").rstrip("\n")
        screen = pyte.Screen(self.width, self.height)
        pyte.Stream(screen).feed(seen.replace("\n", "\r\n"))
        return screen

    def close(self) -> None:
        """End the program, and wait until it has written what it keeps."""
        programs = [int(pid) for pid in self._tmux("list-panes", "-F", "#{pane_pid}").split()]
        self._tmux("kill-server")
        deadline = time.monotonic() + 5
        while any(map(psutil.pid_exists, programs)) and time.monotonic() < deadline:
            time.sleep(0.05)
