"""What happened when: runs that were queued, began and ended, as the way from one moment to the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Literal, NamedTuple

from engine.events import End, Start, decode
from engine.runs.status import ENDED, Status
from engine.runs.store import Run
from engine.system.files import tail_with

Deed = Literal["is made", "starts", "resumes", "finishes", "fails", "is stopped", "crashes"]
ENDS: dict[str, Deed] = {
    "finished": "finishes",
    "failed": "fails",
    "stopped": "is stopped",
    "crashed": "crashes",
}
PIECE = 1024 * 1024
"""Bytes that are searched at a time."""
MOST_BYTES = 256 * PIECE
"""Bytes of a run's events that are searched at most: a second's work."""
MOST = 1000
"""Starts and ends of a run that are kept: its last ones."""


class Happening(NamedTuple):
    """Something that a run did."""

    time: float
    """Seconds since the epoch."""
    run: str
    name: str
    """Its experiment and its seed."""
    deed: Deed


def happenings(run: Run, created: float, now: Status) -> list[Happening]:
    """Return what a run did, from its making to its last end.

    A status tells the last attempt; for earlier ones the events are searched.

    Args:
        run: The run.
        created: When it was made, in seconds since the epoch; 0 where that is not known.
        now: Its status.
    """
    deeds: list[tuple[float, Deed]] = [(created, "is made")] if created else []
    if now.attempt > 1:
        deeds += deque(_searched(run), MOST)
    else:
        if now.started:
            deeds.append((now.started, "starts"))
        if now.ended and now.state in ENDED:
            deeds.append((now.ended, ENDS[now.state]))
    if now.state == "crashed" and now.heartbeat:
        deeds.append((now.heartbeat, "crashes"))
    return [Happening(moment, run.id, f"{now.experiment} s{now.seed}", deed) for moment, deed in deeds]


def _searched(run: Run) -> Iterator[tuple[float, Deed]]:
    """Yield the times of the starts and ends in a run's events."""
    offset = 0
    while offset < MOST_BYTES:
        lines, end = tail_with(run.events, offset, PIECE, [b'"start"', b'"end"'])
        if end == offset:
            return
        offset = end
        for event in map(decode, lines):
            if isinstance(event, Start):
                yield event.time, "resumes" if event.attempt > 1 else "starts"
            elif isinstance(event, End):
                yield event.time, ENDS[event.state]
