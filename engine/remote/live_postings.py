"""The runs of a folder that this user posted and that a site may still have: what the bridge looks after.

A file that has not changed is not read, and its proof not made, again: a folder may hold thousands of them.
"""

from __future__ import annotations

import os
import threading

from engine.runs.posted import site_status
from engine.runs.posted.posting import FILE, Posting, posting_of
from engine.runs.store import Run, Store
from engine.runs.trust.posted_by_user import why_not_own

Posted = dict[str, tuple[Run, Posting]]
"""Runs with their postings, by the runs' ids."""


class LivePostings:
    """Finds them, from several threads.

    Args:
        store: The folder of runs.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._mutex = threading.Lock()
        self._known: dict[str, tuple[tuple[int, int, int], Posting | None]] = {}

    def by_site(self) -> dict[str, Posted]:
        """Return the runs that are looked after, by the names of their sites."""
        sites: dict[str, Posted] = {}
        if not site_status.folder_of(self._store.root).is_dir():
            return sites
        with self._mutex:
            known, self._known = self._known, {}
            for run in self._store.runs():
                if (posting := self._posting(run, known)) is not None:
                    sites.setdefault(posting.site.name, {})[run.id] = run, posting
        return sites

    def _posting(
        self, run: Run, known: dict[str, tuple[tuple[int, int, int], Posting | None]]
    ) -> Posting | None:
        try:
            stat = os.lstat(f"{run.folder}/{FILE}")
            key = stat.st_ino, stat.st_mtime_ns, os.lstat(run.folder).st_ino
        except OSError:
            return None
        posting = known[run.id][1] if run.id in known and known[run.id][0] == key else _live_posting(run)
        self._known[run.id] = key, posting
        return posting


def _live_posting(run: Run) -> Posting | None:
    """Return the posting of a run that this user posted and that a site may still have."""
    posting = posting_of(run)
    if posting is None or posting.seen is not None or why_not_own(run, posting):
        return None
    return posting


def is_any(store: Store) -> bool:
    """Return whether a site still has a run of a folder, which costs nothing where none was ever posted."""
    if not site_status.folder_of(store.root).is_dir():
        return False
    return any(_live_posting(run) is not None for run in reversed(store.runs()))  # the newest live most often
