"""`vitui import`: what other tools have measured, as runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.commands.options import fail, option_runs, warn

if TYPE_CHECKING:
    from engine.exchange.import_sources import Format

STDIN = Path("-")
MAX_STDIN = 256 * 1024 * 1024
"""Bytes that are taken from standard input."""
LEFT = 1
"""Exit code where something could not be imported."""


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["tensorboard", "csv", "json", "wandb", "mlflow"]),
    help="What PATH holds; else its contents tell.",
)
@click.option(
    "--name",
    metavar="EXPERIMENT",
    help="The experiment that all runs are of; else as each is called. Seeds go on from those it has.",
)
@click.option(
    "--rename",
    "renames",
    multiple=True,
    metavar="OLD=NEW",
    help="Call a metric otherwise, such as val_acc=test/accuracy; OLD% divides it by 100. Repeatable.",
)
@click.option(
    "--steps-per-epoch",
    type=click.IntRange(1),
    metavar="N",
    help="Places steps on the axis of epochs, where PATH does not say.",
)
@click.option("--dry-run", "dry", is_flag=True, help="Say what would come in, and write nothing.")
@option_runs
def import_runs(
    paths: Sequence[Path],
    kind: Format | None,
    name: str | None,
    renames: Sequence[str],
    steps_per_epoch: int | None,
    dry: bool,
    root: Path,
) -> None:
    """Make runs of what other tools have measured, to compare them here.

    PATH is a file or a folder; - is standard input. In folders every log of a training is a run: CSV and JSON logs,
    TensorBoard's event files, offline runs of W&B, runs of MLflow. The runs are finished, tagged `imported`, and
    cannot be resumed. What is here already is passed over, and what cannot be used stops nothing else.

    Exit codes: 0 all is here now, 1 something was left or there was nothing to import, 2 wrong usage.
    """
    from engine.exchange.importing import import_from
    from engine.exchange.optional_packages import ExchangeError
    from engine.runs.store import Store

    for path in paths:
        if path != STDIN and not path.exists():
            fail(f"{path}: there is no such file or folder")
    if STDIN in paths and kind in ("tensorboard", "wandb", "mlflow"):
        fail(f"-: standard input is a table or JSON; what is of {kind} is imported from its files")
    try:
        is_all_here = import_from(
            Store(root), paths, kind, name, steps_per_epoch=steps_per_epoch, dry=dry,
            renames=[_rename(each) for each in renames], stdin=_stdin() if STDIN in paths else b"", say=click.echo,
        )  # fmt: skip
    except ExchangeError as error:
        warn(str(error))
        sys.exit(LEFT)
    sys.exit(0 if is_all_here else LEFT)


def _rename(text: str) -> tuple[str, str, float]:
    """Return a metric, its new name, and what its values are multiplied by."""
    from engine.catalog.metric_names import metric_name

    old, _, new = text.rpartition("=")
    scale = 0.01 if old.endswith("%") and len(old) > 1 else 1.0
    if not old or not new:
        fail(f"--rename {text}: write OLD=NEW, such as val_acc=test/accuracy")
    if metric_name(new) != new:
        fail(f"--rename {text}: {new!r} is no name of a metric; {metric_name(new)} is one")
    return old.removesuffix("%") if scale != 1 else old, new, scale


def _stdin() -> bytes:
    """Return what comes through standard input."""
    data = sys.stdin.buffer.read(MAX_STDIN + 1)
    if len(data) > MAX_STDIN:
        fail(f"standard input has over {MAX_STDIN // 2**20} MiB: write it to a file, and import that")
    return data
