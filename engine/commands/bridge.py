"""The hidden verb bridge, which is started in the background where a site has a run of a folder."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import option_config, option_runs
from engine.runs.store import Store


@click.command(hidden=True)
@option_config
@option_runs
@click.option("--backoff", default=30.0, show_default=True, metavar="SECONDS", type=click.FloatRange(0),
              help="Before the first retry of a run.")  # fmt: skip
def bridge(config_path: Path, root: Path, backoff: float) -> None:
    """Look after the runs that were posted to sites, until none has one any more."""
    from engine.queue.notifier import Notifier
    from engine.remote.bridge import Busy, serve
    from engine.system.process import is_told_to_stop

    try:
        notifier = Notifier(Store(root), config_path, of_sites=True)
        serve(Store(root), is_told_to_stop(), backoff_s=backoff, notifier=notifier)
    except Busy as error:
        click.echo(str(error), err=True)
