"""The list of `engine site ls`: what is configured, and what the bridge last heard."""

from __future__ import annotations

import time
from pathlib import Path

import click
import msgspec

from engine.commands.text_table import TableColumn, draw, terminal_width
from engine.config.loader import load_config
from engine.config.site import Site
from engine.config.site_tables import all_sites
from engine.runs.posted import site_status
from engine.runs.posted.site_status import SiteStatus
from engine.text import json_line, printable, span

COLUMNS = (
    TableColumn("site"),
    TableColumn("where", least=12),
    TableColumn("heard", right=True),
    TableColumn("run", right=True),
    TableColumn("wait", right=True),
    TableColumn("trouble", least=16),
)


class SiteRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the list."""

    site: str
    where: str
    heard_s: float | None
    """Seconds since it last answered; None where it never did, or no run was ever sent there."""
    running: int
    waiting: int
    """Runs of this folder there."""
    trouble: str


def print_sites(config_path: Path, root: Path, *, as_json: bool) -> None:
    """Print the sites of the project, of the user, and those without a table that have runs of this folder.

    Args:
        config_path: The experiments.
        root: The folder of runs.
        as_json: Print JSON lines.
    """
    of_project = load_config(config_path).sites if config_path.exists() else {}
    known = {status.site.name: status for status in site_status.read_all(root)}
    sites = {name: status.site for name, status in known.items()} | all_sites(of_project)
    rows = [_row(site, known.get(name)) for name, site in sorted(sites.items())]
    if as_json:
        click.echo("".join(f"{json_line(row)}\n" for row in rows), nl=False)
    elif rows:
        click.echo("\n".join(draw(COLUMNS, [_words(row) for row in rows], terminal_width())))
    else:
        click.echo("no sites yet: a table [sites.NAME] makes one; host:ALIAS and slurm:PARTITION need none")


def _row(site: Site, status: SiteStatus | None) -> SiteRow:
    states = [seen.state for seen in status.runs.values()] if status is not None else []
    return SiteRow(
        site=site.name, where=site.where,
        heard_s=max(0.0, time.time() - status.at) if status is not None and status.at else None,
        running=states.count("running"), waiting=states.count("pending"),
        trouble=status.trouble if status is not None else "",
    )  # fmt: skip


def _words(row: SiteRow) -> tuple[str, ...]:
    heard = f"{span(row.heard_s)} ago" if row.heard_s is not None else ""
    counts = (str(row.running or ""), str(row.waiting or ""))
    return (printable(row.site), printable(row.where), heard, *counts, printable(row.trouble))
