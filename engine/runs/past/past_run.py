"""A run's status as it was at a moment: its events up to then, folded as status.json folds all of them.

::

    created     process   Start      Metrics …     End          Start      End
    ──┼────────────┼────────┼───────────┼───────────┼──────┼──────┼──────────┼──▶
       queued       starting  running     running     stopped queued running  finished

What an attempt's ``Start`` says of the time before it (since when it was queued, when its process began) tells the
states that no event tells. A process that went without an end was there until its last event.
"""

from __future__ import annotations

import bisect
import calendar
import math
import time
from typing import NamedTuple

import msgspec

from engine.events import End, Event, Metrics, QueuePlace, Start, decode
from engine.runs.queue_entry import DamagedEntry, QueueEntry, queue_entry
from engine.runs.status import ENDED, FOLD, LIVE, WITHOUT_A_WORD, State, Status
from engine.runs.status_file import read_on
from engine.runs.store import Run, stamp
from engine.system.files import tail

PIECE = 64 * 1024
"""Bytes of events from one kept fold to the next: those between them are folded anew in a few milliseconds."""


class Then(NamedTuple):
    """A run at a moment."""

    status: Status
    place: QueueEntry | None = None
    """How it waits, or what it was given while it lives; None where it did not come from the queue."""
    place_is_known: bool = True
    """Whether its place is recorded; otherwise it is that of a run that was never moved."""
    is_whole: bool = False
    """Whether all that it has said had been said by then."""


class _Fold(NamedTuple):
    """The events up to a place in the file, folded."""

    latest: float
    """The time of the latest of them."""
    status: Status
    given: QueuePlace | None = None
    """How the attempt waited that they end in."""
    following: Event | None = None
    """The first event after them that tells what the run did; None where none follows."""
    until: float = math.inf
    """The time of the first event after them."""
    size: int = 0
    """Bytes of the file."""


class PastRun:
    """Folds a run's events up to any moment; what was folded is kept, so that a near moment costs little.

    The events up to the first later one count: where a clock was set back, some that are earlier follow later ones.

    Args:
        run: The run.
        created: When it was made, in seconds since the epoch; 0 where that is not known.
    """

    def __init__(self, run: Run, created: float = 0.0) -> None:
        self.run = run
        self.created = created or _stamped(run.id)
        self._kept = [_Fold(0.0, Status(run=run.id, fold=FOLD))]
        """A fold for every ``PIECE`` of the file, as far as it was read."""
        self._last = _Fold(math.inf, self._kept[0].status)
        """That of the last moment."""

    def at(self, moment: float, now: Status) -> Then | None:
        """Return the run as it was; None where it did not exist.

        Args:
            moment: When, in seconds since the epoch.
            now: Its status as it is judged now.
        """
        if self.created > moment:
            return None
        if now.state in ENDED and max(now.heartbeat, now.started, now.ended) <= moment:
            return Then(now, is_whole=True)
        fold = self._fold(moment, now)
        place, is_known = self._place(fold, moment)
        state = _state(fold, now, place, moment)
        reason = "" if state == "queued" else fold.status.reason
        if state == "crashed":
            reason = reason or WITHOUT_A_WORD
        status = msgspec.structs.replace(fold.status, state=state, reason=reason)
        if status.attempt == now.attempt:
            status.on, status.node = now.on, now.node
        if state == "queued":
            return Then(status, place, is_known)
        if state == "starting":
            return Then(status, place if is_known else None)
        given = fold.given if state == "running" else None
        return Then(status, _entry(given) if given is not None else None)

    def is_near(self, moment: float) -> bool:
        """Return whether the moment is one that the last answer holds for too: it costs next to nothing."""
        return self.created > moment or self._last.latest <= moment < self._last.until

    def _fold(self, moment: float, now: Status) -> _Fold:
        """Return the events up to a moment, folded."""
        size, last = self.run.events_size, self._last
        if last.latest <= moment < last.until and last.size == size:
            return last
        if size < last.status.offset:  # another file has taken its place
            del self._kept[1:]
            last = self._kept[0]
        begin = self._kept[bisect.bisect_right(self._kept, moment, key=lambda fold: fold.latest) - 1]
        if begin.status.offset < last.status.offset and last.latest <= moment:
            begin = last
        status, latest, given = _copy(begin.status), begin.latest, begin.given
        if not status.attempt:
            status.experiment, status.seed = now.experiment, now.seed
        while True:
            before = status.offset
            read = read_on(self.run, status, moment, PIECE)
            latest = max(latest, read.latest)
            given = read.start.queued if read.start is not None else given
            if read.following is not None or status.offset == before:
                break
            if status.offset > self._kept[-1].status.offset:
                self._kept.append(_Fold(latest, _copy(status), given))
        following = read.following
        until = following.time if following is not None else math.inf
        if following is not None and not isinstance(following, Start | End | Metrics):
            following = _next_deed(self.run, status.offset)
        self._last = _Fold(latest, status, given, following, until, size)
        return self._last

    def _place(self, fold: _Fold, moment: float) -> tuple[QueueEntry | None, bool]:
        """Return how the run waited for its next attempt, and whether that is recorded; None where it did not."""
        entry = None
        if isinstance(fold.following, Start) and fold.following.queued is not None:
            entry = _entry(fold.following.queued)
        elif fold.following is None:
            entry = _standing(self.run, fold.status.attempt)
        if entry is not None:
            return (entry if entry.submitted <= moment or not fold.status.started else None), True
        if fold.status.attempt or fold.status.state != "queued":
            return None, True
        return QueueEntry(submitted=self.created), False


def _state(fold: _Fold, now: Status, place: QueueEntry | None, moment: float) -> State:
    """Return the state at a moment of a run whose events up to then are folded."""
    status, following = fold.status, fold.following
    if isinstance(following, Start):
        began = following.process_started
    else:
        began = now.process_started if following is None and now.state in LIVE else 0.0
    if status.process_started < began <= moment:
        return "starting"
    if place is not None:
        return "queued"
    if status.state == "running" and moment > status.heartbeat:
        is_gone = isinstance(following, Start) or (
            following is None and now.state not in LIVE and moment > now.heartbeat
        )
        return "crashed" if is_gone else "running"
    return status.state


def _standing(run: Run, attempts: int) -> QueueEntry | None:
    """Return the entry of a run that waits for its next attempt now, or is taken and has not begun it."""
    entry = queue_entry(run)
    if entry is None or isinstance(entry, DamagedEntry):
        return None
    is_next = entry.waits(attempts) or (entry.stage == "taken" and not entry.begun(attempts))
    return entry if is_next and not entry.by_hand else None


def _entry(place: QueuePlace) -> QueueEntry:
    return QueueEntry(
        submitted=place.since, stage="taken", priority=place.priority, order=place.order,
        devices=place.devices,
    )  # fmt: skip


def _next_deed(run: Run, offset: int) -> Event | None:
    """Return the first event from a place on that tells what a run did, and is no word of it."""
    while True:
        lines, end = tail(f"{run.folder}/events.jsonl", offset, PIECE)
        if end == offset:
            return None
        for line in lines:
            if isinstance(event := decode(line), Start | End | Metrics):
                return event
        offset = end


def _copy(status: Status) -> Status:
    """Return a status that later events may be folded into, the other being kept."""
    return msgspec.structs.replace(
        status, last=dict(status.last), best=dict(status.best), extremes=dict(status.extremes),
        evaluated=dict(status.evaluated),
    )  # fmt: skip


def _stamped(run_id: str) -> float:
    """Return the time in an id, in seconds since the epoch; 0 in one that the user chose."""
    try:
        return float(calendar.timegm(time.strptime(stamp(run_id), "%Y%m%d-%H%M%S")))
    except ValueError:
        return 0.0
