"""The app over ssh on a slow line: keys, bytes, and how late the screen is, while five live runs fill its charts.

    python tests/bench/ssh.py [--rate 10000] [--delay 0.1] [--rounds 3]

Needs an OpenSSH server (it is started for the while, on a port of the loopback, for this user alone) and
`pip install -e ".[bench]"`. The line is a program between ssh and its server that lets so many bytes a second
through, each way late by so much; ssh's own windows and the kernel's buffers are what they are.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import getpass
import os
import pty
import shlex
import shutil
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from app import ROOT, bytes_of, heading, moved, row, scratch, two
from scalars import Writers
from terminal import ENVIRONMENT, Terminal

SIZES = ((80, 24), (120, 36), (200, 60))
HELD = 16 * 1024
"""Bytes that the line holds before it takes no more."""


class Session(Terminal):
    """An ssh session in a terminal of ours."""

    def __init__(self, command: list[str], size: tuple[int, int]) -> None:
        self.width, self.height = size
        self.said = []
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            kept = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
            time.sleep(0.2)
            os.execvpe(command[0], command, kept | {"TERM": "xterm-256color"})  # noqa: S606  no shell
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", self.height, self.width, 0, 0))

    def close(self) -> None:
        """End the session, and with it what runs in it."""
        os.close(self._fd)
        os.waitpid(self.pid, 0)


@contextmanager
def server(folder: Path) -> Iterator[list[str]]:
    """Serve this user's ssh from keys made for the while; yield the command that logs in through the line."""
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "Port": port, "ListenAddress": "127.0.0.1", "HostKey": folder / "host", "PidFile": "none",
        "AuthorizedKeysFile": folder / "user.pub", "StrictModes": "no", "UsePAM": "no", "PrintMotd": "no",
    }  # fmt: skip
    (folder / "sshd_config").write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    found = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise SystemExit("there is no sshd: install an OpenSSH server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    process = subprocess.Popen(
        [found, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=subprocess.DEVNULL
    )
    line = shlex.join([sys.executable, __file__, "--through", str(port)])
    try:
        time.sleep(0.5)
        yield [
            "ssh", "-tt", "-i", str(folder / "user"), "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no",
            "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", f"ProxyCommand={line} %RATE %DELAY",
            f"{getpass.getuser()}@127.0.0.1",
        ]  # fmt: skip
    finally:
        process.terminate()
        process.wait()


async def through(port: int, rate: float, delay: float) -> None:
    """Carry bytes between stdin, stdout and a port, slowly and late."""
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4096)
    stdin = asyncio.StreamReader(limit=4096)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin.buffer)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout.buffer)
    stdout = asyncio.StreamWriter(transport, protocol, None, loop)
    await asyncio.gather(_carry(stdin, writer, rate, delay), _carry(reader, stdout, rate, delay))


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter, rate: float, delay: float) -> None:
    loop, free, held = asyncio.get_running_loop(), 0.0, 0
    room = asyncio.Event()
    room.set()

    def arrive(data: bytes) -> None:
        nonlocal held
        held -= len(data)
        sink.write(data)
        room.set()

    while data := await source.read(512):
        await room.wait()
        free = max(free, loop.time()) + len(data) / rate
        held += len(data)
        loop.call_at(free + delay, arrive, data)
        if held > HELD:
            room.clear()
    await asyncio.sleep(delay)
    sink.close()


def measure(login: list[str], size: tuple[int, int], rounds: int) -> None:
    """Open the app, overlay all, let five runs write, and press keys."""
    with scratch() as folder, closing(Writers(folder)) as writers:
        command = (
            f"cd {shlex.quote(str(folder))} && PYTHONPATH={ROOT} XDG_STATE_HOME={folder}/state COLORTERM=truecolor "
            f"LANG=C.UTF-8 exec {sys.executable} -m tui.cli"
        )
        began = time.monotonic()
        with closing(Session([*login, command], size)) as terminal:
            terminal.listen(8)
            painted = terminal.first(lambda screen: "run-0" in "\n".join(screen.display)) - began
            terminal.press(b"A")
            terminal.listen(4)
            writers.start()
            terminal.listen(5)
            before, begin, presses = bytes_of(terminal), time.monotonic(), []
            for number in range(10 * rounds):
                presses.append(terminal.press(b"j" if number % 8 < 4 else b"k"))
                terminal.listen(1.5)
            rate = (bytes_of(terminal) - before) / (time.monotonic() - begin) / 1000
            writers.stop()
            terminal.listen(3)
            written = []
            for number in range(5):
                written.append((writers.write(5 + number / 100), f"{5 + number / 100:.3f}"))
                terminal.listen(2 + 0.03 * number)
            terminal.press(b"q")
            terminal.listen(1)
        keys = [1000 * value for value in moved(terminal, presses)]
        late = [
            1000 * (terminal.first(lambda screen: loss in "\n".join(screen.display), at) - at)  # noqa: B023
            for at, loss in written
        ]
    row(f"{size[0]}x{size[1]}", f"{painted:.1f}", two(keys), two(late), f"{rate:.1f}")


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=10_000, help="bytes a second")
    parser.add_argument("--delay", type=float, default=0.1, help="seconds each way")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--through", nargs=3, type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.through:
        port, rate, delay = arguments.through
        asyncio.run(through(int(port), rate, delay))
        return
    heading("screen", "login to list s", "key to list ms", "event to screen ms", "kB a second")
    with scratch() as keys, server(keys) as login:
        told = [
            part.replace("%RATE", str(arguments.rate)).replace("%DELAY", str(arguments.delay))
            for part in login
        ]
        for size in SIZES:
            measure(told, size, arguments.rounds)


if __name__ == "__main__":
    main()
