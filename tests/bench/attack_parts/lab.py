"""What every attack uses: a project of its own in a temporary folder, its commands, and the app in a terminal."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from engine.runs.liveness import status_of
from engine.runs.store import Run, Store
from engine.text import clean
from tests.processes import commands
from tests.strangers import Strangers

ROOT = Path(__file__).resolve().parents[3]
PYTHON = sys.executable
TRACEBACK = b"Traceback (most recent call last)"


class Outcome(NamedTuple):
    """What came of an attack."""

    text: str
    held: bool
    """Whether the product withstood it."""


class Skipped(Exception):  # noqa: N818  it says what is the case
    """The attack cannot be tried on this machine, and why."""


class Lab:
    """A project in a temporary folder; all that it started is killed at its end.

    Args:
        full: Whether an attack takes its whole size, as the review did.
    """

    def __init__(self, full: bool) -> None:
        self.full = full
        self.folder = Path(tempfile.mkdtemp(prefix="vitui-attack-"))
        self.root = self.folder / "runs"
        self.store = Store(self.root)
        (self.folder / ".state/vitui").mkdir(parents=True)
        self.experiments()

    def experiments(self, **programs: str | Sequence[str]) -> None:
        """Write experiments.toml: ``mine`` ends well at once; each program is Python code, or a command."""
        lines = ['[experiments.mine]\ncommand = ["true"]\n']
        for name, program in programs.items():
            command = [PYTHON, "-c", program] if isinstance(program, str) else list(program)
            lines.append(f"[experiments.{name}]\ncommand = {json.dumps(command)}\n")
        (self.folder / "experiments.toml").write_text("".join(lines))

    @property
    def env(self) -> dict[str, str]:
        """The environment of its commands: a state folder of its own."""
        return os.environ | {
            "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(self.folder / ".state"), "TERM": "xterm-256color",
            "MPLCONFIGDIR": str(self.folder / ".matplotlib"), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip

    def start(self, *words: str, module: str = "engine.cli", **options: Any) -> subprocess.Popen[bytes]:
        """Start a command of ours in the background."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [PYTHON, "-m", module, *words], **{"cwd": self.folder, "env": self.env} | pipes | options
        )

    def __call__(
        self, *words: str, seconds: float = 120, **options: Any
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command of ours to its end; one that takes too long is killed, with exit code -9."""
        process = self.start(*words, **options)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        return subprocess.CompletedProcess(words, process.returncode, out or b"", err or b"")

    def submit(self, name: str, *words: str) -> Run:
        """Queue a run, and return it; a worker is started unless ``--wait`` is among the words."""
        done = self("submit", name, "--device", "cpu", *words)
        assert done.returncode == 0, done.stderr.decode()
        return Run(self.root / done.stdout.decode().split()[-1])

    def only_run(self) -> Run:
        """Return the one run that there is."""
        (run,) = self.store.runs()
        return run

    def wait(self, condition: Callable[[], Any], seconds: float = 60) -> bool:
        """Wait until something is the case; return whether it came."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if condition():
                return True
            time.sleep(0.05)
        return False

    def state(self, run: Run) -> str:
        """Return the state of a run."""
        return status_of(run).state

    def close(self) -> None:
        """Kill what is left of it, and remove the folder."""
        for _ in range(3):
            for pid, _words in commands(self.folder):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        shutil.rmtree(self.folder, ignore_errors=True)

    def strangers(self) -> Strangers:
        """Return what writes strangers' runs among its runs."""
        return Strangers(self.root, self.folder / "marks")

    @contextlib.contextmanager
    def small_disk(self, size: str = "2m", more: str = "") -> Iterator[None]:
        """Have the folder of runs on a disk of its own, in memory."""
        self.root.mkdir(exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}{more}", "none", str(self.root)]
        if subprocess.run(mount, capture_output=True).returncode:
            raise Skipped("this user may not mount")
        try:
            yield
        finally:
            for pid, _words in commands(self.folder):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            self.wait(
                lambda: not subprocess.run(["umount", str(self.root)], capture_output=True).returncode, 10
            )


@contextlib.contextmanager
def victims(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Yield processes of this user that have nothing to do with any run."""
    processes = [subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(count)]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def last_line(said: bytes) -> str:
    """Return the last line of an output, as it may be printed."""
    lines = said.decode(errors="replace").strip().splitlines()
    return clean(lines[-1])[:110] if lines else "(nothing)"
