"""Verbs of sites: which there are and what is known of them, whether one can be used, and what is brought from it."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import click

from engine.commands.completion import candidates
from engine.commands.options import option_config, option_json, option_runs, site_named
from engine.commands.result_lines import Answers

_MARKS = {"good": ("✓", "green"), "note": ("!", "yellow"), "bad": ("✗", "red")}


@click.group()
def site() -> None:
    """The places where runs may be sent: which there are, and whether one can be used."""


@site.command()
@option_config
@option_runs
@option_json
def ls(config_path: Path, root: Path, as_json: bool) -> None:
    """List the sites of the project and of the user: where each is, when it was heard, and its runs."""
    from engine.commands.site_table import print_sites

    print_sites(config_path, root, as_json=as_json)


@site.command()
@click.argument("name", shell_complete=candidates.sites)
@option_config
@option_runs
@option_json
def check(name: str, config_path: Path, root: Path, as_json: bool) -> None:
    """Say in plain words whether runs can be sent to a site, and what to do where not: exit code 1."""
    from engine.config.loader import load_config
    from engine.remote.site_check import check_site
    from engine.text import json_line

    of_project = load_config(config_path).experiments if config_path.exists() else {}
    is_bad = False
    for finding in check_site(root, site_named(name, config_path), of_project):
        is_bad |= finding.state == "bad"
        if as_json:
            click.echo(json_line(finding))
            continue
        mark, colour = _MARKS[finding.state]
        cure = f": {finding.cure}" if finding.cure else ""
        click.echo(f"{click.style(mark, fg=colour)} {finding.text}{cure}")
    sys.exit(1 if is_bad else 0)


@click.command(name="far-end", hidden=True)
@click.option("--stdio", is_flag=True, required=True, help="Speak over stdin and stdout.")
@click.option("--folder", required=True, metavar="DIR", help="The project's folder here.")
def far_end(stdio: bool, folder: str) -> None:  # noqa: ARG001  click gives what it requires
    """Serve the bridge of another machine: what `engine submit --on` starts here over ssh."""
    from engine.remote.other_machine.far_end import serve

    serve(Path.home() / Path(folder).expanduser())


@click.command()
@click.argument("run_name", metavar="RUN", shell_complete=candidates.runs)
@click.argument("which", type=click.Choice(["best", "last"]), default="best")
@option_runs
@option_json
def fetch(run_name: str, which: str, root: Path, as_json: bool) -> None:
    """Bring a checkpoint of a run from the site that has it; what was cut off is gone on with."""
    from engine.remote.host_link import HostLink
    from engine.remote.this_machine.checkpoint_downloads import FILES
    from engine.runs.store import Store, StoreError
    from engine.runs.trust.posted_by_user import own_posting
    from engine.text import disk_size

    store = Store(root)
    run = store.find(run_name)
    if (posting := own_posting(run)) is None:
        raise StoreError(f"{run.id} was not sent to a site: its checkpoints are in {run.checkpoints}")
    if posting.site.is_here:
        raise StoreError(
            f"{run.id}: {posting.site.name} writes into this folder: they are in {run.checkpoints}"
        )
    file = FILES[which]
    with contextlib.closing(HostLink(root, posting.site)) as link:
        size = link.fetch(run, file)
    path = str(run.checkpoints / file)
    Answers("fetch", as_json=as_json).say(run, f"{path}: {disk_size(size)}", path=path, bytes=size)
