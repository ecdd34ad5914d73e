"""Starts a verb of `engine` that serves a folder of runs in the background: it outlives the app and the shell."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from engine.runs.processes.membership import unmarked


def start_in_background(root: Path, log: str, verb: str, *options: str, python: Sequence[str]) -> None:
    """Start a verb for a folder of runs, in a session of its own and as no run's.

    Args:
        root: The folder of runs.
        log: The file in it that gets what the verb prints.
        verb: The verb.
        options: Its options besides ``--runs``.
        python: How Python is told to run `engine`.

    Raises:
        OSError: The log cannot be written, or no process be started.
    """
    import subprocess

    handle = os.open(root / log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, *python, verb, "--runs", str(root.resolve()), *options],
            stdin=subprocess.DEVNULL, stdout=handle, stderr=handle, start_new_session=True,
            env=os.environ | unmarked(),
        )  # fmt: skip
    finally:
        os.close(handle)
    threading.Thread(target=process.wait, name=verb, daemon=True).start()  # lest it stays as a zombie
