"""Shows what a run would start that the user did not queue, and asks whether it may."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from engine.commands.options import fail
from engine.queue.approval import Approval


def option_yes(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--yes``."""
    return click.option("--yes", is_flag=True, help="Say yes to a run that you did not queue.")(command)


def is_approved(asked: Approval, *, yes: bool) -> bool:
    """Show on stderr what a run would start, and return whether the user agrees.

    Without a terminal to ask on it leaves with the exit code for wrong usage.

    Args:
        asked: What is to be agreed to.
        yes: Whether the user has agreed beforehand.
    """
    for line in asked.lines:
        click.echo(line, err=True)
    if yes:
        return True
    if not sys.stdin.isatty():
        fail(f"{asked.run.id} is not started: there is no terminal to ask on; `--yes` agrees to the above")
    return click.confirm("Start it?", default=False, err=True)
