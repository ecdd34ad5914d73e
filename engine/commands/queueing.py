"""Verbs of the queue: submit, work, stop."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import click

from engine.commands.common import option_changes, option_config, option_device, option_runs
from engine.config import find_experiment, load_config
from engine.store import Store


@click.command()
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
    experiments = [find_experiment(config, name, settings) for name in names]
    store = Store(root)
    for experiment in experiments:
        for each in [seed] if seed is not None else experiment.run_seeds:
            click.echo(store.create(experiment, each, queued=True, device=device).id)
    if not only_queue:
        ensure_worker(store)


@click.command()
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


@click.command()
@click.argument("run_name", metavar="RUN")
@option_runs
@click.option("--now", is_flag=True, help="Do not wait for the end of the epoch.")
@click.option("--timeout", default=0.0, metavar="SECONDS", help="Wait so long for it to stop.")
@click.option("--force", is_flag=True, help="Stop it now, by SIGTERM and SIGKILL where asking does not help.")
@click.option(
    "--patience", default=60.0, show_default=True, metavar="SECONDS", help="What --force waits each time."
)
def stop(run_name: str, root: Path, now: bool, timeout: float, force: bool, patience: float) -> None:
    """Stop a run after its epoch, or --now; either way after a checkpoint. A queued run leaves the queue."""
    from engine.control import request_stop
    from engine.states import ENDED, status_of

    found = Store(root).find(run_name)
    if force:
        from engine.ladder import climb

        click.echo(climb(found, click.echo, patience))
        return
    click.echo(request_stop(found, "stop-now" if now else "stop-after-epoch"))
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and status_of(found).state not in ENDED:
        time.sleep(0.2)
