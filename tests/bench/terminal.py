"""A terminal of our own with tmux and a program in it: what arrives is kept with its time and looked at afterwards."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import math
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import pyte

_numbers = itertools.count()
ENVIRONMENT = ("COLUMNS", "LINES", "TMUX", "NO_COLOR", "PYTHONDONTWRITEBYTECODE")
"""Variables of ours that the program does not see: it compiles itself once, as on anybody's machine."""
STARTED = b"@@started@@"
"""Arrives when tmux is up and the program is executed."""


class Terminal:
    """Runs a shell command in tmux; looking at what it shows costs it nothing, as that is done when it is over.

    Raises:
        RuntimeError: The program did not start.
    """

    def __init__(
        self,
        command: str,
        folder: Path,
        size: tuple[int, int],
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.width, self.height = size
        self.said: list[tuple[float, bytes]] = []
        self._socket = f"bench-{os.getpid()}-{next(_numbers)}"
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            kept = {k: v for k, v in os.environ.items() if k not in ENVIRONMENT}
            kept |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"} | dict(env or {})
            os.chdir(folder)
            time.sleep(0.2)
            inner = f"printf '{STARTED.decode()}'; exec {command}"
            tmux = [
                "tmux",
                "-L",
                self._socket,
                "-f",
                "/dev/null",
                "new-session",
                inner,
                ";",
                "set",
                "status",
                "off",
                ";",
                "set",
                "-s",
                "escape-time",
                "0",
            ]
            os.execvpe("tmux", tmux, kept)  # noqa: S606  there is no shell to be started by
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", self.height, self.width, 0, 0))
        deadline = time.monotonic() + 10
        while not any(STARTED in data for _, data in self.said):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{command} did not start")
            self.listen(0.005)
        self.started = self.said[-1][0]
        """When the program was executed, on the monotonic clock, as all times here."""

    def listen(self, seconds: float) -> None:
        """Take what the terminal gets for some seconds."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self._fd], [], [], left)[0]:
                try:
                    data = os.read(self._fd, 1 << 20)
                except OSError:  # the program has ended
                    return
                self.said.append((time.monotonic(), data))

    def press(self, key: bytes) -> float:
        """Press a key; return when."""
        at = time.monotonic()
        os.write(self._fd, key)
        return at

    def processes(self) -> list[psutil.Process]:
        """Return the program and all that it started."""
        server = subprocess.run(
            ["tmux", "-L", self._socket, "list-panes", "-F", "#{pane_pid}"], capture_output=True, check=True
        )
        root = psutil.Process(int(server.stdout))
        return [root, *root.children(recursive=True)]

    def memory(self) -> float:
        """Return the MiB that they hold in memory."""
        return sum(process.memory_info().rss for process in self.processes()) / 2**20

    def cpu(self) -> float:
        """Return the seconds of CPU that they have used."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes())

    def frames(self) -> Iterator[tuple[float, pyte.Screen]]:
        """Play what has arrived; yield each time and the screen then, whose ``dirty`` lines are new."""
        screen = pyte.Screen(self.width, self.height)
        stream = pyte.ByteStream(screen)
        for at, data in self.said:
            screen.dirty.clear()
            stream.feed(data)
            yield at, screen

    def first(self, there: Callable[[pyte.Screen], bool], after: float = 0.0) -> float:
        """Return the first time after another at which the screen is so; infinity if it never was."""
        return next((at for at, screen in self.frames() if at >= after and there(screen)), math.inf)

    def strokes(self, after: float = 0.0) -> list[float]:
        """Return when the curves on the screen changed: its cells of braille, without the machine's in the first row.

        Raises:
            RuntimeError: There are none, or they did not change.
        """
        times: list[float] = []
        curves: dict[int, str] = {}
        for at, screen in self.frames():
            for row in screen.dirty - {0}:
                cells = screen.buffer[row]
                found = "".join(c for i in range(self.width) if "\u2800" < (c := cells[i].data) <= "\u28ff")
                if curves.get(row, "") != found:
                    curves[row] = found
                    times += [at] if at > after else []
        if not any(curves.values()) or not times:
            raise RuntimeError("no curves were drawn")
        return times

    def drawn(self, after: float = 0.0) -> float:
        """Return when the curves changed for the last time; raises as ``strokes`` does."""
        return self.strokes(after)[-1]

    def close(self) -> None:
        """End the program and tmux."""
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], check=False, capture_output=True)
        with contextlib.suppress(OSError):
            os.close(self._fd)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def text(screen: pyte.Screen) -> str:
    """Return what stands on a screen."""
    return "\n".join(screen.display)
