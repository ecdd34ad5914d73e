"""What is kept of an app that did wrong, so that the failure explains itself."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.bench.attack_parts.app_terminal import AppTerminal
from tests.bench.attack_parts.lab import Lab

TELLING = {"PYTHONFAULTHANDLER": "1"}
"""Variables of an app that shows the stacks of its threads at SIGABRT."""
FACTS = ("status", "wchan", "syscall")
"""What the system says of a process."""


def keep_evidence(lab: Lab, terminal: AppTerminal, wrong: Iterable[str], gusts: Iterable[str]) -> Path:
    """Write down all that is known of an app, and return the folder; one that still runs is ended.

    Args:
        lab: The project, whose crash reports are kept too.
        terminal: The app's, with ``TELLING`` in its environment.
        wrong: What it did wrong.
        gusts: What was done to it, the latest last.
    """
    folder = Path(tempfile.mkdtemp(prefix="vitui-storm-"))
    (folder / "wrong.txt").write_text("\n".join(wrong) + "\n")
    (folder / "gusts.txt").write_text("\n".join(gusts) + "\n")
    (folder / "terminal.bin").write_bytes(terminal.said)
    crashes = lab.folder / ".state/vitui/crashes"
    if crashes.is_dir():
        shutil.copytree(crashes, folder / "crashes")
    if terminal.lives:
        (folder / "process.txt").write_text("".join(_facts(terminal.process.pid)))
        (folder / "stacks.txt").write_bytes(_stacks(terminal))
    return folder


def _facts(pid: int) -> Iterable[str]:
    for name in FACTS:
        try:
            yield f"{name}\n{Path(f'/proc/{pid}/{name}').read_text()}\n"
        except OSError as error:
            yield f"{name}: {error.strerror}\n"


def _stacks(terminal: AppTerminal) -> bytes:
    """Return what an app says at SIGABRT."""
    terminal.listen(1)
    for number in (signal.SIGABRT, signal.SIGCONT):  # one that is stopped hears it when it goes on
        terminal.process.send_signal(number)
    return terminal.listen(5)
