"""The `engine` command: train here and now, queue, work the queue, stop, resume, list, check."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from engine.config import (
    Config,
    ConfigError,
    check_notes,
    find_experiment,
    load_config,
    override,
)
from engine.experiment import Experiment
from engine.store import Run, Store, StoreError, write_all

USAGE = 2
"""Exit code for wrong usage or configuration."""

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
        "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a key for this run; repeatable."
    )(command)


def option_device(command: Command) -> Command:
    """Add ``--device``."""
    return click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")(
        command
    )


def option_json(command: Command) -> Command:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout, nothing else.")(
        command
    )


class Engine(click.Group):
    """Turns the engine's errors into a message and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; mistakes of the user end it with exit code 2."""
        try:
            return super().invoke(ctx)
        except (ConfigError, StoreError) as error:
            fail(str(error))


def fail(message: str) -> NoReturn:
    """Say what is wrong and leave with the exit code for wrong usage."""
    clean = "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in message)
    click.echo(clean, err=True)
    sys.exit(USAGE)


@click.group(cls=Engine, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vitui")
def main() -> None:
    """Train, queue and record image-classification experiments. `vitui` shows them."""


@main.command()
@click.argument("name")
@option_config
@option_runs
@option_changes
@option_device
@option_json
def run(
    name: str,
    config_path: Path,
    root: Path,
    settings: tuple[str, ...],
    seed: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Train one experiment here and now.

    On a terminal this shows progress; piped, or with --json, stdout carries the run's events as JSON lines.
    Exit codes: 0 finished, 1 failed, 2 wrong usage or configuration, 3 stopped on request.
    """
    experiment = _chosen(load_config(config_path), name, settings)
    code = 0
    for each in [seed] if seed is not None else experiment.run_seeds:
        new = Store(root).create(experiment, each)
        code = _train_here(new, device, as_json=as_json)
        if code:
            break
    sys.exit(code)


@main.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--wait/--work", "only_queue", help="Only queue, or (default) also start a worker.", default=False
)
@option_config
@option_runs
@option_changes
@option_device
def submit(
    names: tuple[str, ...], only_queue: bool, config_path: Path, root: Path,
    settings: tuple[str, ...], seed: int | None, device: str,
) -> None:  # fmt: skip
    """Queue experiments; a worker in the background runs them one after another."""
    from engine.scheduler import ensure_worker

    config = load_config(config_path)
    experiments = [_chosen(config, name, settings) for name in names]
    store = Store(root)
    for experiment in experiments:
        for each in [seed] if seed is not None else experiment.run_seeds:
            click.echo(store.create(experiment, each, queued=True, device=device).id)
    if not only_queue:
        ensure_worker(store)


@main.command()
@option_runs
@click.option(
    "--drain/--forever", default=True, show_default=True, help="End when the queue is empty, or go on."
)
def work(root: Path, drain: bool) -> None:
    """Run the queue until it is empty (or until told to stop); runs go on when the worker is stopped."""
    from engine import scheduler

    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        count = scheduler.work(Store(root), lambda: stopped, drain=drain)
    except scheduler.Busy as error:
        click.echo(str(error), err=True)
        return
    click.echo(f"{count} runs started", err=True)


@main.command()
@click.argument("run_name", metavar="RUN")
@option_runs
@click.option("--now", is_flag=True, help="Do not wait for the end of the epoch.")
@click.option("--timeout", default=0.0, metavar="SECONDS", help="Wait so long for it to stop.")
def stop(run_name: str, root: Path, now: bool, timeout: float) -> None:
    """Stop a run after its epoch, or --now; either way after a checkpoint. A queued run leaves the queue."""
    from engine.control import request_stop
    from engine.states import ENDED, status_of

    found = Store(root).find(run_name)
    click.echo(request_stop(found, "stop-now" if now else "stop-after-epoch"))
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and status_of(found).state not in ENDED:
        time.sleep(0.2)


@main.command()
@click.argument("run_name", metavar="RUN")
@option_runs
@option_device
@option_json
@option_settings
@click.option("--queue", is_flag=True, help="Put it into the queue instead of training here and now.")
def resume(
    run_name: str, root: Path, device: str, as_json: bool, settings: tuple[str, ...], queue: bool
) -> None:
    """Go on with a run that stopped, failed or crashed, from its last checkpoint.

    Another batch_size keeps the images of an optimizer step: batches are accumulated.
    """
    from engine.changes import changed, last_experiment
    from engine.control import request_resume, require_resumable
    from engine.scheduler import ensure_worker

    store = Store(root)
    found = store.find(run_name)
    require_resumable(found)
    if queue:
        request_resume(found, device, settings)
        ensure_worker(store)
        click.echo(f"{found.id} waits in the queue")
        return
    changed(last_experiment(found), settings)
    sys.exit(_train_here(found, device, as_json=as_json, settings=settings))


@main.command(hidden=True)
@click.argument("run_id", metavar="RUN")
@option_runs
@option_device
def train(run_id: str, root: Path, device: str) -> None:
    """Train a run whose folder is there: what the worker starts; all output goes where stdout goes."""
    from engine.attempt import train_run

    sys.exit(train_run(Store(root).find(run_id), device=device, queued=True))


@main.command("ls")
@option_runs
@option_json
def list_runs(root: Path, as_json: bool) -> None:
    """List the runs, oldest first."""
    from engine.listing import as_table
    from engine.states import status_of

    statuses = [status_of(each) for each in Store(root).runs()]
    if as_json:
        import msgspec

        for status in statuses:
            click.echo(msgspec.json.encode(status))
    elif not statuses:
        click.echo(f"no runs in {root}; `engine run NAME` makes one")
    else:
        as_table(statuses)


@main.command()
@click.argument("run_name", metavar="RUN")
@option_runs
@option_json
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
def logs(run_name: str, root: Path, as_json: bool, follow: bool) -> None:
    """Print what a run has said: its events with --json, else lines for people."""
    from engine.listing import print_log

    print_log(Store(root).find(run_name), as_json=as_json, follow=follow)


@main.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@option_config
@option_json
def check(names: tuple[str, ...], config_path: Path, as_json: bool) -> None:
    """Validate experiments.toml: all mistakes at once, each with its line.

    Of experiments that are named it prints every setting, those of the family's recipe included.
    """
    try:
        config = load_config(config_path)
    except ConfigError as error:
        if as_json:
            for mistake in error.mistakes:
                line, column = mistake.place
                found = {"where": mistake.where, "line": line, "column": column, "message": mistake.message}
                click.echo(json.dumps(found))
            sys.exit(USAGE)
        count = len(error.mistakes)
        fail(f"{error}\n{count} mistake{'s' if count > 1 else ''} in {config_path}")
    import msgspec
    import tomlkit

    for name in names:
        settings = msgspec.to_builtins(find_experiment(config, name))
        known = {key: value for key, value in settings.items() if value is not None}
        click.echo(
            json.dumps(known) if as_json else tomlkit.dumps({"experiments": {known.pop("name"): known}})
        )
    if as_json or names:
        return
    for note in check_notes(config):
        click.echo(f"note: {note}")
    click.echo(
        f"{config_path}: {len(config.experiments)} experiments and {len(config.figures)} figures, all right"
    )


@main.command()
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
    from engine.costs import experiment_of_model, print_cost, print_models

    if name is None:
        print_models(size, patch, 10, as_json=as_json)
        return
    known = load_config(config_path).experiments if config_path.exists() else {}
    try:
        print_cost(known.get(name) or experiment_of_model(name, size, patch, batch), as_json=as_json)
    except ValueError as error:
        fail(str(error))


@main.command()
@option_runs
def doctor(root: Path) -> None:
    """Say of every run that is not finished why."""
    from engine.listing import diagnose

    lines = [line for each in Store(root).runs() if (line := diagnose(each))]
    click.echo("\n".join(lines) or "every run is finished")


def _chosen(config: Config, name: str, settings: tuple[str, ...]) -> Experiment:
    experiment = find_experiment(config, name)
    return override(experiment, settings) if settings else experiment


def _train_here(run: Run, device: str, *, as_json: bool, settings: Sequence[str] = ()) -> int:
    """Train in this process, events on stdout or a progress display, and return the exit code."""
    from engine.attempt import train_run
    from engine.console import captured

    if not as_json and sys.stdout.isatty():
        from rich.console import Console

        from engine.progress import ProgressDisplay

        with captured(run.console) as stdout:
            terminal = Console(file=os.fdopen(os.dup(stdout), "w"), force_terminal=True)
            with ProgressDisplay(terminal) as display:
                return train_run(run, display, device, settings=settings)
    with captured(run.console) as stdout:
        return train_run(run, lambda _, line: _write(stdout, line), device, settings=settings)


def _write(handle: int, line: bytes) -> None:
    """Write to stdout; when nobody reads it any more the run goes on without."""
    try:
        write_all(handle, line)
    except BrokenPipeError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, handle)
        os.close(null)


if __name__ == "__main__":
    main()
