"""The app on a terminal of our own making: its bytes, its modes and how its process ends."""

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
import sys
import termios
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]


class PtySession:
    """A Python program with a terminal of 120 x 36 cells.

    Args:
        folder: Where it runs.
        program: What it runs.
        state: The folder for the user's state; None for one in ``folder``.
    """

    def __init__(
        self, folder: Path, program: str = "from tui.cli import main; main()", state: Path | None = None
    ) -> None:
        state = state or folder / ".state"
        (state / "vitui").mkdir(parents=True, exist_ok=True)
        self.crashes = state / "vitui/crashes"
        self.sent = b""
        self._typed_at = sys.maxsize
        """What had been sent when something was typed, until that was listened for: an answer may come at once."""
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        self._theirs = theirs  # kept open, so that what it is left like can be seen
        self._before = termios.tcgetattr(theirs)
        environment = {
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "XDG_STATE_HOME": str(state),
            "PYTHONPATH": str(ROOT),
        }
        unsized = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        terminal = f"import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n{program}"
        self.process = subprocess.Popen(
            [sys.executable, "-c", terminal], cwd=folder, env=unsized | environment,
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip

    def listen(self, seconds: float, for_: bytes | None = None) -> bool:
        """Take what is sent, for some seconds or until something is, since now or the typing before; return whether."""
        deadline, begin = time.monotonic() + seconds, min(len(self.sent), self._typed_at)
        self._typed_at = sys.maxsize
        while time.monotonic() < deadline and (for_ is None or for_ not in self.sent[begin:]):
            if select.select([self._ours], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):
                    self.sent += os.read(self._ours, 1 << 16)
            elif self.process.poll() is not None:
                break
        return for_ is not None and for_ in self.sent[begin:]

    def wait_for(self, text: bytes, seconds: float = 60) -> None:
        assert self.listen(seconds, text), f"{text!r} was not sent, but {self.sent[-2000:]!r}"

    def type(self, data: bytes) -> None:
        """Type, while what is sent is taken: what an app has no time for waits in the terminal, which is full soon."""
        begin = len(self.sent)
        os.set_blocking(self._ours, False)
        while data:
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self._ours, data[:1024]) :]
            self.listen(0.02)
        os.set_blocking(self._ours, True)
        self._typed_at = begin

    def flood(self, data: bytes, seconds: float) -> int:
        """Type all that the terminal takes in some seconds; return how much that was."""
        os.set_blocking(self._ours, False)
        taken, deadline = 0, time.monotonic() + seconds
        while time.monotonic() < deadline and taken < len(data):
            with contextlib.suppress(BlockingIOError):
                taken += os.write(self._ours, data[taken : taken + 4096])
            with contextlib.suppress(BlockingIOError):
                self.sent += os.read(self._ours, 1 << 16)
        os.set_blocking(self._ours, True)
        return taken

    def hang_up(self) -> None:
        """Take the terminal away."""
        os.close(self._ours)
        os.close(self._theirs)
        self._ours = self._theirs = -1

    def exit_code(self) -> int:
        """Return how it ends, taking what is sent until then."""
        if self._ours >= 0:
            self.listen(60, b"\0")  # which is never sent
        return self.process.wait(60)

    @property
    def is_as_before(self) -> bool:
        """Whether the terminal has its settings of before, and all modes that were asked for are off again."""
        modes: dict[bytes, bytes] = dict(
            re.findall(rb"\x1b\[\?([\d;]+)([hl])", self.sent)
        )  # the last of each
        usual = {b"25": b"h", b"7": b"h"}
        keys_pushed, keys_popped = len(re.findall(rb"\x1b\[>\d+u", self.sent)), self.sent.count(b"\x1b[<u")
        return (
            termios.tcgetattr(self._theirs) == self._before
            and all(state == usual.get(name, b"l") for name, state in modes.items())
            and keys_pushed == keys_popped > 0
        )

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for handle in {self._ours, self._theirs} - {-1}:
            os.close(handle)
