"""The `engine` command without the time of its imports: a process that has done them forks for each command.

What a test sees is as before: a process of its own with the folder, arguments and environment that it is given. What
Python and the linker read of an environment as a program starts has to be as it was: ``Forkserver.fits`` tells.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

READ_AT_THE_START = ("LD_", "PYTHON")
LOADED_LATE = ("diagnostics.doctor", "query.select", "queue.submit", "remote.host_link", "runs.trash")
"""Modules of the engine that verbs load as they are called, apart from their own."""
SCRIPT = "from tests.engine.forked_commands import serve; serve(); from engine.cli import main; main()"
CHANGES = "import tests."
"""What code begins with that changes modules alone: commands may share a process in which it has run."""


def serve() -> None:
    """Fork for each line of stdin, a request; return in what was forked, which then is the process asked for.

    Each request is answered by a line of stdout, the exit code.
    """
    import engine.commands

    verbs = (module.name for module in pkgutil.iter_modules(engine.commands.__path__, "engine.commands."))
    for name in (*verbs, *(f"engine.{name}" for name in LOADED_LATE), "tomlkit"):
        importlib.import_module(name)
    gc.freeze()  # memory that is not looked at is not copied
    while line := os.read(0, 1 << 20):
        while not line.endswith(b"\n"):
            line += os.read(0, 1 << 20)
        child = os.fork()
        if not child:
            return become(**json.loads(line))
        _, status = os.waitpid(child, 0)
        os.write(1, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def become(folder: str, arguments: list[str], environment: dict[str, str], out: str, err: str) -> None:
    """Make this process one that was started with these."""
    for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY), (2, err, os.O_WRONLY)):
        opened = os.open(path, flags)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = arguments


class Forkserver:
    """The process that forks."""

    def __init__(self, folder: Path, environment: Mapping[str, str], code: str = "") -> None:
        """Start it.

        Args:
            folder: A folder for what commands write.
            environment: The environment that it starts with.
            code: Python that runs before anything of the engine is loaded.
        """
        self.code = code
        self.out, self.err = folder / "out", folder / "err"
        self.environment = dict(environment)
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", f"{self.code}\n{SCRIPT}"], env=self.environment, process_group=0,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Return whether a process that is forked can be one that was started with an environment."""
        keys = {key for key in {*environment, *self.environment} if key.startswith(READ_AT_THE_START)}
        return all(environment.get(key) == self.environment.get(key) for key in keys)

    def run(
        self, folder: Path, arguments: tuple[str, ...], environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `engine` with arguments in a folder to its end; the exit code is negative for a signal."""
        request = {
            "folder": str(folder), "arguments": arguments, "environment": dict(environment),
            "out": str(self.out), "err": str(self.err),
        }  # fmt: skip
        for path in (self.out, self.err):
            path.write_bytes(b"")
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
            code = int(self.process.stdout.readline())
        except BaseException:  # a test that takes too long is ended in here, and the next one begins anew
            self.close()
            self.process = self._start()
            raise
        return subprocess.CompletedProcess(arguments, code, self.out.read_bytes(), self.err.read_bytes())

    def close(self) -> None:
        """Kill it, and the command that it waits for."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


class Forkservers:
    """A process that forks for each code that commands begin with; each starts with its first command."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.servers: dict[str, Forkserver] = {}

    def of(self, code: str, environment: Mapping[str, str]) -> Forkserver | None:
        """Return what forks a command that begins with code, None where it has to be a process from the start."""
        if code and not code.startswith(CHANGES):
            return None
        server = self.servers.get(code)
        if server is None:
            server = self.servers[code] = Forkserver(self.folder, self.environment, code)
        return server if server.fits(environment) else None

    def close(self) -> None:
        for server in self.servers.values():
            server.close()
