"""The queue as the feed sees it: who waits in which order, what the worker gives out, when each run has its turn."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.runs import worker_status
from engine.runs.metadata import RunMetadata
from engine.runs.posted.posting import Posting, Seen, posting_of
from engine.runs.queue_entry import QueueEntry, queue_entry
from engine.runs.status import LIVE, Status
from engine.runs.store import Run
from engine.runs.trust.queued_by_user import why_untrusted
from engine.runs.why_waiting import OTHER_KEY
from tui.state.snapshot import Queue

if TYPE_CHECKING:
    from engine.queue.forecast import Forecast

REST = 40.0
"""How many times longer than a forecast of posted runs took it is left alone: there may be a thousand."""
LOOK_S = 1.0
"""Seconds between two forecasts where nothing else is new."""


class _SeenEntry(NamedTuple):
    stamp: int | None
    entry: QueueEntry | None
    is_untrusted: bool = False
    posting: Posting | None = None


def _read(run: Run, status: Status, stamp: int | None) -> _SeenEntry:
    if status.on:
        return _SeenEntry(stamp, None, posting=posting_of(run))
    entry = queue_entry(run)
    waits = entry is not None and status.state == "queued"
    return _SeenEntry(stamp, entry, waits and entry is not None and bool(why_untrusted(run, entry)))


class QueueReader:
    """Reads queued.json of the runs that live or wait, each once for every change of its folder.

    Args:
        root: The folder of all runs.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._known: dict[str, _SeenEntry] = {}
        self._next = 0.0
        self._at_sites: list[Forecast] = []
        self._next_at_sites = 0.0

    def look(
        self, runs: Mapping[str, Run], statuses: Mapping[str, Status], stamps: Mapping[str, int],
        metadata: Mapping[str, RunMetadata], seen_at_sites: Mapping[str, Mapping[str, Seen]], now: float, *, news: bool,
    ) -> Queue | None:  # fmt: skip
        """Return the queue; None where it need not be looked at yet.

        Args:
            runs: All runs.
            statuses: How each goes.
            stamps: When each one's folder was changed.
            metadata: What runs were made with, as far as it has been read.
            seen_at_sites: What each site said last of its runs, by the site's name.
            now: Seconds since the epoch.
            news: Whether a status has changed since.
        """
        busy = [name for name, status in statuses.items() if status.state in LIVE or status.state == "queued"]
        told = any((seen := self._known.get(name)) is None or seen.stamp != stamps.get(name) for name in busy)
        if not news and not told and time.monotonic() < self._next:
            return None
        self._next = time.monotonic() + LOOK_S
        before = self._known
        self._known = {}
        for name in busy:
            seen = before.get(name)
            if seen is None or seen.stamp != stamps.get(name):
                seen = _read(runs[name], statuses[name], stamps.get(name))
            self._known[name] = seen
        entries = {name: seen.entry for name, seen in self._known.items() if seen.entry is not None}
        untrusted = frozenset(
            name
            for name, seen in self._known.items()
            if seen.is_untrusted or statuses[name].reason.endswith(OTHER_KEY)
        )
        postings = {name: seen.posting for name, seen in self._known.items() if seen.posting is not None}
        configs = {name: run_metadata.config for name, run_metadata in metadata.items()} if busy else {}
        queue = self._queue(statuses, entries, untrusted, configs, now)
        if not postings:
            return queue
        words = {name: seen_at_sites.get(statuses[name].on, {}).get(name) for name in postings}
        newest = {
            name: word
            for name, word in words.items()
            if word is not None and word.at >= postings[name].posted
        }  # an older one is about an earlier job
        at_sites = self._forecast_at_sites(statuses, newest, configs, now)
        going = set(busy)
        forecasts = [*queue.forecasts, *(forecast for forecast in at_sites if forecast.run in going)]
        forecasts.sort(
            key=lambda forecast: statuses[forecast.run].state == "queued"
        )  # what lives comes first
        return dataclasses.replace(queue, forecasts=tuple(forecasts), postings=postings)

    def _forecast_at_sites(
        self, statuses: Mapping[str, Status], seen: Mapping[str, Seen], configs: Mapping[str, Mapping[str, Any]],
        now: float,
    ) -> list[Forecast]:  # fmt: skip
        """Return the forecast of posted runs, made anew where a small part of the time goes into it."""
        from engine.queue.site_forecast import forecast_at_sites

        began = time.monotonic()
        if began >= self._next_at_sites:
            oldest_first = sorted(statuses.values(), key=lambda status: status.ended)
            self._at_sites = forecast_at_sites(oldest_first, seen, now, configs)
            self._next_at_sites = began + REST * (time.monotonic() - began)
        return self._at_sites

    def _queue(
        self, statuses: Mapping[str, Status], entries: Mapping[str, QueueEntry], untrusted: frozenset[str],
        configs: Mapping[str, Mapping[str, Any]], now: float,
    ) -> Queue:  # fmt: skip
        """Return the queue of this folder."""
        from engine.queue.forecast import forecast_queue

        waiting = [name for name in entries if statuses[name].state == "queued"]
        waiting.sort(key=lambda name: (entries[name].rank, name))
        worker = worker_status.read(self._root)
        devices = tuple(worker.devices) if worker is not None and not worker.left else ()
        oldest_first = sorted(statuses.values(), key=lambda status: status.ended)
        forecasts = forecast_queue(oldest_first, entries, waiting, devices, now, configs, untrusted)
        return Queue(tuple(waiting), entries, devices, tuple(forecasts), untrusted)
