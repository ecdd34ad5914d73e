"""status.json: read, made anew from the events where it is damaged or old, and saved."""

from __future__ import annotations

import contextlib
import os

import msgspec

from engine.events import decode
from engine.runs.status import FOLD, MAX_REASON, SAYABLE, Status
from engine.runs.store import Run, StoreError
from engine.system.files import DAMAGED, tail, write_atomic, write_over

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


def read_on(run: Run, status: Status) -> None:
    """Fold the events since a status was made into it."""
    while True:
        lines, end = tail(f"{run.folder}/events.jsonl", status.offset)
        if end == status.offset:
            return
        status.offset = end
        for line in lines:
            if (event := decode(line)) is not None:
                status.apply(event)


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
