"""`vitui export`: one verb with three faces, which write figures, tables and runs; each takes options of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from engine.catalog import export_folders
from engine.commands.completion import candidates
from engine.commands.options import fail, option_config, option_runs

if TYPE_CHECKING:
    from engine.config.loader import Config
    from engine.exchange.exporting import Kind
    from tui.figures.figure_files import Format
    from tui.figures.style import Style, Width
    from tui.report.export_tables import TableFormat

PICTURES: tuple[Format, ...] = ("png", "svg", "pdf")
TABLES: tuple[TableFormat, ...] = ("md", "latex", "csv", "parquet")


@dataclass(frozen=True)
class Request:
    """What the command was called with, by the names of its options."""

    figures: tuple[str, ...]
    to: Kind | None
    where: str | None
    force: bool
    out: Path | None
    formats: tuple[str, ...]
    style: Style | None
    width: Width | None
    table: bool
    metrics: tuple[str, ...]
    config_path: Path
    root: Path

    @cached_property
    def config(self) -> Config:
        """The experiments and figures, read once.

        Raises:
            ConfigError: They cannot be used.
        """
        from engine.config.loader import load_config

        return load_config(self.config_path)

    @property
    def pictures(self) -> list[Format]:
        """The formats of figures that are asked for."""
        return [kind for kind in self.formats if kind in PICTURES]

    @property
    def table_formats(self) -> list[TableFormat]:
        """The formats of tables that are asked for."""
        return [kind for kind in self.formats if kind in TABLES]

    def given(self) -> list[str]:
        """Return which options that some face does not take were given, as ``Face.takes`` names them."""
        values: dict[str, object] = {
            "FIGURE": self.figures or None,
            **{f"--format {kind}": kind for kind in self.formats},
            "--style": self.style,
            "--width": self.width,
            "--table": self.table or None,
            "--metric": self.metrics or None,
            "--where": self.where,
            "--force": self.force or None,
        }
        return [option for option, value in values.items() if value is not None]


def write_figures(request: Request) -> bool:
    """Write figures; return whether what was asked for was drawn."""
    from engine.runs.store import Store
    from tui.figures.export_figures import export_figures
    from tui.figures.style import LOOKS

    return export_figures(
        request.config,
        Store(request.root),
        request.figures,
        request.out or export_folders.FIGURES_AND_TABLES,
        request.pictures or ["png"],
        say=click.echo,
        look=LOOKS[request.style or "paper"],
        width=request.width,
    )


def write_tables(request: Request) -> bool:
    """Write tables; return whether all that were asked for were written."""
    from engine.catalog.metrics import HEADLINES
    from engine.runs.store import Store
    from tui.report.export_tables import export_tables

    out, formats = request.out or export_folders.FIGURES_AND_TABLES, request.table_formats or ["md"]
    return export_tables(
        request.config, Store(request.root), request.figures, out, formats,
        metrics=request.metrics or HEADLINES, say=click.echo,
    )  # fmt: skip


def write_runs(request: Request) -> bool:
    """Write what runs have measured, where ``--to`` says for which tool; return whether there was a run."""
    from engine.exchange.exporting import export_runs
    from engine.runs.store import Store

    if request.to is None:
        return False
    folder = request.out or export_folders.EXPORTED_RUNS / request.to
    return export_runs(
        Store(request.root), request.to, folder, request.where or "", force=request.force, say=click.echo
    )


class Face(NamedTuple):
    """What the command can write, and which options that takes."""

    what: str
    asked_by: str
    """How it is asked for, in words."""
    takes: frozenset[str]
    """The options that it takes; ``--out``, ``--config`` and ``--runs`` go with all faces."""
    write: Callable[[Request], bool]


FIGURES = Face(
    "figures",
    "without --to and --table, or --table --format png",
    frozenset({"FIGURE", "--style", "--width", *(f"--format {kind}" for kind in PICTURES)}),
    write_figures,
)
TABLE = Face(
    "tables",
    "--table",
    frozenset({"FIGURE", "--table", "--metric", *(f"--format {kind}" for kind in TABLES)}),
    write_tables,
)
RUNS = Face("runs", "--to", frozenset({"--where", "--force"}), write_runs)
FACES = (FIGURES, TABLE, RUNS)


def asked(request: Request) -> list[Face]:
    """Return what a call writes, in that order."""
    if request.to is not None:
        return [RUNS]
    if not request.table:
        return [FIGURES]
    return [TABLE, FIGURES] if request.pictures else [TABLE]


def misfit(options: Sequence[str], written: Sequence[Face]) -> str:
    """Return what is wrong with the options of a call that writes some faces; empty if nothing is."""
    for option in options:
        if not any(option in face.takes for face in written):
            takers = " and ".join(f"{face.what} ({face.asked_by})" for face in FACES if option in face.takes)
            here = " and ".join(f"{face.what} ({face.asked_by})" for face in written)
            return f"{option} goes with {takers}; what is written here is {here}"
    return ""


@click.command()
@click.argument("figures", nargs=-1, metavar="[FIGURE...]", shell_complete=candidates.figures)
@click.option(
    "--to",
    type=click.Choice(["tensorboard", "wandb", "csv", "json", "parquet"]),
    help="Write what the runs have measured for another tool, and no figures.",
)
@click.option(
    "--where", metavar="FILTER", help="With --to: only the runs that a filter of `engine ls` means."
)
@click.option("--force", is_flag=True, help="With --to: replace files that are there.")
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help=f"The folder to write into: {export_folders.FIGURES_AND_TABLES}, or with --to "
    f"{export_folders.EXPORTED_RUNS}/FORMAT.",
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice([*PICTURES, *TABLES]),
    help="Repeatable; of figures png (the default), svg and pdf, of tables md (the default), latex, csv and parquet.",
)
@click.option(
    "--style",
    type=click.Choice(["paper", "slides"]),
    help="How figures look: paper (the default), or slides: dark, 16:9, with larger type.",
)
@click.option(
    "--width",
    type=click.Choice(["column", "page"]),
    help="How wide figures are: a column (3.4 inches) or the page (7.0; a slide has 5.0); else as each needs.",
)
@click.option("--table", is_flag=True, help="Write tables; figures too where --format names one of theirs.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="Of tables: a metric that they show, repeatable; test/f1 and test/accuracy if none is named.",
)
@option_config
@option_runs
def export(**options: Any) -> None:
    """Write the figures of experiments.toml, all or those named, from the runs there are.

    With --table a table of each figure named, or one of all experiments: a row an experiment, with its final test
    scores over seeds, their intervals, and what it took. The best is bold where it is better than noise.

    With --to it writes the runs' measurements: event files for TensorBoard, offline runs for wandb, or metrics.csv
    (.jsonl, .parquet), a row a value, and runs.csv, a row a run with its configuration.

    Exit codes: 0 all were written, or all that have runs where none was named; 1 one that was named or has runs could
    not be written, or there was nothing to write; 2 wrong usage or configuration.
    """
    request = Request(**options)
    faces = asked(request)
    if wrong := misfit(request.given(), faces):
        fail(wrong)
    done = [face.write(request) for face in faces]
    sys.exit(0 if all(done) else 1)
