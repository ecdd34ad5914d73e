"""status.json: read, made anew from the events where it is damaged or old, and saved."""

from __future__ import annotations

import contextlib
import math
import os
from typing import NamedTuple

import msgspec

from engine.events import Event, Start, decode
from engine.runs.status import FOLD, MAX_REASON, SAYABLE, Status
from engine.runs.store import Run, StoreError
from engine.system.files import DAMAGED, tail, write_atomic, write_over

PIECE = 256 * 1024
"""Bytes that are read at a time."""
_decoder = msgspec.json.Decoder(Status)


def rebuild(run: Run) -> Status:
    """Return the status that all events of a run make."""
    status = Status(run=run.id, fold=FOLD)
    try:
        info = run.info()
        status.experiment, status.seed = info.experiment[:MAX_REASON], info.seed
    except StoreError as error:
        status.reason = str(error)[:MAX_REASON]
    read_on(run, status)
    return status


class ReadOn(NamedTuple):
    """How far events were folded."""

    following: Event | None
    """The first event that was left out, as it is later than what was asked for; None where none was."""
    latest: float
    """The time of the latest event that was folded; 0 where none was."""
    start: Start | None
    """The last start among them."""


def read_on(run: Run, status: Status, until: float = math.inf, piece: int | None = None) -> ReadOn:
    """Fold the events since a status was made into it, up to the first that is later than a moment.

    Args:
        run: The run.
        status: What they are folded into.
        until: The moment, in seconds since the epoch.
        piece: About how many bytes of the file are read; None for all of it.

    Returns:
        How far that was.
    """
    latest, start = 0.0, None
    while True:
        lines, end = tail(f"{run.folder}/events.jsonl", status.offset, piece or PIECE)
        if end == status.offset:
            return ReadOn(None, latest, start)
        for line in lines:
            if (event := decode(line)) is not None:
                if event.time > until:
                    return ReadOn(event, latest, start)
                latest = max(latest, event.time)
                start = event if isinstance(event, Start) else start
                status.apply(event)
            status.offset += len(line) + 1
        status.offset = end
        if piece is not None:
            return ReadOn(None, latest, start)


def save(run: Run, status: Status) -> None:
    """Replace status.json; on a disk that is too full for a second file, write over it."""
    status.fold = FOLD
    data = msgspec.json.encode(status)
    try:
        write_atomic(run.status_file, data)
    except OSError:
        write_over(run.status_file, data)


def cached(run: Run) -> Status | None:
    """Return the content of status.json; None where it is damaged, of another run, or of another version."""
    try:
        status = _decoder.decode(run.read("status.json"))
    except DAMAGED:
        return None
    usable = (
        status.run == run.id
        and status.fold == FOLD
        and status.state in SAYABLE
        and (status.offset or not status.attempt)
    )
    return status if usable else None


def is_of_older_version(run: Run) -> bool:
    """Return whether status.json is whole and was folded by an older version."""
    try:
        return _decoder.decode(run.read("status.json")).fold < FOLD
    except DAMAGED:
        return False


def renew(run: Run, status: Status) -> None:
    """Save the status of an older version's run, so that its events are read anew only once.

    Only the owner of a run does so; a folder that cannot be written stays as it is.
    """
    with contextlib.suppress(OSError):
        if run.path.stat().st_uid == os.geteuid():
            save(run, status)
