"""Options that verbs share, and how verbs warn and fail."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from engine.commands.completion import candidates

if TYPE_CHECKING:
    from engine.config.site import Site

USAGE = 2
"""Exit code for wrong usage or configuration."""
DEVICE = re.compile(r"auto|(cpu|cuda)(:[0-9]+)?|mps|(GPU|MIG)-.*")
"""What ``--device`` takes; a run that waits may name a GPU by its UUID."""

Command = Callable[..., Any]


def option_config(command: Command) -> Command:
    """Add ``--config``."""
    return click.option(
        "--config", "config_path", default="experiments.toml", show_default=True, metavar="FILE",
        help="The experiments.", type=click.Path(path_type=Path),
    )(command)  # fmt: skip


def option_runs(command: Command) -> Command:
    """Add ``--runs``."""
    return click.option(
        "--runs", "root", default="runs", show_default=True, metavar="DIR",
        help="The folder of runs.", type=click.Path(path_type=Path),
    )(command)  # fmt: skip


def option_changes(command: Command) -> Command:
    """Add what changes an experiment for a run: ``--set``, ``--seed``."""
    return click.option("--seed", type=click.IntRange(0), help="Run this seed alone.")(
        option_settings(command)
    )


def option_settings(command: Command) -> Command:
    """Add ``--set``."""
    return click.option(
        "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a key for this run; repeatable.",
        shell_complete=candidates.settings,
    )(command)  # fmt: skip


def option_device(command: Command) -> Command:
    """Add ``--device``, whose value has the form of a device; whether there is such a one shows where it trains."""
    return click.option(
        "--device", default="auto", show_default=True, callback=_device,
        help="auto, cpu, cuda, cuda:N or mps (unproven).",
    )(command)  # fmt: skip


def _device(context: click.Context, option: click.Parameter, value: str) -> str:  # noqa: ARG001  click gives all three
    if not DEVICE.fullmatch(value):
        fail(f"--device {value}: there is no such device; it is auto, cpu, cuda, cuda:N or mps")
    return value


def require_queued_device(device: str) -> None:
    """Leave with the exit code for wrong usage where a run would wait for ever, as no worker offers the device."""
    if device == "mps":
        fail("--device mps: no worker offers it; `engine run` and `engine resume` train on it here and now")


def option_on(command: Command) -> Command:
    """Add ``--on``."""
    return click.option(
        "--on",
        "on",
        metavar="SITE",
        shell_complete=candidates.sites,
        help="Where it goes: a site of [sites.NAME], slurm:PARTITION or host:ALIAS.",
    )(command)


def site_named(on: str, config_path: Path) -> Site:
    """Return the site that ``--on`` names, of the project's file, if there is one, and of the user's own.

    Raises:
        ConfigError: There is no such site, or a file has mistakes.
    """
    from engine.config.loader import load_config
    from engine.config.site_tables import all_sites, parse_on

    of_project = load_config(config_path).sites if config_path.exists() else {}
    return parse_on(on, all_sites(of_project))


def option_json(command: Command) -> Command:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout, nothing else.")(
        command
    )


def warn(message: str) -> None:
    """Say what may be wrong."""
    clean = "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in message)
    click.echo(clean, err=True)


def fail(message: str) -> NoReturn:
    """Say what is wrong and leave with the exit code for wrong usage."""
    warn(message)
    sys.exit(USAGE)
