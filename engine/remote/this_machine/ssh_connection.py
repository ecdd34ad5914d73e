"""One long ssh to a far end: frames out, frames in, a ping now and then, and in words why it ended."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from shlex import join, quote
from typing import IO

from engine.config.site import Site
from engine.sites.far_end_frames import PIECE, Frame, FrameError, FrameReader, encode
from engine.sites.far_end_messages import FROM_FAR, FarHead, Head, Ping
from engine.sites.ssh_command import SSH_FAILED, Ssh, Unreachable, why_ssh_failed
from engine.system.own_modules import ENGINE_THERE

PING_S = 5.0
"""Seconds between two pings."""
SILENT_S = 20.0
"""Seconds without a word after which the far end is gone: it answers pings."""
HELLO_S = 40.0
"""Seconds that the far end has to begin: login shells of clusters load much."""
NOT_FOUND = (126, 127)
"""Exit codes of a shell that found no such program."""

Take = Callable[[Frame[FarHead]], None]


def far_end_script(site: Site, folder: str) -> str:
    """Return the lines of shell that become the far end of a site.

    Args:
        site: The site, with its ``setup`` and ``python``.
        folder: The project's folder there; ``~`` is the home there.
    """
    words = join(["far-end", "--stdio", f"--folder={folder}"])
    if site.python != Site(name="").python:
        last = f"exec {_program(site.python)} {ENGINE_THERE} {words}"
    else:
        last = f"command -v engine >/dev/null && exec engine {words}\nexec python {ENGINE_THERE} {words}"
    return "\n".join([*site.setup, last])


def _program(path: str) -> str:
    """Return a program as a word of shell; one below the home is found there."""
    parts = PurePosixPath(path).parts
    return f'"$HOME"/{quote("/".join(parts[1:]))}' if parts[:1] == ("~",) else quote(path)


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """Return a stream of a process that was started with pipes."""
    assert stream is not None  # noqa: S101
    return stream


class SshConnection:
    """One ssh, and the thread that reads from it.

    Args:
        site: The site.
        folder: The project's folder there.
        take: Called with each frame, in the reading thread.
        options: Further options of ssh.

    Raises:
        Unreachable: ssh cannot be started.
    """

    def __init__(self, site: Site, folder: str, take: Take, options: Sequence[str] = ()) -> None:
        self._site, self._take = site, take
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the connection
        argv = Ssh(site.ssh, options).argv(["bash", "-lc", far_end_script(site, folder)])
        try:
            self._ssh = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:  # a ValueError is of a name that no program can be given
            self._errors.close()
            raise Unreachable(f"ssh cannot be run: {getattr(error, 'strerror', None) or error}") from None
        self._to, self._from = _pipe(self._ssh.stdin).fileno(), _pipe(self._ssh.stdout).fileno()
        os.set_blocking(self._to, False)
        self._writing = threading.Lock()
        self._closing = threading.Event()
        self._heard = self._pinged = time.monotonic()
        self._why = ""
        self._reader = threading.Thread(target=self._read, name=f"far end of {site.name}", daemon=True)
        self._reader.start()

    @property
    def is_open(self) -> bool:
        """Whether the far end answers."""
        return not self._why and not self._closing.is_set()

    @property
    def why(self) -> str:
        """Why it does not, in words; empty while it does."""
        return self._why

    def send(self, head: Head, body: bytes = b"") -> None:
        """Send a frame.

        Raises:
            Unreachable: The far end is gone, or takes nothing.
        """
        data = memoryview(encode(head, body))
        deadline = time.monotonic() + SILENT_S
        with self._writing:
            while data:
                if not self.is_open or time.monotonic() > deadline:
                    raise Unreachable(self._why or f"{self._site.name} takes nothing more")
                if not select.select([], [self._to], [], 0.5)[1]:
                    continue
                try:
                    data = data[os.write(self._to, data) :]
                except BlockingIOError:
                    continue
                except OSError:
                    self._reader.join(2)
                    raise Unreachable(self._why or f"{self._site.name} is gone") from None

    def wait(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait for something that frames bring about.

        Raises:
            Unreachable: The far end is gone, or it does not come about in time.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if not self.is_open:
                raise Unreachable(self._why)
            if time.monotonic() > deadline:
                raise Unreachable(f"{self._site.name} did not answer within {seconds:.0f} s")
            time.sleep(0.01)

    def close(self) -> None:
        """End the ssh, and with it the far end; nothing that runs there ends."""
        self._closing.set()
        with contextlib.suppress(OSError):
            _pipe(self._ssh.stdin).close()
        try:
            self._ssh.wait(1)
        except subprocess.TimeoutExpired:
            self._ssh.kill()
            self._ssh.wait()
        if threading.current_thread() is not self._reader:
            self._reader.join(5)
        _pipe(self._ssh.stdout).close()
        self._errors.close()

    def _read(self) -> None:
        reader: FrameReader[FarHead] = FrameReader(FROM_FAR, marked=True)
        begun = time.monotonic()
        try:
            while not self._closing.is_set():
                if select.select([self._from], [], [], 0.5)[0]:
                    if not (data := os.read(self._from, PIECE)):
                        self._why = self._why_ended(reader.unread)
                        return
                    self._heard = time.monotonic()
                    for frame in reader.feed(data):
                        self._take(frame)
                now = time.monotonic()
                if not reader.is_open:
                    if now - begun > HELLO_S:
                        self._why = f"{self._site.name}: no far end answered within {HELLO_S:.0f} s"
                        return
                elif now - self._heard > SILENT_S:
                    self._why = f"{self._site.name} has said nothing for {SILENT_S:.0f} s"
                    return
                elif now - self._pinged > PING_S:
                    self._pinged = now
                    self.send(Ping(t=time.time()))
        except (FrameError, Unreachable) as error:
            self._why = f"{self._site.name}: {error}"
        except OSError as error:
            self._why = f"{self._site.name}: {error.strerror}"

    def _why_ended(self, said: bytes) -> str:
        try:
            code = self._ssh.wait(5)
        except subprocess.TimeoutExpired:
            code = 0
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 4096))
        errors = self._errors.read().decode(errors="replace")
        if code == SSH_FAILED:
            return f"ssh {self._site.ssh}: {why_ssh_failed(errors, self._site.ssh)}"
        last = next(
            iter(
                [line for line in (errors or said.decode(errors="replace")).splitlines() if line.strip()][-1:]
            ),
            "",
        )
        if code in NOT_FOUND or "No module named" in errors or "no verb" in errors:
            return (
                f"{self._site.name}: vitui is not there ({last.strip()}): `pip install vitui` there, and say with "
                f"`python` or `setup` of [sites.{self._site.name}] which Python has it"
            )
        return f"{self._site.name}: its far end ended{f': {last.strip()}' if last else ''}"
