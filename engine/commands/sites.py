"""Verbs of sites: which there are and what is known of them, whether one can be used, and what is brought from it."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import option_runs


@click.command(name="far-end", hidden=True)
@click.option("--stdio", is_flag=True, required=True, help="Speak over stdin and stdout.")
@click.option("--folder", required=True, metavar="DIR", help="The project's folder here.")
def far_end(stdio: bool, folder: str) -> None:  # noqa: ARG001  click gives what it requires
    """Serve the bridge of another machine: what `engine submit --on` starts here over ssh."""
    from engine.remote.far_side.far_end import serve

    serve(Path.home() / Path(folder).expanduser())


@click.command()
@click.argument("run_name", metavar="RUN")
@click.argument("which", type=click.Choice(["best", "last"]), default="best")
@option_runs
def fetch(run_name: str, which: str, root: Path) -> None:
    """Bring a checkpoint of a run from the site that has it; what was cut off is gone on with."""
    from engine.remote.arrivals import FILES
    from engine.remote.host_link import HostLink
    from engine.runs.store import Store, StoreError
    from engine.runs.trust.posted_by_user import own_posting
    from engine.text import gib

    store = Store(root)
    run = store.find(run_name)
    if (posting := own_posting(run)) is None:
        raise StoreError(f"{run.id} was not sent to a site: its checkpoints are in {run.checkpoints}")
    if posting.site.is_here:
        raise StoreError(
            f"{run.id}: {posting.site.name} writes into this folder: they are in {run.checkpoints}"
        )
    file = FILES[which]
    link = HostLink(root, posting.site)
    try:
        size = link.fetch(run, file)
    finally:
        link.close()
    click.echo(f"{run.checkpoints / file}: {gib(size, 2)}")
