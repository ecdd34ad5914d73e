"""The verb that gives programs of the user's own their logger."""

from __future__ import annotations

import click

from engine.system.own_modules import HOME


@click.command()
def logger() -> None:
    """Print vitui_log.py, the logger for your own programs: `engine logger > vitui_log.py`.

    The file needs Python alone: copy it into any project. It has callbacks for Lightning, Transformers and Keras.
    """
    click.echo((HOME / "vitui_log.py").read_text(encoding="utf-8"), nl=False)
