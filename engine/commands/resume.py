"""The verb that goes on with runs: here, in the queue, or at a site."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.commands.completion import candidates
from engine.commands.confirmation import is_agreed, is_approved, option_yes
from engine.commands.options import (
    USAGE,
    fail,
    option_device,
    option_json,
    option_on,
    option_runs,
    option_settings,
    require_queued_device,
    site_named,
    warn,
)
from engine.commands.result_lines import Answers
from engine.commands.train import train_here
from engine.config.validate import ConfigError
from engine.errors import UserError
from engine.runs.resume_settings import DATA_CHANGED, DATA_CHANGED_FLAG
from engine.runs.store import Run, Store, StoreError
from engine.runs.trust.queued_by_user import Identity

if TYPE_CHECKING:
    from engine.config.site import Site
    from engine.queue.takeover import Takeover

HERE = "here"
"""What ``resume --on`` takes for this folder's own queue."""


@click.command()
@click.argument("run_name", metavar="RUN", required=False, shell_complete=candidates.runs_to_resume)
@option_runs
@option_device
@option_json
@option_settings
@option_on
@click.option("--queue", is_flag=True, help="Put it into the queue instead of training here and now.")
@click.option("--all-crashed", is_flag=True, help="All runs that crashed, instead of RUN.")
@click.option("--takeover", is_flag=True, help="Also one that another machine left running when it died.")
@click.option(
    DATA_CHANGED_FLAG, is_flag=True, help="Also with other images than before; the run says so for ever."
)
@option_yes
def resume(
    run_name: str | None, root: Path, device: str, as_json: bool, settings: tuple[str, ...],
    on: str | None, queue: bool, all_crashed: bool, takeover: bool, data_changed: bool, yes: bool,
) -> None:  # fmt: skip
    """Go on with a run that stopped, failed or crashed, from its last checkpoint.

    One that was at a site goes on there, or where --on says; --on here takes it back.
    Another batch_size keeps the images of an optimizer step: batches are accumulated. The command of a run that you
    did not start yourself is shown first.
    """
    from engine.queue.stop_and_resume import require_resumable
    from engine.queue.takeover import look_at_takeover

    _require_sensible(all_crashed, on, takeover=takeover, is_named=run_name is not None)
    if data_changed:
        settings = (*settings, DATA_CHANGED)
    store = Store(root)
    runs = [store.find(run_name)] if run_name is not None else _crashed(store)
    taken = look_at_takeover(runs[0]) if takeover else None
    if not all_crashed and taken is None:
        require_resumable(runs[0])
    if queue:
        require_queued_device(device)
    if taken is not None and not is_agreed(runs[0], taken.sentence, "Take it over?", yes=yes):
        warn(f"{runs[0].id} stays as it is")
        sys.exit(USAGE)
    if taken is None and (at_sites := _by_site(runs, on)):
        if device != "auto":
            fail(f"--device {device}: its site gives the device; `--on here` takes it back first")
        agreed = _agreed(list(at_sites), here=False, yes=yes, ask=not all_crashed)
        _post_again(store, agreed, at_sites, settings, Answers("resume", as_json=as_json))
        if not (runs := _without(runs, at_sites)):
            return
    agreed = _agreed(runs, here=not queue, yes=yes, ask=not all_crashed)
    if on is not None or taken is not None:
        _take_home(runs, takeover=taken is not None)
    if queue:
        answers = Answers("resume", as_json=as_json)
        _queue_again(store, agreed, device, settings, answers, takeover=taken is not None)
        return
    sys.exit(_resume_here(agreed, device, as_json=as_json, settings=settings, takeover=taken))


def _require_sensible(all_crashed: bool, on: str | None, *, takeover: bool, is_named: bool) -> None:
    """End the command where its options do not go together."""
    if all_crashed == is_named:
        fail("say which: RUN, or --all-crashed")
    if takeover and (all_crashed or on not in (None, HERE)):
        fail("--takeover goes on here with one run: name it; `--on SITE` sends it away then")


def _agreed(runs: Sequence[Run], *, here: bool, yes: bool, ask: bool) -> dict[Run, Identity | None]:
    """Return the runs that may go on, each with what it was when the user agreed; None where there was no question.

    Args:
        runs: The runs.
        here: Whether they go on in this process, and not by the queue.
        yes: Whether the user has agreed beforehand.
        ask: Whether to ask; runs are passed over otherwise.
    """
    from engine.queue.approval import NOT_QUEUED_HERE, approval_of_resume
    from engine.runs.trust.posted_by_user import own_posting

    agreed: dict[Run, Identity | None] = {}
    for run in runs:
        if own_posting(run) is not None:
            agreed[run] = None
            continue
        try:
            asked = approval_of_resume(run, here=here)
        except StoreError as error:
            if ask:
                raise
            warn(f"{run.id} is passed over: {error}")
            continue
        if asked is not None and not ask and not yes:
            warn(f"{run.id} is passed over: {NOT_QUEUED_HERE}; `engine resume {run.id}` shows its command")
        elif asked is None:
            agreed[run] = None
        elif is_approved(asked, yes=yes):
            agreed[run] = asked.identity
        else:
            warn(f"{run.id} stays as it is")
            sys.exit(USAGE)
    return agreed


def _crashed(store: Store) -> list[Run]:
    from engine.runs.liveness import status_of

    runs = [run for run in store.runs() if status_of(run).state == "crashed"]
    if not runs:
        click.echo(f"no run in {store.root} has crashed", err=True)
    return runs


def _without(runs: Sequence[Run], others: Collection[Run]) -> list[Run]:
    return [run for run in runs if run not in others]


def _by_site(runs: Sequence[Run], on: str | None) -> dict[Run, Site]:
    """Return the runs that go on at a site: the one that the user named, else the one that had it last."""
    from engine.runs.posted.posting import posting_of

    if on == HERE:
        return {}
    if on is not None:
        site = site_named(on, Path("experiments.toml"))
        return dict.fromkeys(runs, site)
    return {run: posting.site for run in runs if (posting := posting_of(run)) is not None}


def _post_again(
    store: Store,
    runs: Mapping[Run, Identity | None],
    sites: Mapping[Run, Site],
    settings: Sequence[str],
    answers: Answers,
) -> None:
    """Post runs to sites to go on there; of several, those that cannot are passed over.

    Args:
        store: The folder of runs.
        runs: The runs, each with what it was when the user agreed.
        sites: Where each goes.
        settings: What they change.
        answers: Takes what was done.
    """
    from engine.remote.live_postings import is_any
    from engine.remote.start_bridge import ensure_bridge
    from engine.remote.verbs import request_resume

    try:
        for run, seen in runs.items():
            try:
                said = request_resume(run, settings=settings, seen=seen, on=sites[run])
                answers.say(run, said, on=sites[run].name)
            except UserError as error:
                if len(runs) == 1:
                    raise
                warn(f"{run.id} is passed over: {error}")
    finally:
        if is_any(store):
            ensure_bridge(store)


def _take_home(runs: Sequence[Run], *, takeover: bool) -> None:
    from engine.remote.verbs import take_home

    for run in runs:
        take_home(run, takeover=takeover)


def _queue_again(
    store: Store,
    runs: Mapping[Run, Identity | None],
    device: str,
    settings: Sequence[str],
    answers: Answers,
    *,
    takeover: bool,
) -> None:
    from engine.queue.stop_and_resume import request_resume
    from engine.queue.worker import ensure_worker

    for run, seen in runs.items():
        try:
            request_resume(run, device, settings, seen, takeover=takeover)
        except StoreError:
            if len(runs) == 1:
                raise
            continue  # of many, one that somebody else has just resumed
        except ConfigError as error:
            if len(runs) == 1:
                raise
            warn(str(error))
            continue
        answers.say(run, f"{run.id} waits in the queue")
    if runs:
        ensure_worker(store)


def _resume_here(
    runs: Mapping[Run, Identity | None],
    device: str,
    *,
    as_json: bool,
    settings: Sequence[str],
    takeover: Takeover | None,
) -> int:
    """Go on with runs one after another, until one is stopped; return the exit code of the last that did not finish."""
    from engine.config.preflight_warnings import missing_packages
    from engine.runs.resume_settings import changed, last_experiment
    from engine.runs.stop_request import STOPPED, StopRequest

    stop, worst = StopRequest(), 0
    stop.listen()
    for run, seen in runs.items():
        if stop.signalled:
            return STOPPED
        try:
            lacks = missing_packages(changed(last_experiment(run), settings))
        except ConfigError as error:
            if len(runs) == 1:
                raise
            warn(str(error))
            worst = USAGE
            continue
        if lacks:
            fail(f"{run.id}: {lacks}")
        code = train_here(run, device, stop, as_json=as_json, settings=settings, seen=seen, takeover=takeover)
        worst = code or worst
        if code == STOPPED:
            break
    return worst
