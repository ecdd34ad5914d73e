"""What a command asks of the kernel, as strace writes it down: what it starts, signals, talks to, opens and changes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

ROOT = Path(__file__).parent.parent
STARTS = ("execve", "execveat")
SIGNALS = ("kill", "tkill", "tgkill", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "ptrace")
SPEAKS = ("connect", "bind", "listen")
OPENS = ("open", "openat", "openat2", "creat")
CHANGES = (
    "unlink", "unlinkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "rmdir", "link", "linkat", "symlink",
    "symlinkat", "chmod", "fchmodat", "truncate", "chown", "fchownat", "lchown", "utimensat", "mknod", "mknodat",
)  # fmt: skip
_LINE = re.compile(r"^(\d+) +(\w+)\((.*)$")
_PATH = re.compile(r'(?:(?:AT_FDCWD|\d+)(?:<([^>]*)>)?, )?"((?:[^"\\]|\\.)*)"')
_OPENED = re.compile(r"= \d+<([^>]*)>$")
SIZE = struct.pack("HHHH", 36, 120, 0, 0)


class Call(NamedTuple):
    """A call of the kernel."""

    name: str
    paths: tuple[str, ...]
    """Absolute; of a file that was opened where it lies, behind links."""
    text: str
    """The whole line."""
    pid: int

    @property
    def writes(self) -> bool:
        """Whether it opens a file to write, or changes one."""
        flags = re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)", self.text)
        return self.name in CHANGES or (self.name in OPENS and flags is not None)

    @property
    def target(self) -> int | None:
        """The process, or the group, that it sends a signal to."""
        numbers = re.search(r"\((-?\d+)(<[^>]*>)?", self.text)
        return abs(int(numbers[1])) if self.name in SIGNALS and numbers is not None else None

    @property
    def only_asks(self) -> bool:
        """Whether it is a signal 0, which asks whether a process lives and does nothing to it."""
        return self.name in ("kill", "tkill", "tgkill") and re.search(r", 0\)? ", self.text + " ") is not None


def calls_of(
    words: Sequence[str], folder: Path, log: Path, *,
    keys: Iterable[bytes] | None = None, until: Callable[[], bool] | None = None,
) -> list[Call]:  # fmt: skip
    """Run a command of ours in a folder to its end, and return its calls and those of all that it started.

    Args:
        words: The module and its arguments, as ``("engine.cli", "ls")``.
        folder: Where.
        log: The file that strace writes.
        keys: What is typed, for a command that needs a terminal; None for one that needs none.
        until: When the command is told to end by SIGTERM; None for one that ends by itself.
    """
    names = ",".join((*STARTS, *SIGNALS, *SPEAKS, *OPENS, *CHANGES))
    # a call that a machine does not have (open, of ARM) is no error: ?
    traced = ",".join(f"?{name}" for name in names.split(","))
    command = [
        "strace",
        "-f",
        "-qq",
        "-y",
        "-s",
        "300",
        "-e",
        "signal=none",
        "-e",
        f"trace={traced}",
        "-o",
        str(log),
    ]
    command += [sys.executable, "-m", *words]
    env = os.environ | {
        "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", "TERM": "xterm-256color",
        "XDG_STATE_HOME": str(folder / ".state"), "MPLCONFIGDIR": str(folder / ".matplotlib"),
    }  # fmt: skip
    if keys is not None:
        said = type_into(command, folder, env, keys)
    else:
        with (folder / ".said").open("w+b") as file:
            options = {"stdin": subprocess.DEVNULL, "stdout": file, "stderr": file}
            _wait(subprocess.Popen(command, cwd=folder, env=env, **options), until)
            file.seek(0)
            said = file.read()
    assert b"Traceback" not in said, said.decode(errors="replace")[-2000:]
    return list(_calls(log, folder))


def _wait(process: subprocess.Popen[bytes], until: Callable[[], bool] | None, seconds: float = 120) -> None:
    """Wait for the end of a command under strace; tell it to end once it has done what is waited for."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and not (until is not None and until()):
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    for child in psutil.Process(process.pid).children() if process.poll() is None else []:
        child.terminate()
    process.wait(30)


def type_into(command: Sequence[str], folder: Path, env: dict[str, str], keys: Iterable[bytes]) -> bytes:
    """Run a command in a terminal, type when it has drawn, and return all that it said; the last key has to end it.

    Raises:
        AssertionError: It did not end.
    """
    mine, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, SIZE)
    process = subprocess.Popen(
        command, cwd=folder, env=env, stdin=its, stdout=its, stderr=its, start_new_session=True
    )
    os.close(its)
    said = b""
    try:
        said += _quiet(mine, first=60)
        for key in keys:
            with contextlib.suppress(OSError):
                os.write(mine, key)
            said += _quiet(mine)
        deadline = time.monotonic() + 60
        while process.poll() is None:
            said += _quiet(mine)
            assert time.monotonic() < deadline, "it did not end"
    finally:
        process.kill()
        process.wait()
        os.close(mine)
    return said


def _quiet(handle: int, first: float = 1.0) -> bytes:
    """Return what comes from a terminal until nothing more comes for a moment; for the first it waits longer."""
    said, wait = b"", first
    while select.select([handle], [], [], wait)[0]:
        try:
            said += os.read(handle, 1 << 16)
        except OSError:  # the program has ended
            break
        wait = 0.5
    return said


def _calls(log: Path, folder: Path) -> Iterator[Call]:
    for line in log.read_text(errors="replace").splitlines():
        if (found := _LINE.match(line)) is None:
            continue
        pid, name, rest = found.groups()
        opened = _OPENED.search(rest)
        if name in OPENS and opened is not None:
            paths = [opened[1]]
        else:
            paths = [str(Path(base or folder, path)) for base, path in _PATH.findall(rest.partition("[")[0])]
        yield Call(name, tuple(map(os.path.normpath, paths)), line, int(pid))
