"""Verbs of the queue: submit, work, stop, and what changes who is next: move, hold, cancel."""

from __future__ import annotations

import contextlib
import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.commands.completion import candidates
from engine.commands.confirmation import is_approved, option_where, option_yes, runs_meant
from engine.commands.options import (
    fail,
    option_changes,
    option_config,
    option_device,
    option_json,
    option_on,
    option_runs,
    require_queued_device,
    site_named,
    warn,
)
from engine.commands.result_lines import Answers
from engine.config.loader import find_experiment, load_config
from engine.config.overrides import SEEDS, seeds_of
from engine.config.schema import Experiment
from engine.runs import worker_status
from engine.runs.queue_entry import waiting_entry
from engine.runs.store import Run, Store

if TYPE_CHECKING:
    from engine.config.site import Site
    from engine.queue.move_and_hold import Where


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=candidates.experiments)
@click.option(
    "--wait/--work", "only_queue", default=False,
    help="Only queue, or (default) also start a worker, or what looks after runs at a site.",
)  # fmt: skip
@option_on
@option_config
@option_runs
@option_changes
@option_device
@option_json
@click.option("--seeds", metavar="0,1,2", help="A run for each of these seeds; 0-4 is five.")
@click.option("--gpus", type=click.IntRange(1, 64), help="Devices for each run: --set gpus=N.")
@click.option("--priority", default=0, show_default=True, help="The higher, the earlier.")
@click.option(
    "--after", multiple=True, metavar="RUN", help="Not before this run has finished; repeatable.",
    shell_complete=candidates.runs,
)  # fmt: skip
@click.option("--share", is_flag=True, help="It may share a GPU with others that may, while memory lasts.")
def submit(
    names: tuple[str, ...], only_queue: bool, on: str | None, config_path: Path, root: Path,
    settings: tuple[str, ...], seed: int | None, device: str, as_json: bool,
    seeds: str | None, gpus: int | None, priority: int, after: tuple[str, ...], share: bool,
) -> None:  # fmt: skip
    """Queue experiments; a worker in the background runs them as devices get free, or a site does with --on."""
    from engine.queue.submit import submit as queue_up
    from engine.queue.worker import ensure_worker
    from engine.runs.provenance.code_snapshot import take_tree

    require_queued_device(device)
    config = load_config(config_path)
    if gpus is not None:
        settings = (*settings, f"gpus={gpus}")
    experiments = [find_experiment(config, name, settings) for name in names]
    store = Store(root)
    chosen = _seeds(seeds) if seeds is not None else [] if seed is None else [seed]
    answers, queued = Answers("submit", as_json=as_json), list[Run]()
    if on is not None:
        if device != "auto" or priority or after or share:
            fail(
                f"--on {on}: the site gives the devices; --device, --priority, --after, --share are for here"
            )
        site = site_named(on, config_path)
        _post(store, site, experiments, chosen, answers, None if only_queue else config_path)
        return
    before = [store.find(name).id for name in after]
    tree = take_tree(root)
    try:
        for experiment in experiments:
            queued += queue_up(
                store, experiment, chosen or _seeds_to_queue(store, experiment),
                device=device, priority=priority, after=before, share=share, warn=warn, tree=tree,
            )  # fmt: skip
        if not only_queue:
            ensure_worker(store, "--config", str(config_path.absolute()))
    finally:  # a refusal of one, or of stdout, leaves the others queued
        for run in queued:
            answers.say(run, f"{run.id} waits in the queue", plain=run.id, experiment=run.info().experiment)
    if why := worker_status.trouble(store.root):
        warn(why)


@click.command()
@option_config
@option_runs
@click.option(
    "--devices", metavar="LIST", help="GPUs by index or UUID, cpu:N for N slots; all GPUs by default."
)
@click.option(
    "--drain/--forever", default=True, show_default=True, help="End when the queue is empty, or go on."
)
@click.option("--backoff", default=30.0, show_default=True, metavar="SECONDS", type=click.FloatRange(0),
              help="Before the first retry of a run; doubled before each further one, up to an hour.")  # fmt: skip
@click.option(
    "--replace", is_flag=True, help="End a worker that is stopped or hangs, and serve in its stead."
)
def work(
    config_path: Path, root: Path, devices: str | None, drain: bool, backoff: float, replace: bool
) -> None:
    """Run the queue until it is empty (or until told to stop); runs go on when the worker is stopped.

    It tells of what happens whom [notify] of the experiments file names.
    """
    from engine.queue import worker
    from engine.queue.hung_worker import end_hung_worker
    from engine.queue.notifier import Notifier
    from engine.sites.local_devices import LocalDevices
    from engine.system.process import is_told_to_stop

    stopped = is_told_to_stop()
    try:
        with contextlib.closing(LocalDevices(devices)) as machine:
            for note in machine.notes:
                click.echo(note, err=True)
            if replace and (ended := end_hung_worker(Store(root))):
                click.echo(ended, err=True)
            count = worker.work(
                Store(root), stopped, drain=drain, machine=machine, backoff_s=backoff,
                notifier=Notifier(Store(root), config_path),
            )  # fmt: skip
    except worker.Busy as error:
        click.echo(str(error), err=True)
        return
    click.echo(f"{count} run{'s' if count != 1 else ''} started", err=True)


@click.command()
@click.argument("run_names", nargs=-1, metavar="[RUN...]", shell_complete=candidates.runs_to_stop)
@option_where
@option_runs
@option_json
@option_yes
@click.option("--now", is_flag=True, help="Do not wait for the end of the epoch.")
@click.option("--timeout", default=0.0, metavar="SECONDS", help="Wait so long for them to stop.")
@click.option(
    "--force", is_flag=True, help="Stop them now, by SIGTERM and SIGKILL where asking does not help."
)
@click.option(
    "--patience", default=60.0, show_default=True, metavar="SECONDS", help="What --force waits each time."
)
def stop(
    run_names: tuple[str, ...], where: str | None, root: Path, as_json: bool, yes: bool, now: bool, timeout: float,
    force: bool, patience: float,
) -> None:  # fmt: skip
    """Stop runs after their epoch, or --now; either way after a checkpoint. A queued run leaves the queue.

    Of a run at a site, asked the same again or by --force, the job is cancelled there.
    """
    from engine.remote import verbs
    from engine.runs.liveness import status_of
    from engine.runs.status import ENDED, LIVE

    store, answers = Store(root), Answers("stop", as_json=as_json)
    find = functools.partial(_fitting, store)
    runs = runs_meant(store, run_names, where, find, "stop", LIVE | {"queued"}, yes=yes)
    for run in runs:
        if force:
            answers.say(run, verbs.force_stop(run, lambda step: click.echo(step, err=as_json), patience))
        else:
            answers.say(run, verbs.request_stop(run, "stop-now" if now else "stop-after-epoch"))
    deadline = time.monotonic() + (0.0 if force else timeout)
    while time.monotonic() < deadline and any(status_of(run).state not in ENDED for run in runs):
        time.sleep(0.2)


@click.command()
@click.argument("run_name", metavar="RUN", shell_complete=candidates.waiting_runs)
@option_runs
@option_json
@click.option("--first", "where", flag_value="first", help="Before all others.")
@click.option("--last", "where", flag_value="last", help="Behind all others.")
@click.option("--before", metavar="RUN", help="Before this one.")
@click.option("--priority", type=int, help="Among those of this priority, by the time of submission.")
def move(
    run_name: str, root: Path, as_json: bool, where: str | None, before: str | None, priority: int | None
) -> None:
    """Give a queued run another place in the queue, or in that of its site as far as that allows it."""
    from engine.remote import verbs

    if sum(option is not None for option in (where, before, priority)) != 1:
        fail("say where to: one of --first, --last, --before RUN and --priority P")
    store = Store(root)
    run, answers = store.find(run_name), Answers("move", as_json=as_json)
    if priority is not None:
        answers.say(run, verbs.prioritize(run, priority))
        return
    to: Where = "first" if where == "first" else "last"
    answers.say(run, verbs.move(store, run, store.find(before) if before is not None else to))


@click.command()
@click.argument("run_names", nargs=-1, metavar="[RUN...]", shell_complete=candidates.waiting_runs)
@option_where
@option_runs
@option_json
@option_yes
def cancel(run_names: tuple[str, ...], where: str | None, root: Path, as_json: bool, yes: bool) -> None:
    """Take queued runs out of the queue; `engine resume --queue` puts them back."""
    from engine.remote import verbs
    from engine.runs.store import StoreError

    store, answers = Store(root), Answers("cancel", as_json=as_json)
    for run in runs_meant(store, run_names, where, store.find, "cancel", {"queued"}, yes=yes):
        if verbs.posting_at_site(run) is None and waiting_entry(run) is None:
            raise StoreError(f"{run.id} does not wait in the queue; `engine stop` stops one that runs")
        answers.say(run, verbs.cancel(run))


@click.command()
@click.argument("run_names", nargs=-1, metavar="[RUN...]", shell_complete=candidates.waiting_runs)
@option_where
@option_runs
@option_json
@click.option(
    "--release", is_flag=True, help="Let it start again; one that you did not queue is shown first."
)
@option_yes
def hold(
    run_names: tuple[str, ...], where: str | None, root: Path, as_json: bool, release: bool, yes: bool
) -> None:
    """Keep queued runs from being started, until they are released."""
    from engine.queue import approval
    from engine.queue.worker import ensure_worker
    from engine.remote import verbs

    store, answers = Store(root), Answers("hold", as_json=as_json)
    released = False
    verb = "release" if release else "hold"
    for run in runs_meant(store, run_names, where, store.find, verb, {"queued"}, yes=yes):
        if verbs.posting_at_site(run) is not None:
            answers.say(run, verbs.hold(run, release=release))
            continue
        if not release or (asked := approval.approval_of_release(run)) is None:
            answers.say(run, verbs.hold(run, release=release))
        elif where is not None and yes:  # a filter is no look at what each of them starts
            answers.say(run, f"{run.id} stays as it is: you did not queue it; name it to release it")
            continue
        elif not is_approved(asked, yes=yes):
            answers.say(run, f"{run.id} stays as it is")
            continue
        else:
            answers.say(run, approval.release(asked))
        released = release
    if released:
        ensure_worker(store)


def _post(
    store: Store, site: Site, experiments: list[Experiment], seeds: list[int], answers: Answers,
    config_path: Path | None,
) -> None:  # fmt: skip
    """Post experiments to a site, and have a bridge look after them where it is told the experiments file."""
    from engine.remote.live_postings import is_any
    from engine.remote.post import submit_to
    from engine.remote.start_bridge import ensure_bridge
    from engine.runs.posted.posting import posting_of
    from engine.runs.provenance.code_snapshot import take_tree

    tree = take_tree(store.root)
    try:
        for experiment in experiments:
            meant = seeds or _seeds_to_queue(store, experiment)
            for run in submit_to(store, site, experiment, meant, warn, tree):
                job = posting.job if (posting := posting_of(run)) is not None else ""
                which = f", job {job}" if job else ""
                answers.say(run, f"{run.id} waits at {site.name}{which}", plain=run.id, on=site.name, job=job)
    finally:  # for those that the site has taken
        if config_path is not None and is_any(store):
            ensure_bridge(store, "--config", str(config_path.absolute()))


def _seeds_to_queue(store: Store, experiment: Experiment) -> list[int]:
    """Return the seeds of an experiment of which there is no run yet, else all; say which are passed over."""
    from engine.queue.submit import seeds_present_in, seeds_to_queue

    seeds = seeds_to_queue(experiment, seeds_present_in(store, experiment))
    if there := [seed for seed in experiment.run_seeds if seed not in seeds]:
        one = len(there) == 1
        warn(
            f"{experiment.name}: seed{'' if one else 's'} {', '.join(map(str, there))} "
            f"{'is' if one else 'are'} there already; `--seeds {','.join(map(str, there))}` queues "
            f"{'it' if one else 'them'} again"
        )
    return seeds


def _seeds(text: str) -> list[int]:
    """Return the seeds that ``--seeds`` says."""
    if (seeds := seeds_of(text)) is None:
        fail(f"--seeds {text}: it has to be {SEEDS}")
    return seeds


def _fitting(store: Store, name: str) -> Run:
    """Return the run to stop; where a name fits several, say how those that have not ended are stopped.

    Raises:
        StoreError: No run fits, or more than one does.
    """
    from engine.runs.liveness import status_of
    from engine.runs.status import ENDED
    from engine.runs.store import SEVERAL, StoreError, match_one
    from engine.text import command_line

    runs = {run.id: run for run in store.runs()}
    matches = match_one(name, runs)
    going = [run_id for run_id in matches if len(matches) > 1 and status_of(runs[run_id]).state not in ENDED]
    if not 0 < len(going) <= SEVERAL:
        return store.find(name)
    have = "has" if len(going) == 1 else "have"
    command = command_line(["engine", "stop", *going])
    raise StoreError(f"{len(matches)} runs fit {name!r}, of which {len(going)} {have} not ended: {command}")
