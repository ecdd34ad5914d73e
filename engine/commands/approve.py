"""Shows what a run would start that the user did not queue, and asks whether it may."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from engine.commands.options import fail, warn
from engine.queue.approval import Approval
from engine.runs.store import Run


def option_yes(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--yes``."""
    return click.option("--yes", is_flag=True, help="Say yes beforehand to what would be asked.")(command)


def is_approved(asked: Approval, *, yes: bool) -> bool:
    """Show on stderr what a run would start, and return whether the user agrees.

    Without a terminal to ask on it leaves with the exit code for wrong usage.

    Args:
        asked: What is to be agreed to.
        yes: Whether the user has agreed beforehand.
    """
    return is_agreed(asked.run, "\n".join(asked.lines), "Start it?", yes=yes)


def is_agreed(run: Run, text: str, question: str, *, yes: bool) -> bool:
    """Show on stderr what would be done with a run, and return whether the user agrees.

    Without a terminal to ask on it leaves with the exit code for wrong usage.

    Args:
        run: The run.
        text: What would be done.
        question: What is asked, after it.
        yes: Whether the user has agreed beforehand.
    """
    warn(text)
    if yes:
        return True
    if not sys.stdin.isatty():
        fail(f"{run.id} is not started: there is no terminal to ask on; `--yes` agrees to the above")
    return click.confirm(question, default=False, err=True)
