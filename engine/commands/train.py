"""Verbs that train in their own process: run, resume, and train for the worker."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from engine.commands.options import (
    USAGE,
    fail,
    option_changes,
    option_config,
    option_device,
    option_json,
    option_runs,
    option_settings,
    require_queued_device,
    warn,
)
from engine.config.loader import find_experiment, load_config
from engine.config.validate import ConfigError
from engine.runner.stdout import EventLines
from engine.runs.store import Run, Store


@click.command()
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
    from engine.config.preflight import missing

    experiment = find_experiment(load_config(config_path), name, settings)
    if lacks := missing(experiment):
        fail(f"{experiment.name}: {lacks}")
    code = 0
    for run_seed in [seed] if seed is not None else experiment.run_seeds:
        new = Store(root).create(experiment, run_seed)
        code = _train_here(new, device, as_json=as_json)
        if code:
            break
    sys.exit(code)


@click.command()
@click.argument("run_name", metavar="RUN", required=False)
@option_runs
@option_device
@option_json
@option_settings
@click.option("--queue", is_flag=True, help="Put it into the queue instead of training here and now.")
@click.option("--all-crashed", is_flag=True, help="All runs that crashed, instead of RUN.")
def resume(
    run_name: str | None, root: Path, device: str, as_json: bool, settings: tuple[str, ...],
    queue: bool, all_crashed: bool,
) -> None:  # fmt: skip
    """Go on with a run that stopped, failed or crashed, from its last checkpoint.

    Another batch_size keeps the images of an optimizer step: batches are accumulated.
    """
    from engine.queue.stop_and_resume import require_resumable
    from engine.runs.current_state import status_of

    if all_crashed == (run_name is not None):
        fail("say which: RUN, or --all-crashed")
    store = Store(root)
    runs = [store.find(run_name)] if run_name is not None else []
    if all_crashed:
        runs = [run for run in store.runs() if status_of(run).state == "crashed"]
        if not runs:
            click.echo(f"no run in {root} has crashed", err=True)
    else:
        require_resumable(runs[0])
    if queue:
        require_queued_device(device)
        _queue_again(store, runs, device, settings)
        return
    sys.exit(_resume_here(runs, device, as_json=as_json, settings=settings))


@click.command(hidden=True)
@click.argument("run_id", metavar="RUN")
@option_runs
@option_device
@click.option("--claimed", type=int, help="The open file with the run's lock.")
def train(run_id: str, root: Path, device: str, claimed: int | None) -> None:
    """Train a run whose folder is there: what the worker starts; all output goes where stdout goes."""
    from engine.runner.attempt import train_run

    with _ended_at_once():
        sys.exit(train_run(Store(root).find(run_id), device=device, queued=True, claimed=claimed))


@contextmanager
def _ended_at_once() -> Iterator[None]:
    """End the process at a second SIGINT, at once: a regular exit would abort in a thread that still writes."""
    from engine.runs.stop_request import STOPPED

    try:
        yield
    except KeyboardInterrupt:
        with suppress(OSError):  # nobody may read what it prints any longer
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(STOPPED)


def _queue_again(store: Store, runs: Sequence[Run], device: str, settings: Sequence[str]) -> None:
    from engine.queue.stop_and_resume import request_resume
    from engine.queue.worker import ensure_worker
    from engine.runs.store import StoreError

    for run in runs:
        try:
            request_resume(run, device, settings)
        except StoreError:
            if len(runs) == 1:
                raise
            continue  # of many, one that somebody else has just resumed
        except ConfigError as error:
            if len(runs) == 1:
                raise
            warn(str(error))
            continue
        click.echo(f"{run.id} waits in the queue")
    if runs:
        ensure_worker(store)


def _resume_here(runs: Sequence[Run], device: str, *, as_json: bool, settings: Sequence[str]) -> int:
    """Go on with runs one after another, until one is stopped; return the exit code of the last that did not finish."""
    from engine.runs.resume import changed, last_experiment
    from engine.runs.stop_request import STOPPED

    worst = 0
    for run in runs:
        try:
            changed(last_experiment(run), settings)
        except ConfigError as error:
            if len(runs) == 1:
                raise
            warn(str(error))
            worst = USAGE
            continue
        code = _train_here(run, device, as_json=as_json, settings=settings)
        worst = code or worst
        if code == STOPPED:
            break
    return worst


def _train_here(run: Run, device: str, *, as_json: bool, settings: Sequence[str] = ()) -> int:
    """Train in this process, events on stdout or a progress display, and return the exit code."""
    from engine.runner.attempt import train_run
    from engine.runner.stdout import capture_stdout

    if not as_json and sys.stdout.isatty():
        from rich.console import Console

        from engine.commands.progress import ProgressDisplay

        with _ended_at_once(), capture_stdout(run.console) as stdout:
            terminal = Console(file=os.fdopen(os.dup(stdout), "w"), force_terminal=True)
            with ProgressDisplay(terminal) as display:
                return train_run(run, display, device, settings=settings)
    with _ended_at_once(), capture_stdout(run.console) as stdout:
        lines = EventLines(stdout)
        return train_run(run, lambda _, line: lines.write(line), device, settings=settings)
