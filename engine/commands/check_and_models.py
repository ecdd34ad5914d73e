"""Verbs on experiments and models: check, models."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from engine.catalog.model_sizes import MODELS, TIMM_PREFIX
from engine.commands.completion import candidates
from engine.commands.options import USAGE, fail, option_config, option_json, option_runs
from engine.config.loader import check_notes, find_experiment, load_config
from engine.config.schema import chosen_settings
from engine.config.validate import ConfigError
from engine.text import json_line, nearest


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME...]", shell_complete=candidates.experiments)
@option_config
@option_runs
@option_json
@click.option(
    "--run",
    "run_name",
    metavar="RUN",
    help="Say whether the code here is still what made this run; 1: it is not.",
    shell_complete=candidates.runs,
)
def check(names: tuple[str, ...], config_path: Path, root: Path, as_json: bool, run_name: str | None) -> None:
    """Validate experiments.toml: all mistakes at once, each with its line.

    Of experiments that are named it prints every setting, those of the family's recipe included.
    """
    if run_name is not None:
        from engine.commands.diff import check_run
        from engine.runs.store import Store

        if names:
            fail("experiments or --run: one of them")
        check_run(Store(root).find(run_name), root, as_json=as_json)
        return
    try:
        config = load_config(config_path)
    except ConfigError as error:
        if as_json:
            for mistake in error.mistakes:
                line, column = mistake.position
                record = {"where": mistake.where, "line": line, "column": column, "message": mistake.message}
                click.echo(json_line(record))
            sys.exit(USAGE)
        count = len(error.mistakes)
        fail(f"{error}\n{count} mistake{'s' if count > 1 else ''} in {config_path}")
    import msgspec
    import tomlkit

    for name in names:
        settings = msgspec.to_builtins(find_experiment(config, name))
        explicit = {key: value for key, value in chosen_settings(settings).items() if value is not None}
        click.echo(
            json_line(explicit)
            if as_json
            else tomlkit.dumps({"experiments": {explicit.pop("name"): explicit}})
        )
    if as_json or names:
        return
    for note in check_notes(config):
        click.echo(f"note: {note}")
    click.echo(
        f"{config_path}: {len(config.experiments)} experiments and {len(config.figures)} figures, all right"
    )


@click.command()
@option_config
@option_json
@click.option("--size", default=32, show_default=True, type=click.IntRange(1), help="Pixels a side.")
@click.option(
    "--patch", default=16, show_default=True, type=click.IntRange(1), help="Of the Vision Transformers."
)
@click.option("--batch", default=128, show_default=True, type=click.IntRange(1), help="With --explain.")
@click.option("--explain", "name", metavar="NAME", help="What training this model or experiment takes.")
def models(config_path: Path, as_json: bool, size: int, patch: int, batch: int, name: str | None) -> None:
    """List the models with their parameters, cost and tokens, or explain one."""
    from engine.commands.model_costs import experiment_of_model, print_cost, print_models

    if name is None:
        print_models(size, patch, 10, as_json=as_json)
        return
    experiments = load_config(config_path).experiments if config_path.exists() else {}
    if name not in experiments and name not in MODELS and not name.startswith(TIMM_PREFIX):
        fail(
            f"there is no experiment and no model {name!r}{nearest(name, [*experiments, *MODELS])} "
            f"`engine models` lists the models; one of timm is written {TIMM_PREFIX}NAME"
        )
    try:
        print_cost(experiments.get(name) or experiment_of_model(name, size, patch, batch), as_json=as_json)
    except ValueError as error:
        fail(str(error))
