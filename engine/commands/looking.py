"""Verbs that look at runs: ls, logs."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.common import option_json, option_runs
from engine.store import Store


@click.command()
@option_runs
@option_json
def ls(root: Path, as_json: bool) -> None:
    """List the runs, oldest first."""
    from engine.listing import as_table
    from engine.states import status_of

    statuses = [status_of(each) for each in Store(root).runs()]
    if as_json:
        import msgspec

        for status in statuses:
            click.echo(msgspec.json.encode(status))
    elif not statuses:
        click.echo(f"no runs in {root}; `engine run NAME` makes one")
    else:
        as_table(statuses)


@click.command()
@click.argument("run_name", metavar="RUN")
@option_runs
@option_json
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
def logs(run_name: str, root: Path, as_json: bool, follow: bool) -> None:
    """Print what a run has said: its events with --json, else lines for people."""
    from engine.listing import print_log

    print_log(Store(root).find(run_name), as_json=as_json, follow=follow)
