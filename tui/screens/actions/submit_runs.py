"""Runs that a key queues: here, or at the site that the user names or used last. All of it is done in threads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from engine.runs.status import Status
from engine.runs.store import Run, Store, StoreError
from engine.text import clean

if TYPE_CHECKING:
    from engine.config.schema import Experiment
    from engine.config.site import Site


def submit_runs(
    store: Store,
    experiment: Experiment,
    seeds: Iterable[int],
    site: Site | None,
    config: Path,
    priority: int = 0,
) -> tuple[list[str], str]:
    """Queue a run of each seed, have it looked after, and return their ids with what is odd, in words.

    Args:
        store: Where the runs are made.
        experiment: What they train.
        seeds: The seeds.
        site: Where they go; None for the queue of this folder.
        config: The experiments, whose [notify] a worker reads that is started.
        priority: Their place in that queue; the higher, the earlier.

    Raises:
        UserError: They cannot be made, or the site refuses them.
        OSError: The folder of runs cannot be written.
    """
    if site is None:
        from engine.queue.submit import submit

        runs = submit(store, experiment, seeds, priority=priority)
        serve_queue(store, config)
        return [run.id for run in runs], ""
    from engine.remote import post

    odd: list[str] = []
    try:
        ids = [run.id for run in post.submit_to(store, site, experiment, seeds, odd.append)]
    finally:
        look_after(store, config)  # for those that the site has taken
    return ids, "".join(f"; {clean(sentence)}" for sentence in odd)


def serve_queue(store: Store, config: Path) -> bool:
    """Have a worker serve the queue of a folder; return whether one had to be started.

    Args:
        store: The folder of runs.
        config: The experiments, whose [notify] a worker reads that is started.
    """
    from engine.queue.worker import ensure_worker

    return ensure_worker(store, "--config", str(config.absolute()))


def look_after(store: Store, config: Path) -> None:
    """Have a bridge look after the runs that sites have, and look now; without such runs there is none.

    Args:
        store: The folder of runs.
        config: The experiments, whose [notify] a bridge reads that is started.
    """
    from engine.remote.live_postings import is_any
    from engine.remote.start_bridge import ensure_bridge

    if is_any(store):
        ensure_bridge(store, "--config", str(config.absolute()))


def site_used_last(store: Store, newest: Status | None, of_project: Mapping[str, Site]) -> Site | None:
    """Return the site that the newest run of an experiment was sent to; None where it was queued here.

    It is found by its name: what posted.json says of it may be of another time, or a stranger's.

    Args:
        store: The folder of runs.
        newest: The newest run.
        of_project: The sites of experiments.toml.

    Raises:
        StoreError: A stranger sent that run there, or there is no such site any more.
    """
    if newest is None or not newest.on:
        return None
    from engine.config.site_tables import all_sites, parse_on
    from engine.config.validate import ConfigError
    from engine.runs.trust.posted_by_user import own_posting

    cure = "`o` asks where to: on=here, or the name of a site"
    if own_posting(Run(store.root / newest.run)) is None:
        raise StoreError(f"{newest.run} was sent to {clean(newest.on)}, but not by you; {cure}")
    try:
        return parse_on(newest.on, all_sites(of_project))
    except ConfigError as error:
        raise StoreError(f"{newest.run} was sent to {clean(newest.on)}: {error}; {cure}") from None
