"""The `vitui` command: the app by default, `vitui export` for figures and tables, `vitui import` for runs of others."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from engine.commands.options import fail

if TYPE_CHECKING:
    from engine.exchange.exporting import Kind
    from engine.exchange.importing import Format as Source
    from tui.app import VituiApp
    from tui.figures.files import Format
    from tui.figures.style import Style, Width
    from tui.report.table_export import TableFormat

PICTURES = ("png", "svg", "pdf")
TABLES = ("md", "latex", "csv", "parquet")


class OpenByDefault(click.Group):
    """A group whose first word may be left out: what is no verb is the folder to open."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the verb `open` before anything that is no verb and no option of the group's own."""
        own = {"-h", "--help", "--version"}
        if not args or (args[0] not in self.commands and args[0] not in own):
            if args and args[0].isidentifier() and not Path(args[0]).exists():
                from engine.text import nearest

                if (meant := nearest(args[0], self.commands)) != ".":
                    fail(f"there is no folder {args[0]!r}, and no such verb{meant}")
            args = ["open", *args]
        return super().parse_args(ctx, args)


@click.group(cls=OpenByDefault, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vitui")
def main() -> None:
    """Train, watch and compare image classifiers in one terminal.

    `vitui [DIR]` opens the app on a folder with an experiments.toml; DIR is the current one by default. Its options
    (--readonly, --theme, --ascii, --rate, --once) are those of `vitui open --help`.
    """


def size_of(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Return the columns and rows that an option says.

    Raises:
        BadParameter: It is no size, or too small or large a size.
    """
    if value is None:
        return None
    columns, _, rows = value.partition("x")
    if not (
        columns.isdecimal() and rows.isdecimal() and 20 <= int(columns) <= 1000 and 6 <= int(rows) <= 1000
    ):
        raise click.BadParameter(f"{value!r} is no size such as 120x36 (20x6 at least, 1000x1000 at most)")
    return int(columns), int(rows)


def print_frame(app: VituiApp, size: tuple[int, int] | None) -> None:
    """Print what the app shows: in colour to a terminal, else as plain text."""
    import shutil

    from rich.console import Console
    from rich.segment import Segments

    from tui.screenshot import frame

    columns, rows = size or shutil.get_terminal_size((120, 36))
    for line in frame(app, (columns, rows)):
        if sys.stdout.isatty():
            Console(width=10_000).print(Segments(line), end="\n", soft_wrap=True)
        else:
            click.echo("".join(segment.text for segment in line).rstrip())


@main.command("open")
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--config",
    default="experiments.toml",
    show_default=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The experiments.",
)
@click.option(
    "--runs",
    default="runs",
    show_default=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder of runs.",
)
@click.option("--once", is_flag=True, help="Print one frame as text, and leave.")
@click.option("--size", metavar="COLUMNSxROWS", callback=size_of, help="Of that frame; else the terminal's.")
@click.option(
    "--rate",
    type=click.FloatRange(0.1, 20),
    envvar="VITUI_RATE",
    help="Frames a second while runs go on: 4, over SSH 2; 1 or less for a slow line.",
)
@click.option(
    "--readonly", is_flag=True, help="Only look: nothing can be queued, stopped, resumed or edited."
)
@click.option(
    "--ascii", "ascii_only", is_flag=True, help="Draw in ASCII; so does VITUI_ASCII=1, or such a locale."
)
@click.option(
    "--theme",
    type=click.Choice(["dark", "light", "contrast"]),
    help="Else the one chosen last (ctrl+p), or what goes with the terminal's colours.",
)
def open_app(
    folder: Path,
    config: Path,
    runs: Path,
    once: bool,
    size: tuple[int, int] | None,
    readonly: bool,
    ascii_only: bool,
    rate: float | None,
    theme: str | None,
) -> None:
    """Open the app (what `vitui` alone does)."""
    if not once and not (sys.stdout.isatty() and sys.stderr.isatty()):
        fail("vitui needs a terminal; `engine run NAME` trains and `engine ls` lists without one")
    sys.setswitchinterval(0.001)  # the screen waits less for the thread that reads
    gc.disable()  # until the app is there: a tenth of the time that takes
    os.chdir(folder)  # runs started from the app find what the configuration names
    from tui.app import VituiApp
    from tui.options import Options, state_folder, theme_of
    from tui.state.snapshot import Project
    from tui.terminal.ascii_filter import asked_for

    options = Options(
        readonly=readonly,
        ascii_only=ascii_only or asked_for(os.environ),
        state=None if once else state_folder(os.environ),
        theme=theme_of(os.environ),
        asked_theme=f"vitui-{theme}" if theme else None,
        rate=rate or (2 if os.environ.get("SSH_CONNECTION") else None),
    )
    app = VituiApp(Project(folder=Path.cwd(), config=config, runs=runs), options)
    if once:
        print_frame(app, size)
        return
    farewell = app.run()
    if farewell:
        click.echo(farewell)
    sys.exit(app.return_code or 0)


@main.command()
@click.argument("figures", nargs=-1, metavar="[FIGURE...]")
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
    help="The folder to write into: images, or with --to exports/FORMAT.",
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
    "--config",
    default="experiments.toml",
    show_default=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The experiments.",
)
@click.option(
    "--runs",
    default="runs",
    show_default=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder of runs.",
)
def export(
    figures: tuple[str, ...],
    to: Kind | None,
    where: str | None,
    force: bool,
    out: Path | None,
    formats: tuple[str, ...],
    style: Style | None,
    width: Width | None,
    table: bool,
    config: Path,
    runs: Path,
) -> None:
    """Write the figures of experiments.toml, all or those named, from the runs there are.

    With --table a table of each figure named, or one of all experiments: a row an experiment, with its final test
    scores over seeds, their intervals, and what it took. The best is bold where it is better than noise.

    With --to it writes the runs' measurements: event files for TensorBoard, offline runs for wandb, or metrics.csv
    (.jsonl, .parquet), a row a value, and runs.csv, a row a run with its configuration.

    Exit codes: 0 all were written, or all that have runs where none was named; 1 one that was named or has runs could
    not be written, or there was nothing to write; 2 wrong usage or configuration.
    """
    from engine.errors import UserError
    from engine.runs.store import Store

    pictures = cast("list[Format]", [each for each in formats if each in PICTURES])
    looks = [f"--{name}" for name, value in (("style", style), ("width", width)) if value is not None]
    tables = cast("list[TableFormat]", [each for each in formats if each in TABLES])
    if to is None and (where is not None or force):
        fail("--where and --force go with --to: a figure says itself which experiments it shows")
    if to is not None and (figures or formats or table):
        fail(f"--to {to} writes runs, no figures and no tables: `vitui export --to {to} --out DIR`")
    if tables and not table:
        fail(f"--format {tables[0]} is one of tables: add --table")
    if looks and (to is not None or (table and not pictures)):
        fail(f"{' and '.join(looks)} say how figures look, and none are written here")
    store, done = Store(runs), True
    try:
        if to is not None:
            from engine.exchange.exporting import export_runs

            folder = out or Path("exports") / to
            done = export_runs(store, to, folder, where or "", force=force, say=click.echo)
        else:
            from engine.config.loader import load_config
            from tui.figures.export import export_figures
            from tui.figures.style import LOOKS
            from tui.report.table_export import export_tables

            found, folder = load_config(config), out or Path("images")
            if table:
                done = export_tables(found, store, figures, folder, tables or ["md"], say=click.echo)
            if pictures or not table:
                done &= export_figures(
                    found, store, figures, folder, pictures or ["png"], say=click.echo,
                    look=LOOKS[style or "paper"], width=width,
                )  # fmt: skip
    except UserError as error:
        fail(str(error))
    sys.exit(0 if done else 1)


@main.command("import")
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
@click.option(
    "--runs",
    default="runs",
    show_default=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder of runs.",
)
def import_runs(
    path: Path, kind: Source | None, name: str | None, steps_per_epoch: int | None, runs: Path
) -> None:
    """Make runs of what another tool has measured, to compare them here.

    PATH is a folder with TensorBoard's event files, where each folder that holds some is a run, one such file, or a
    CSV file: long (run, step, metric, value, as `vitui export --to csv` writes) or wide (step and a column a metric).
    The runs are finished, tagged `imported`, and cannot be resumed. What is there already is passed over.

    Exit codes: 0 all is there now, 1 there was nothing to import, 2 wrong usage or a file that cannot be used.
    """
    from engine.errors import UserError
    from engine.exchange.importing import import_from
    from engine.runs.store import Store

    try:
        found = import_from(Store(runs), path, kind, name, steps_per_epoch=steps_per_epoch, say=click.echo)
    except UserError as error:
        fail(str(error))
    sys.exit(0 if found else 1)


@main.command()
@click.argument("figures", nargs=-1, metavar="[FIGURE...]")
@click.option(
    "--out",
    default="report",
    show_default=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder to write into.",
)
@click.option(
    "--config",
    default="experiments.toml",
    show_default=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The experiments.",
)
@click.option(
    "--runs",
    default="runs",
    show_default=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder of runs.",
)
def report(figures: tuple[str, ...], out: Path, config: Path, runs: Path) -> None:
    """Write figures, tables and what they say as one HTML file, and in Markdown.

    Exit codes: 0 all figures were drawn, or all that have runs where none was named; 1 one that was named or has runs
    could not be drawn, or none was; 2 wrong usage or configuration.
    """
    from engine.config.loader import load_config
    from engine.errors import UserError
    from engine.runs.store import Store
    from tui.report.report import write_report

    try:
        drawn = write_report(load_config(config), Store(runs), figures, out, say=click.echo)
    except UserError as error:
        fail(str(error))
    sys.exit(0 if drawn else 1)


if __name__ == "__main__":
    main()
