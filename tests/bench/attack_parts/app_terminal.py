"""The app in a terminal of our own: every byte that it sends is kept, and what it leaves behind is looked at."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path

from tests.bench.attack_parts.lab import PYTHON, Lab

MODES = {
    b"1049": "alternate screen",
    b"1000": "mouse",
    b"1003": "mouse",
    b"1006": "mouse",
    b"2004": "paste",
    b"1004": "focus",
}
"""Modes that the app may turn on, and has to turn off."""
KEPT = 200_000
"""Bytes that are kept of what an app says for long."""


class AppTerminal:
    """Starts the app of a project; ``close`` ends it.

    Args:
        lab: The project.
        words: Further words of the command.
        env: Further variables.
    """

    def __init__(self, lab: Lab, *words: str, env: dict[str, str] | None = None) -> None:
        self._mine, self._its = pty.openpty()
        os.set_blocking(self._mine, False)  # an app that takes nothing more holds up no one
        self.resize(120, 36)
        self.before = termios.tcgetattr(self._its)
        self.said = b""
        self._modes: dict[bytes, bytes] = {}
        """Modes that were turned on (h) or off (l) in what was said before that."""
        self.process = subprocess.Popen(
            [PYTHON, "-m", "tui.cli", *words], cwd=lab.folder, env=lab.env | (env or {}), stdin=self._its,
            stdout=self._its, stderr=self._its, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while b"\x1b[?1049h" not in self.said and self.lives and time.monotonic() < deadline:
            self.listen(1)
        self.listen(30, quiet=1.5)

    def listen(self, seconds: float, quiet: float = 0.4) -> bytes:
        """Take what comes, until nothing more has come for ``quiet`` seconds, or for so many in all; return it."""
        new, deadline = b"", time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self._mine], [], [], min(left, quiet if new else left))[0]:
                break
            try:
                new += os.read(self._mine, 1 << 16)
            except OSError:
                break
        self.said += new
        return new

    def press(self, *keys: bytes, seconds: float = 3.0) -> bytes:
        """Press keys one after another, and return what came; a terminal that takes no more is left alone."""
        new = b""
        for key in keys:
            with contextlib.suppress(OSError):
                os.write(self._mine, key)
            new += self.listen(seconds)
        return new

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        fcntl.ioctl(self._its, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    @property
    def lives(self) -> bool:
        """Whether the app still runs."""
        return self.process.poll() is None

    def memory(self) -> float:
        """Return its MiB, 0 where it has ended."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
        return 0.0

    def ends(self, seconds: float = 15) -> bool:
        """Return whether it ends in time, and take what it says meanwhile."""
        deadline = time.monotonic() + seconds
        while self.lives and time.monotonic() < deadline:
            self.listen(0.2)
        self.listen(0.2)
        return not self.lives

    def left_behind(self) -> list[str]:
        """Return what is not as it was before the app: modes that stay on, a cursor that stays hidden, attributes."""
        modes = self._modes | _modes(self.said)
        found = {name for mode, name in MODES.items() if modes.get(mode) == b"h"}
        if modes.get(b"25") == b"l":
            found.add("no cursor")
        if termios.tcgetattr(self._its) != self.before:
            found.add("raw mode")
        return sorted(found)

    def forget(self) -> None:
        """Keep the end of what was said, and which modes are on."""
        cut = self.said.rfind(b"\x1b", 0, -KEPT)  # no sequence is torn
        if cut > 0:
            self._modes |= _modes(self.said[:cut])
            self.said = self.said[cut:]

    def close(self) -> None:
        """End the app."""
        if self.lives:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for handle in (self._mine, self._its):
            os.close(handle)


def _modes(said: bytes) -> dict[bytes, bytes]:
    return dict(re.findall(rb"\x1b\[\?(\d+)([hl])", said))
