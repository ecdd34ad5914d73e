"""`vitui serve`: the app as a page, for this machine's browser or one at the other end of `ssh -L`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from engine.commands.options import fail, option_config, option_runs
from engine.system.own_modules import own_module

PORT = 8000


@click.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
@option_config
@option_runs
@click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes a free one."
)
@click.option("--write", is_flag=True, help="Let the page queue, stop, resume and edit; else it only looks.")
def serve(folder: Path, config_path: Path, root: Path, port: int, write: bool) -> None:
    """Show the app as a page at an address that only this machine reaches and only its user knows.

    The address has a random word in it, new at each start: whoever has it sees what the app shows, and with --write
    does what its keys do. From elsewhere: ssh -L 8000:localhost:8000 HOST, then the address in the browser here.
    """
    try:
        from tui.commands.web_server import AppServer
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in (
            "aiohttp",
            "aiohttp_jinja2",
            "jinja2",
            "textual_serve",
        ):
            raise
        fail("`vitui serve` needs textual-serve: pip install 'vitui[serve]'")
    words = ["open", str(folder.absolute()), "--config", str(config_path), "--runs", str(root)]
    if not write:
        words.append("--readonly")
    command = shlex.join([*own_module("tui.cli"), *words])
    AppServer(command, port=port, writes=write).serve()
