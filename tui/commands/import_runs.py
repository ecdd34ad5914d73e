"""`vitui import`: what other tools have measured, as runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.commands.options import option_runs

if TYPE_CHECKING:
    from engine.exchange.importing import Format as Source


@click.command("import")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--format",
    "kind",
    type=click.Choice(["tensorboard", "csv"]),
    help="What PATH holds; else its look tells.",
)
@click.option(
    "--name", metavar="EXPERIMENT", help="The experiment that its runs are of; else as they are called."
)
@click.option(
    "--steps-per-epoch",
    type=click.IntRange(1),
    metavar="N",
    help="Places steps on the axis of epochs, where PATH does not say.",
)
@option_runs
def import_runs(
    path: Path, kind: Source | None, name: str | None, steps_per_epoch: int | None, root: Path
) -> None:
    """Make runs of what another tool has measured, to compare them here.

    PATH is a folder with TensorBoard's event files, where each folder that holds some is a run, one such file, or a
    CSV file: long (run, step, metric, value, as `vitui export --to csv` writes) or wide (step and a column a metric).
    The runs are finished, tagged `imported`, and cannot be resumed. What is there already is passed over.

    Exit codes: 0 all is there now, 1 there was nothing to import, 2 wrong usage or a file that cannot be used.
    """
    from engine.exchange.importing import import_from
    from engine.runs.store import Store

    found = import_from(Store(root), path, kind, name, steps_per_epoch=steps_per_epoch, say=click.echo)
    sys.exit(0 if found else 1)
