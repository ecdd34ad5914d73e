"""Draw a figure of experiments.toml, and write the report: by the commands of a shell, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from textual.worker import get_current_worker

from engine.catalog import export_folders
from engine.errors import UserError
from engine.system.own_modules import own_module
from engine.text import clean
from tui.screens.actions.screen_protocol import Target

LOOK_S = 0.2
"""Seconds between two looks at whether the app is being left."""
LONGEST = 2**16
"""Bytes of what a command says that are read."""


class DrawingActions:
    """Has `vitui export` and `vitui report` write what they write in a shell."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._under_way: set[str] = set()
        """What is being written."""

    def draw(self, figure: str) -> None:
        """Draw a figure of the file, by its name."""
        name = clean(figure)
        self._write(
            f"Drawing {name} …", f"{name} is not drawn", figure_file(figure), ["export"], names=[figure]
        )

    def action_report(self) -> None:
        """Write the report, with all figures of the file."""
        page = export_folders.REPORT / "report.html"
        self._write("Drawing the report …", "The report is not complete", page, ["report"])

    def _write(
        self, doing: str, failure: str, file: Path, verb: Sequence[str], names: Sequence[str] = ()
    ) -> None:
        """Have a verb write a file.

        Args:
            doing: What is said meanwhile.
            failure: What is said if it cannot, before the reason.
            file: What it writes; it says of it how much is there.
            verb: Its words.
            names: What follows its options.
        """
        target, under_way = self._target, self._under_way
        if doing in under_way:
            target.refuse(doing, "it is under way already")
            return
        project = target.project
        words = [*verb, "--config", str(project.config), "--runs", str(project.runs), "--", *names]

        def work() -> str:
            under_way.add(doing)
            try:
                code, lines = _said([*own_module("tui.cli"), *words], project.folder)
            finally:
                under_way.discard(doing)
            if code:
                raise UserError("; ".join(line for line in lines if line != failure))
            about_file = [line for line in lines if line.startswith(clean(str(file)))]
            return "\n".join(
                [
                    f"Written: {'; '.join(about_file) or file}",
                    *(line for line in lines if line not in about_file),
                ]
            )

        target.do(failure, work, doing)


def figure_file(figure: str) -> Path:
    """Return what the figure of a name is written to."""
    return export_folders.FIGURES_AND_TABLES / f"{figure}.png"


def _said(command: Sequence[str], folder: Path) -> tuple[int, list[str]]:
    """Run a command in a folder; return its exit code and lines. It goes on by itself where the app is left."""
    worker = get_current_worker()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a terminal that closes does not end it
        )
        while True:
            try:
                code = process.wait(LOOK_S)
                break
            except subprocess.TimeoutExpired:
                if worker.is_cancelled:
                    return 0, []
        output.seek(0)
        text = output.read(LONGEST).decode(errors="replace")
    return code, [line.strip() for line in text.splitlines() if line.strip()]
