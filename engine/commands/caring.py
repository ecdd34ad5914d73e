"""Verbs that take care of runs: doctor."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.common import option_runs
from engine.store import Store


@click.command()
@option_runs
def doctor(root: Path) -> None:
    """Say of every run that is not finished why."""
    from engine.listing import diagnose

    lines = [line for each in Store(root).runs() if (line := diagnose(each))]
    click.echo("\n".join(lines) or "every run is finished")
