"""The runs that were stopped or failed behind the result that a list shows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.analysis.runs_that_count import R, age, is_made_alike
from engine.runs.status import LIVE, RESUMABLE, Status, never_began


def newest(runs: Iterable[Status]) -> Status | None:
    """Return a run that lives, else the newest that has begun, else the newest."""
    runs = list(runs)
    live = [run for run in runs if run.state in LIVE]
    begun = [run for run in runs if not waits_or_never_began(run)]
    return next(iter(live[-1:] or begun[-1:] or runs[-1:]), None)


def waits_or_never_began(run: Status) -> bool:
    """Return whether a run is in the queue, or was taken out of it before it began."""
    return run.state == "queued" or never_began(run)


def unfinished(runs: Sequence[R], result: R | None) -> tuple[R, ...]:
    """Return the runs that were stopped or failed behind a result, the newest of each seed, the newest first.

    A run with the settings of the result belongs to it unless its seed has a newer result with these settings: every
    seed of ``Choice.lost`` is there. A run with other settings belongs to the result where it is newer, unless its seed
    has a newer result with any settings.

    Args:
        runs: All runs of the experiment, in any order.
        result: The run that the list shows; None where it shows none.
    """
    if result is None or len(runs) < 2 or not _counts(result.status):
        return ()
    newer, behind = True, []
    seeds: set[int] = set()
    finished_seeds: dict[bool, set[int]] = {True: set(), False: set()}
    for run in sorted(runs, key=age, reverse=True):
        status = run.status
        newer = newer and status is not result.status
        alike = status is result.status or is_made_alike(run, result)
        if _counts(status):
            finished_seeds[alike].add(status.seed)
        elif status.seed in finished_seeds[True] | seeds or (
            not alike and status.seed in finished_seeds[False]
        ):
            continue
        elif status.state in RESUMABLE and not waits_or_never_began(status) and (newer or alike):
            behind.append(run)
            seeds.add(status.seed)
    return tuple(behind)


def _counts(status: Status) -> bool:
    return status.state == "finished" or status.state in LIVE
