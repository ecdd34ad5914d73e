"""Verbs that train in their own process: run, and train for the worker or a site."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.commands.completion import candidates
from engine.commands.options import (
    fail,
    option_changes,
    option_config,
    option_device,
    option_json,
    option_runs,
    warn,
)
from engine.config.loader import find_experiment, load_config
from engine.runner.events_on_stdout import EventLines
from engine.runs.store import Run, Store, is_run_id
from engine.runs.trust.queued_by_user import Identity

if TYPE_CHECKING:
    from engine.queue.takeover import Takeover
    from engine.runs.stop_request import StopRequest


@click.command()
@click.argument("name", shell_complete=candidates.experiments)
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
    from engine.config.preflight_warnings import missing
    from engine.runs.stop_request import STOPPED, StopRequest

    experiment = find_experiment(load_config(config_path), name, settings)
    if lacks := missing(experiment):
        fail(f"{experiment.name}: {lacks}")
    stop, code = StopRequest(), 0
    stop.listen()  # before a run is made, and on from one to the next: a signal is meant for the whole command
    with _ended_at_once():
        for run_seed in [seed] if seed is not None else experiment.run_seeds:
            if stop.signalled:
                click.echo(f"{stop.reason} before seed {run_seed} was begun", err=True)
                code = STOPPED
            else:
                code = train_here(Store(root).create(experiment, run_seed), device, stop, as_json=as_json)
            if code:
                break
    sys.exit(code)


@click.command(hidden=True)
@click.argument("run_id", metavar="RUN")
@option_runs
@option_device
@click.option("--claimed", type=int, help="The open file with the run's lock.")
@click.option("--posted", metavar="NAME", help="The posting whose job this is.")
@click.option("--contents", metavar="DIGEST", help="What that posting is to run.")
def train(
    run_id: str, root: Path, device: str, claimed: int | None, posted: str | None, contents: str | None
) -> None:
    """Train a run whose folder is there: what the worker or a site starts; all output goes where stdout goes."""
    from engine.runner.attempt import train_run

    with _ended_at_once():
        if posted is not None:
            sys.exit(_train_posted(Run(root / run_id), device, posted, contents or ""))
        sys.exit(train_run(Store(root).find(run_id), device=device, queued=True, claimed=claimed))


def _train_posted(run: Run, device: str, name: str, contents: str) -> int:
    """Train a run as a job of its site; return the exit code."""
    from engine.runner.attempt import train_run
    from engine.runner.posted_run import TRY_AGAIN, Posted, begin_anew, require_posted
    from engine.runs.run_lock import RunTaken
    from engine.runs.stop_request import STOPPED, StopRequest
    from engine.training.distributed.nodes import help_first_node, nodes_of_job

    if not is_run_id(run.id) or not run.path.is_dir():
        fail(f"{run.id} is not started: it is not in {run.path.parent}")
    posted = Posted(name, contents)
    if (nodes := nodes_of_job()).number > 0:
        require_posted(run, posted)
        return help_first_node(run, nodes)
    stop = StopRequest()
    stop.listen()
    try:
        code = train_run(run, device=device, posted=posted, stop=stop)
    except RunTaken as taken:
        warn(str(taken))
        return TRY_AGAIN
    return begin_anew() if code == STOPPED and stop.time_nearly_up else code


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


def train_here(
    run: Run,
    device: str,
    stop: StopRequest,
    *,
    as_json: bool,
    settings: Sequence[str] = (),
    seen: Identity | None = None,
    takeover: Takeover | None = None,
) -> int:
    """Train in this process, events on stdout or a progress display, and return the exit code.

    Args:
        run: The run, new or to be gone on with.
        device: On what.
        stop: Hears signals.
        as_json: Whether events are printed where a terminal could show progress.
        settings: What a resumed run changes.
        seen: What a resumed run was when the user agreed to it.
        takeover: The run as another machine left it, if that was agreed to.
    """
    from engine.runner.attempt import train_run
    from engine.runner.events_on_stdout import capture_stdout

    if not as_json and sys.stdout.isatty():
        from rich.console import Console

        from engine.commands.progress import ProgressDisplay

        with _ended_at_once(), capture_stdout(run.console) as stdout:
            terminal = Console(file=os.fdopen(os.dup(stdout), "w"), force_terminal=True)
            with ProgressDisplay(terminal, run.path.parent) as display:
                return train_run(
                    run, display, device, settings=settings, seen=seen, takeover=takeover, stop=stop
                )
    with _ended_at_once(), capture_stdout(run.console) as stdout:
        lines = EventLines(stdout)
        return train_run(
            run,
            lambda _, line: lines.write(line),
            device,
            settings=settings,
            seen=seen,
            takeover=takeover,
            stop=stop,
        )
