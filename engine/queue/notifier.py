"""Tells of runs that end or go wrong, and of an empty queue: a thread of the worker and of the bridge.

A message is on the disk before it is sent (``engine.notifications.outbox``), so a worker that is killed sends it
at its next start. The thread alone looks, sends and waits: the queue does not wait for an address that is slow.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from engine.analysis.alarms import Watcher
from engine.config.notify import Notify, read_notify
from engine.config.validate import ConfigError
from engine.notifications.delivery import Outcome, deliver
from engine.notifications.message import of_alarm, of_empty_queue, of_end
from engine.notifications.outbox import LATE_S, Letter, Outbox
from engine.queue import retry
from engine.runs.liveness import status_of
from engine.runs.posted.posting import posting_of
from engine.runs.queue_entry import waiting_entry
from engine.runs.status import ENDED, LIVE
from engine.runs.store import Run, Store
from engine.text import printable

TRIES = 6
TELLS_NOBODY = ("--config", os.devnull)
"""Options of a worker, or a bridge, whose runs are followed from elsewhere: messages are sent from there."""


@dataclass(frozen=True)
class Pace:
    """How often it looks and tries, in seconds."""

    look_s: float = 1.0
    first_pause_s: float = 2.0
    """Before the second try; each further pause is four times as long."""
    linger_s: float = 60.0
    """For how long a worker that has nothing else to do waits until all is sent."""
    tidy_s: float = 3600.0


USUAL = Pace()


class Notifier:
    """Tells of the runs of a folder.

    Args:
        store: The folder of runs.
        config: The experiments.toml whose [notify] says who is told; it is read again when it changes.
        of_sites: Whether it tells of the runs that sites have, or of the others.
        pace: How often it looks and tries.
    """

    def __init__(self, store: Store, config: Path, *, of_sites: bool = False, pace: Pace = USUAL) -> None:
        self._store = store
        self._config = config.absolute()
        self._of_sites = of_sites
        self._pace = pace
        self._outbox = Outbox(store.root)
        self._notify: Notify | None = None
        self._version: tuple[int, int, int] | None = None
        self._followed: set[str] = set()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._deadline = 0.0
        self._watcher = Watcher()
        self._tidied = 0.0
        self._trouble = ""
        self._busy = False
        """Whether a run has gone on or ended since the queue was empty last."""
        self._mutex = threading.RLock()
        """Held for all but sending: the bridge has a thread for each site."""

    # ---- called by the worker and the bridge, between other things

    def follow(self, runs: Iterable[Run]) -> None:
        """Tell of the end of these runs, and of what goes wrong with them until then."""
        with self._mutex:
            if self._read() is None:
                return
            for run in runs:
                self._busy = True
                if run.id not in self._followed:
                    with contextlib.suppress(OSError):  # a full disk: at the next look
                        self._outbox.watch(run.id)
                        self._followed.add(run.id)

    def rest(self, waiting: int, started: int) -> None:
        """Tell that the queue is empty, once each time that it was not.

        Args:
            waiting: How many runs wait for their user.
            started: How many runs the worker has started.
        """
        with self._mutex, contextlib.suppress(OSError):
            notify = self._read()
            if notify is None:
                return
            self._tell_ends(notify)  # what ended last comes before it
            was_busy, self._busy = self._busy, False
            if was_busy and "queue-empty" in notify.on:
                self._outbox.add(of_empty_queue(waiting, started))

    def close(self, *, at_once: bool = False) -> None:
        """Send what is left, for a bounded time; what cannot be sent waits for the next worker.

        Args:
            at_once: Whether it was told to stop.
        """
        if self._thread is None:
            return
        patience = 2 * self._pace.look_s if at_once else self._pace.linger_s
        self._deadline = time.monotonic() + patience
        self._closing.set()
        self._thread.join(patience + 1.0)

    # ---- the thread

    def _read(self) -> Notify | None:
        """Return where messages go, as the file says now, and have the thread if they go anywhere."""
        try:
            info = self._config.stat()
            version = (info.st_mtime_ns, info.st_size, info.st_ino)
        except OSError:
            version = (0, 0, 0)
        if version != self._version:
            self._version = version
            try:
                self._notify = read_notify(self._config)
            except (ConfigError, OSError) as error:
                self._notify = None
                _say(str(error))
        if self._notify is not None and self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="notify", daemon=True)
            self._thread.start()
        return self._notify

    def _serve(self) -> None:
        while True:
            closing = self._closing.is_set()
            try:
                left = self._turn()
            except OSError as error:
                left = 0
                if (trouble := f"{error.strerror or error}") != self._trouble:
                    _say(trouble)
                self._trouble = trouble
            except Exception:  # noqa: BLE001  the queue goes on
                left = 0
                traceback.print_exc()
            if closing and (not left or time.monotonic() >= self._deadline):
                return
            pause_s = min(self._pace.look_s, 0.2) if closing else self._pace.look_s
            if closing:
                time.sleep(pause_s)
            else:
                self._closing.wait(pause_s)

    def _turn(self) -> int:
        """Look and send once; return how many messages are to be tried before it ends."""
        notify = self._notify
        if notify is None:
            return 0
        with self._mutex:
            self._tell_ends(notify)
            if "alarm" in notify.on:
                self._tell_alarms()
        self._send(notify)
        if time.monotonic() - self._tidied > self._pace.tidy_s or not self._tidied:
            self._tidied = time.monotonic()
            self._outbox.tidy(time.time())
        until = time.time() + max(0.0, self._deadline - time.monotonic())
        return sum(letter.next <= until for letter in self._outbox.waiting())

    def _runs(self) -> list[Run]:
        runs = [Run(self._store.root / run_id) for run_id in self._outbox.watched()]
        return [run for run in runs if (posting_of(run) is not None) == self._of_sites]

    def _tell_ends(self, notify: Notify) -> None:
        for run in self._runs():
            if not run.path.is_dir():
                self._outbox.unwatch(run.id)
                continue
            status = status_of(run)
            if status.state not in ENDED or not _is_settled(run):
                continue
            if status.state != "stopped":
                message = of_end(status)
                if message.event in notify.on:
                    self._outbox.add(message)
            self._outbox.unwatch(run.id)
            self._followed.discard(run.id)
            self._busy = True  # it ended while no worker looked, or has just ended

    def _tell_alarms(self) -> None:
        """Tell what is wrong with live runs; of a run whose site is away nothing is known of now."""
        statuses = [status_of(run) for run in self._runs()]
        live = {status.run: status for status in statuses if status.state in LIVE and not status.heard}
        for alarm in self._watcher.look(live.values(), time.monotonic()):
            self._outbox.add(of_alarm(live[alarm.run], alarm.kind, alarm.text))

    def _send(self, notify: Notify) -> None:
        """Try the messages whose time has come, each once."""
        due = [letter for letter in self._outbox.waiting() if letter.next <= time.time()]
        for each in due:
            if self._closing.is_set() and time.monotonic() >= self._deadline > 0:
                return
            with self._outbox.sending() as alone:
                letter = self._outbox.still_waiting(each.message.id) if alone else None
                if letter is None or letter.next > time.time():
                    continue
                self._outbox.put(self._tried(notify, letter))

    def _tried(self, notify: Notify, letter: Letter) -> Letter:
        """Try to send a message; return what is to be written down."""
        now = time.time()
        if now - letter.message.time > LATE_S:
            return replace(letter, state="lost", why=letter.why or "it was not sent for a day", at=now)
        letter = replace(letter, tries=letter.tries + 1, next=now + self._pause(letter.tries), at=now)
        self._outbox.put(letter)  # before the try: whoever is killed in it has made one
        outcome = deliver(notify, letter.message, self._config.parent)
        return _after(letter, outcome)

    def _pause(self, tries: int) -> float:
        return self._pace.first_pause_s * 4.0**tries


def _after(letter: Letter, outcome: Outcome) -> Letter:
    now = time.time()
    if not outcome.why:
        return replace(letter, state="sent", why="", at=now)
    if outcome.for_good or letter.tries >= TRIES:
        _say(f"{letter.message.id} is not sent: {outcome.why}")
        return replace(letter, state="lost", why=outcome.why, at=now)
    return replace(letter, why=outcome.why, at=now)


def _is_settled(run: Run) -> bool:
    """Return whether nothing follows by itself on a run's end: no retry, no further job."""
    posting = posting_of(run)
    if posting is not None:
        return posting.seen is not None
    return waiting_entry(run) is None and retry.unsettled(run) is None


def _say(text: str) -> None:
    print(printable(f"notify: {text}"), flush=True)  # noqa: T201  the log of the worker or the bridge
