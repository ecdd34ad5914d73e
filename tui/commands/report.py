"""`vitui report`: figures, tables and sentences as one page."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from engine.catalog import export_folders
from engine.commands.completion import candidates
from engine.commands.options import option_config, option_runs


@click.command()
@click.argument("figures", nargs=-1, metavar="[FIGURE...]", shell_complete=candidates.figures)
@click.option(
    "--out",
    default=str(export_folders.REPORT),
    show_default=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder to write into.",
)
@option_config
@option_runs
def report(figures: tuple[str, ...], out: Path, config_path: Path, root: Path) -> None:
    """Write figures, tables and what they say as one HTML file, and in Markdown.

    Exit codes: 0 all figures were drawn, or all that have runs where none was named; 1 one that was named or has runs
    could not be drawn, or none was; 2 wrong usage or configuration.
    """
    from engine.config.loader import load_config
    from engine.runs.store import Store
    from tui.report.report import write_report

    drawn = write_report(load_config(config_path), Store(root), figures, out, say=click.echo)
    sys.exit(0 if drawn else 1)
