"""The `vitui` command: the app by default, `vitui export` for figures and tables, `vitui import` for runs of others.

A verb's module is loaded when the verb is called, so that the app is there sooner.
"""

from __future__ import annotations

from engine.system import quiet_interrupt  # noqa: F401  before all else

# isort: split
import gc
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from engine.commands.exit_codes import CommandGroup, tell_of_crash
from engine.commands.options import fail, option_config, option_runs
from tui.commands.columns_and_rows_option import size_of

if TYPE_CHECKING:
    from tui.app import VituiApp


VERBS = {"export": "export", "import": "import_runs", "plot": "plot", "report": "report", "serve": "serve"}
"""The module of each verb in ``tui.commands``, and its function there; ``open`` is here."""


BLAS_THREADS = "OPENBLAS_NUM_THREADS"


def spare_blas_threads() -> None:
    """Have numpy come without the threads of its linear algebra, one a core, unless the user says how many.

    No screen needs them, and they are a third of its import, which is a fifth of a drawn run. What the app starts is
    given ``os.environ``, which does not say so.
    """
    if BLAS_THREADS not in os.environ:
        os.putenv(BLAS_THREADS, "1")


class OpenByDefault(CommandGroup):
    """A group whose first word may be left out: what is no verb is the folder to open."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs."""
        return sorted([*super().list_commands(ctx), *VERBS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb's command, None where there is no such verb."""
        if cmd_name not in VERBS:
            return super().get_command(ctx, cmd_name)
        function = VERBS[cmd_name]
        command: click.Command = getattr(import_module(f"tui.commands.{function}"), function)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the verb `open` before anything that is no verb and no option of the group's own."""
        own = {"-h", "--help", "--version"}
        verbs = self.list_commands(ctx)
        if ctx.resilient_parsing and not args:
            return super().parse_args(ctx, args)  # a shell asks for the first word
        if not args or (args[0] not in verbs and args[0] not in own):
            if args and not args[0].startswith("-") and not Path(args[0]).exists():
                from engine.text import nearest

                said = f"there is no folder {args[0]!r}"
                if args[0].isidentifier():
                    said += f", and no such verb{nearest(args[0], verbs)} `vitui --help` lists all"
                fail(said)
            args = ["open", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Return what a shell can complete the first word to: a verb, a folder, or an option of `open`."""
        opening = self.get_command(ctx, "open")
        assert opening is not None  # noqa: S101  it is here
        options = opening.shell_complete(ctx, incomplete) if incomplete.startswith("-") else []
        items = {item.value: item for item in [*super().shell_complete(ctx, incomplete), *options]}
        return [*items.values(), CompletionItem(incomplete, type="dir")]


@click.group("vitui", cls=OpenByDefault, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vitui")
def main() -> None:
    """Train, watch and compare image classifiers in one terminal.

    `vitui [DIR]` opens the app on a folder with an experiments.toml; DIR is the current one by default. Its options
    (--readonly, --theme, --ascii, --rate, --at, --once) are those of `vitui open --help`.
    """


def _moment(typed: str) -> float:
    """Return the moment that `--at` means, in seconds since the epoch; leave with what would be right."""
    from tui.state.moment import MomentError, moment_of

    try:
        return moment_of(typed, time.time())
    except MomentError as error:
        fail(f"--at: {error}")


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
@option_config
@option_runs
@click.option("--once", is_flag=True, help="Print one frame as text, and leave.")
@click.option("--at", metavar="TIME", help="As it was then: 14:05, '27 nov 14:05', 2026-11-27T14:05, -2h.")
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
    config_path: Path,
    root: Path,
    once: bool,
    at: str | None,
    size: tuple[int, int] | None,
    readonly: bool,
    ascii_only: bool,
    rate: float | None,
    theme: str | None,
) -> None:
    """Open the app (what `vitui` alone does)."""
    moment = None if at is None else _moment(at)
    is_page = "TEXTUAL_DRIVER" in os.environ  # of `vitui serve`, which stands for the terminal
    if (
        not once
        and not is_page
        and not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    ):
        fail("vitui needs a terminal; `engine run NAME` trains and `engine ls` lists without one")
    sys.setswitchinterval(0.001)  # the screen waits less for the thread that reads
    gc.disable()  # until the app is there: a tenth of the time that takes
    spare_blas_threads()
    os.chdir(folder)  # runs started from the app find what the configuration names
    from engine.system.user_folders import state_folder
    from tui.app import VituiApp
    from tui.app_options import Options, theme_of
    from tui.state.snapshot import Project
    from tui.terminal.ascii_text import asked_for

    options = Options(
        readonly=readonly,
        ascii_only=ascii_only or asked_for(os.environ),
        state=None if once else state_folder(),
        theme=theme_of(os.environ),
        asked_theme=f"vitui-{theme}" if theme else None,
        at=moment,
        rate=rate or (2 if os.environ.get("SSH_CONNECTION") else None),
    )
    app = VituiApp(Project(folder=Path.cwd(), config=config_path, runs=root), options)
    if once:
        print_frame(app, size)
        return
    farewell = app.run()
    if app.crash is not None:
        sys.exit(tell_of_crash(app.crash, "vitui", list(app.recent_events)))
    if farewell:
        click.echo(farewell)
    sys.exit(app.return_code or 0)


if __name__ == "__main__":
    main()
