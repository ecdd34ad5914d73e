"""Which runs there are and how they are: each look judges those that may have changed, the newest first."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import msgspec

from engine.runs.liveness import status_of
from engine.runs.status import LIVE, Status
from engine.runs.store import Run, Store
from engine.runs.worker_status import BEAT_S
from tui.feed import refresh_rate
from tui.feed.run_metadata import MetadataReader
from tui.feed.site_reader import SiteReader


class RunStatuses:
    """Keeps the status of each run of a folder.

    Args:
        folder: The folder of runs.
        metadata: Is told whose settings and labels may be others.
        sites: Says which posted runs may have moved.
    """

    def __init__(self, folder: Path, metadata: MetadataReader, sites: SiteReader) -> None:
        self.by_id: dict[str, Run] = {}
        """All runs, oldest first."""
        self.known: dict[str, Status] = {}
        """The status of those that were judged."""
        self.stamps: dict[str, int] = {}
        """When each run's folder had changed last, as it was judged."""
        self.unread = False
        """Whether there are runs that were not judged yet."""
        self._folder = folder
        self._store = Store(folder)
        self._metadata = metadata
        self._sites = sites
        self._root_stamp = -1
        self._had_runs = False
        self._judge_until = 0.0
        """Until when this look judges posted runs that may also wait for the next."""
        self._beat = 0
        """In which span of ``BEAT_S`` the worker was looked at last."""

    def in_order(self) -> tuple[Status, ...]:
        """Return what is known, oldest run first."""
        return tuple(self.known[name] for name in self.by_id if name in self.known)

    def look(self, budget_s: float) -> set[str]:
        """Judge the runs that may have changed; return which did.

        Args:
            budget_s: Seconds after which runs that were never judged are left for the next look.
        """
        changed_runs: set[str] = set()
        stamp = stamp_of(self._folder) or 0
        root_changed = stamp != self._root_stamp  # a run came or went, or the worker says anew why runs wait
        beat = int(time.monotonic() / BEAT_S)
        may_wait_anew = root_changed or beat != self._beat  # or it no longer answers
        self._beat = beat
        if root_changed:
            self._root_stamp = stamp
            changed_runs |= self._list_runs()
        deadline = time.monotonic() + budget_s
        self._judge_until = time.monotonic() + refresh_rate.JUDGE_BUDGET_S
        self.unread = False
        for name, run in reversed(self.by_id.items()):  # newest first: what people look for
            previous = self.known.get(name)
            if previous is None and time.monotonic() > deadline:
                self.unread = True
                continue
            folder = stamp_of(run.path) or 0  # every status, entry and request is renamed into it
            folder_changed = folder != self.stamps.get(name)
            may_move = previous is None or self._may_move(run, previous, may_wait_anew=may_wait_anew)
            if not may_move and not folder_changed:
                continue
            if folder_changed:
                self._metadata.touch(name)
            self.stamps[name] = folder
            status = status_of(run)
            if previous is None or name in self._sites.moved or _differs(previous, status):
                changed_runs.add(name)
            self.known[name] = status
            if status.on:
                self._sites.judged(name, time.monotonic())
        return changed_runs

    def _may_move(self, run: Run, previous: Status, *, may_wait_anew: bool) -> bool:
        """Return whether a run's state may be another though its folder has not changed.

        A posted run is judged when its site says something new, when it has written something, and every few seconds;
        as a thousand may live at once, not all in one look.
        """
        if not previous.on:
            return previous.state in LIVE or (may_wait_anew and previous.state == "queued")
        now = time.monotonic()
        if now > self._judge_until and self._sites.may_wait(run.id, now):
            return False
        if run.id in self._sites.moved:
            return True
        if previous.state not in LIVE and previous.state != "queued":
            return False
        return self._sites.is_due(run.id, now) or run.events_size != previous.offset

    @property
    def error(self) -> str:
        """That the folder of runs is gone, in words; empty while it is there or was never seen."""
        if not self._had_runs or self._root_stamp:
            return ""
        return f"{self._folder} is no longer there: moved or removed; what is in it is shown once it is back"

    def _list_runs(self) -> set[str]:
        """List the folder of runs anew; return the runs that came or went."""
        runs = {run.id: run for run in self._store.runs()}
        came_or_went = runs.keys() ^ self.by_id.keys()
        self.by_id = runs
        self._had_runs = self._had_runs or bool(runs)
        self.known = {name: status for name, status in self.known.items() if name in runs}
        self._metadata.keep(runs)
        self._sites.keep(runs)
        return came_or_went


def _differs(a: Status, b: Status) -> bool:
    """Return whether a list would show two statuses differently."""
    return msgspec.structs.replace(a, heartbeat=b.heartbeat) != b


def stamp_of(path: Path) -> int | None:
    """Return when a file or folder was changed last, in nanoseconds; None where there is none."""
    with contextlib.suppress(OSError):
        return int(path.stat().st_mtime_ns)
    return None
