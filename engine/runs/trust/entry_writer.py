"""Writes queued.json: proved where the user decides it now, or where the entry that it is made from was proved.

::

    enter   the user decides: submit, resume, release, a run by hand   -> proved
    change  taken, moved, held, left, retried                          -> proved if it was
"""

from __future__ import annotations

import time
from typing import Literal

from msgspec.structs import replace

from engine.runs.queue_entry import QueueEntry, queue_entry, write_entry
from engine.runs.store import Run, StoreError
from engine.runs.trust.queued_by_user import Identity, is_proved, look_at, proof_of
from engine.runs.trust.user_key import make_key, read_key
from engine.system.lock_holder import this_process


def enter(run: Run, entry: QueueEntry, seen: Identity | None = None) -> None:
    """Replace a run's entry by one that the user asks for now, with the proof of it.

    The caller holds the run's lock, unless the run is still being created.

    Args:
        run: The run.
        entry: The entry.
        seen: What the run was when the user was shown what it starts; None where there was nothing to show.

    Raises:
        StoreError: It has changed since it was shown, others can write its folder, or the user's key cannot be used.
        OSError: It cannot be written; the old entry remains.
    """
    key, look = make_key(), look_at(run)
    if seen is not None and look.identity != seen:
        raise StoreError(f"{run.id} has changed since it was shown: look again")
    if look.exposed:
        raise StoreError(f"{run.id} cannot be queued: {look.exposed}")
    write_entry(run, replace(entry, proof=proof_of(key, look.identity, entry)))


def change(run: Run, before: QueueEntry, entry: QueueEntry) -> None:
    """Replace a run's entry by one that was made from it, which is proved only if that was; the caller holds its lock.

    Args:
        run: The run.
        before: The entry as it was read.
        entry: What it becomes.

    Raises:
        OSError: It cannot be written; the old entry remains.
    """
    proof = before.proof
    try:
        key, identity = read_key(), look_at(run).identity
        if key is not None and is_proved(key, identity, before):
            proof = proof_of(key, identity, entry)
    except StoreError:  # no key, or no run.json: it was not proved
        pass
    write_entry(run, replace(entry, proof=proof))


def take_from_queue(run: Run, attempts: int, *, by_hand: bool, may_retry: bool = False) -> None:
    """Record that this process, which holds the run's lock, has taken the run from the queue.

    The variables of the shell that submitted it are forgotten, unless the queue may have to begin it anew with them.

    Args:
        run: The run.
        attempts: The number of attempts before this one.
        by_hand: Whether the user started it without the queue, and thereby decided it.
        may_retry: Whether the queue may begin it anew by itself.
    """
    before = queue_entry(run) or QueueEntry(submitted=time.time())
    entry = replace(before, stage="taken", holder=this_process(), attempts=attempts, by_hand=by_hand)
    if not may_retry:
        entry = replace(entry, environment=None)
    try:
        if by_hand:
            _enter_or_write(run, replace(entry, devices={}))
        else:
            change(run, before, entry)
    except OSError:
        _remove(run)


def leave_queue(run: Run, stage: Literal["failed", "left"] = "left") -> None:
    """Take a run out of the queue; its demands are kept for the next time."""
    if (before := queue_entry(run)) is not None:
        try:
            environment = before.environment if stage == "failed" else None  # it may be begun anew
            change(run, before, replace(before, stage=stage, holder=None, environment=environment))
        except OSError:
            _remove(run)


def _enter_or_write(run: Run, entry: QueueEntry) -> None:
    """Enter a run that is started by hand, which needs no proof: without one its next start may be asked about."""
    try:
        enter(run, entry)
    except StoreError:
        write_entry(run, replace(entry, proof=""))


def _remove(run: Run) -> None:
    """Take a run's entry away on a full disk, where none can be written that does not wait."""
    run.queue_file.unlink(missing_ok=True)
