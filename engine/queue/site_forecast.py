"""When runs at sites start and end: as the site guesses, at their own speed, within the time limit of their jobs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from engine.queue.durations import DurationEstimator
from engine.queue.forecast import MEASURED, MOST, Forecast, as_running
from engine.runs.posted.posting import Seen
from engine.runs.status import LIVE, Status
from engine.text import span

FARTHEST_S = 30 * 86_400.0
"""Seconds beyond which a site's guess is none: Slurm says a year where a job before it has no time limit."""


def forecast_at_sites(
    statuses: Sequence[Status], seen: Mapping[str, Seen], now: float, configs: Mapping[str, Mapping[str, Any]]
) -> list[Forecast]:
    """Return the forecast of the posted runs that live or wait.

    Args:
        statuses: The status of every run, by when they ended.
        seen: What sites said last of their runs, by run id.
        now: Seconds since the epoch.
        configs: The configuration of each run by its id, as far as they are known.

    Returns:
        First the live runs, then those that wait, by their start; empty where there are none. While a site is away, the
        ends of its runs are unknown.
    """
    live = [status for status in statuses if status.on and status.state in LIVE]
    waiting = [status for status in statuses if status.on and status.state == "queued"][:MOST]
    if not live and not waiting:
        return []
    others = [status for status in statuses if status.state not in LIVE]
    durations = DurationEstimator([*live, *others[-MEASURED:]], configs)
    of_waiting = [_of_waiting(status, seen.get(status.run), durations, now) for status in waiting]
    of_waiting.sort(key=lambda forecast: math.inf if forecast.start is None else forecast.start)
    return [*(_of_live(status, seen.get(status.run), durations, now) for status in live), *of_waiting]


def _of_live(status: Status, seen: Seen | None, durations: DurationEstimator, now: float) -> Forecast:
    """Return when a live run ends: as its speed says, or when the time of its job is up."""
    run = as_running(status, (), durations, now)
    finish = None if run.finish is None else max(now, run.start, run.finish)
    limit = seen.ends if seen is not None and seen.ends > 0 else None
    if status.heard:
        return Forecast(run.run, (), run.start, limit=limit)
    began = seen.starts if seen is not None and 0 < seen.starts <= now else run.start
    return _within_limit(
        Forecast(run.run, (), run.start, finish, how=run.how, limit=limit, stalled=run.stalled), began
    )


def _of_waiting(status: Status, seen: Seen | None, durations: DurationEstimator, now: float) -> Forecast:
    """Return when a run that waits at a site starts and ends, as far as the site guesses it."""
    takes = durations.left(status)
    if seen is None or not 0 < seen.starts - now <= FARTHEST_S:
        return Forecast(status.run, how=takes.how)
    finish = None if takes.seconds is None else seen.starts + takes.seconds
    limit = seen.ends if seen.ends > seen.starts else None
    return _within_limit(
        Forecast(status.run, (), seen.starts, finish, how=takes.how, limit=limit), seen.starts
    )


def _within_limit(forecast: Forecast, began: float) -> Forecast:
    """Return a forecast that ends with the time of its job, and says how many jobs like it have to follow."""
    finish, limit = forecast.finish, forecast.limit
    if finish is None or limit is None or not began < limit < finish:
        return forecast
    job_s = limit - began
    more = math.ceil((finish - limit) / job_s)
    jobs = f"{more} more job{'s' if more > 1 else ''} of {span(job_s, 1)}"
    return forecast._replace(finish=limit, how="; ".join(filter(None, (forecast.how, jobs))))
