"""Looks after the runs that were posted from a folder: one process a folder, with a thread for each site.

::

    look -> .sites/NAME.json -> each run: wait, ask again, post anew, or keep the site's last word (``next_step``)

All that it knows is in those files and in posted.json: it may be killed at any time, and the next one goes on. It ends
when no site has a run any more. A site that does not answer is asked less and less often, and holds up no other.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from engine.queue.notifier import Notifier
from engine.queue.retry import BACKOFF_S
from engine.remote.live_postings import LivePostings, is_any
from engine.remote.polling_pace import PollingPace
from engine.remote.site_keeper import SiteKeeper
from engine.runs.posted import site_status
from engine.runs.store import Store, StoreError
from engine.system import lock

LOCK_TIMEOUT_S = 0.2
POLL_S = 0.5
"""Seconds after which it notices that there is something new, or that it is to end."""


class Busy(Exception):  # noqa: N818  it says what is the case, not that something broke
    """Another bridge looks after this folder of runs."""


def serve(
    store: Store,
    stopped: Callable[[], bool],
    *,
    pace: PollingPace | None = None,
    backoff_s: float = BACKOFF_S,
    notifier: Notifier | None = None,
) -> None:
    """Look after the posted runs of a folder until no site has one any more, or until ``stopped``.

    Args:
        store: The folder of runs.
        stopped: Returns whether to end; it is called about every ``POLL_S`` seconds.
        pace: How often it looks; None for the usual.
        backoff_s: Seconds before the first retry of a run.
        notifier: Sends messages on what happens; None for no messages.

    Raises:
        Busy: Another bridge looks after it.
        StoreError: The folder cannot be locked.
    """
    with contextlib.ExitStack() as stack:
        if notifier is not None:
            stack.callback(lambda: notifier.close(at_once=stopped()))
        while True:
            with _only_bridge(store) as path:
                _Bridge(store, pace or PollingPace(), backoff_s, path, notifier).serve(stopped)
            if stopped() or not is_any(store):  # a run posted while the lock was let go is looked after too
                return


class _Bridge:
    """The threads of all sites; the caller has the lock that makes it the only one."""

    def __init__(
        self, store: Store, pace: PollingPace, backoff_s: float, path: Path, notifier: Notifier | None = None
    ) -> None:
        self._store = store
        self._pace = pace
        self._backoff_s = backoff_s
        self._path = path
        self._notifier = notifier
        self._postings = LivePostings(store)
        self._keepers: dict[str, SiteKeeper] = {}

    def serve(self, stopped: Callable[[], bool]) -> None:
        """Keep a thread for each site that has a run; return when none has, or when ``stopped``."""
        try:
            asked, scanned = -1, 0.0
            while not stopped():
                now, before = time.monotonic(), asked
                asked = self._asked()
                if asked != before or now - scanned >= self._pace.usual_s or not self._keepers:
                    scanned = now
                    if not self._look_after(self._postings.by_site()):
                        return
                if asked != before:
                    for keeper in self._keepers.values():
                        keeper.hurry()
                time.sleep(POLL_S)
                self._keepers = {name: keeper for name, keeper in self._keepers.items() if keeper.is_alive()}
        finally:
            for keeper in self._keepers.values():
                keeper.stop()
            for keeper in self._keepers.values():
                keeper.join(self._pace.leave_s)

    def _look_after(self, sites: Iterable[str]) -> bool:
        """Have a thread for each site; return whether there is any."""
        for name in sites:
            if name not in self._keepers:
                keeper = SiteKeeper(
                    self._store, name, self._postings, self._pace, self._backoff_s, self._notifier
                )
                self._keepers[name] = keeper
                keeper.start()
        return bool(self._keepers)

    def _asked(self) -> int:
        """Return when a command last said that there is something new."""
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0


@contextlib.contextmanager
def _only_bridge(store: Store) -> Iterator[Path]:
    path = site_status.bridge_lock(store.root)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock.hold(path, LOCK_TIMEOUT_S))
        except lock.LockHeld:
            raise Busy(f"a bridge looks after {store.root} already") from None
        except OSError as error:
            raise StoreError(f"{store.root} cannot be locked: {error.strerror}") from None
        yield path
