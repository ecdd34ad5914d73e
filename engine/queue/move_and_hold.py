"""What a user may do with the queue: put runs back into it, move, hold, release and cancel them.

An entry changes only under the run's lock, so a run that a worker has taken stays out of the queue.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec.structs import replace

from engine.runs import run_lock, stop_request
from engine.runs.liveness import status_of
from engine.runs.posted.posting import take_back
from engine.runs.queue_entry import QueueEntry, queue_entry, waiting_entry
from engine.runs.status import LIVE, RESUMABLE, Status
from engine.runs.store import Run, Source, Store, StoreError
from engine.runs.trust import entry_writer
from engine.runs.trust.queued_by_user import Identity
from engine.system import process

Where = Literal["first", "last"]


def waiting(store: Store) -> list[Run]:
    """Return the queued runs in the order in which they start where devices allow it."""
    return [run for run, _ in waiting_entries(store)]


def waiting_entries(store: Store) -> list[tuple[Run, QueueEntry]]:
    """Return the queued runs with their entries, in order."""
    entries = [(run, entry) for run in store.runs() if (entry := waiting_entry(run)) is not None]
    return sorted(entries, key=lambda pair: (pair[1].rank, pair[0].id))


def put_back(
    run: Run,
    device: str = "auto",
    settings: Sequence[str] = (),
    seen: Identity | None = None,
    *,
    takeover: bool = False,
    environment: Mapping[str, str | None] | None = None,
) -> None:
    """Queue a run again that stopped, failed or crashed, with the same demands on the queue as before.

    One that a site had is this machine's again.

    Args:
        run: The run.
        device: The device that it waits for; ``auto`` keeps the one of before.
        settings: What the resumed run changes, as ``key=value``.
        seen: What the run was when the user was shown what it starts; None where there was nothing to show.
        takeover: Whether the user has agreed that another machine's run goes on here.
        environment: The variables of the user's shell that go with it; None for those of the worker.

    Raises:
        StoreError: It has finished, lives, or waits already, or has changed since it was shown.
    """
    with run_lock.hold(run):
        status = status_of(run, mine=True)
        require_resumable(run, status, takeover=takeover)
        entry = queue_entry(run) or QueueEntry(submitted=0.0)
        stop_request.clear(run)
        take_back(run)
        entry = QueueEntry(
            submitted=time.time(), device=entry.device if device == "auto" else device, settings=list(settings),
            gpus=entry.gpus, priority=entry.priority, share=entry.share, attempts=status.attempt,
            environment=None if environment is None else dict(environment),
        )  # fmt: skip
        entry_writer.enter(run, entry, seen)


def require_resumable(run: Run, status: Status, *, takeover: bool = False) -> None:
    """Raise StoreError unless the run stopped, failed or crashed, and was trained by vitui.

    Args:
        run: The run.
        status: Its status.
        takeover: Whether another machine's run will do that seems to live; the caller has its lock.
    """
    if (source := _source(run)) is not None:
        raise StoreError(
            f"{run.id} was imported from {source.path}: what trained it can go on with it, not this"
        )
    if status.state in RESUMABLE:
        return
    host = place_elsewhere(run, status)
    if host and takeover:
        return
    cure = f"; if {host[:80]} is gone, `engine resume --takeover {run.id}` goes on here" if host else ""
    raise StoreError(
        f"{run.id} is {status.state}: only a stopped, failed or crashed run can be resumed{cure}"
    )


def place_elsewhere(run: Run, status: Status) -> str:
    """Return the machine on which a run seems to live, empty where this one knows whether its process does."""
    if status.state not in LIVE:
        return ""
    entry = queue_entry(run)
    if entry is not None and entry.owner is not None:
        return entry.owner.host if entry.owner.is_elsewhere else ""
    return status.host if status.host != process.host() else ""


def _source(run: Run) -> Source | None:
    """Return where a run was imported from, None for a run of this project or a damaged one."""
    try:
        return run.info().imported
    except StoreError:
        return None


def hold(run: Run, *, release: bool = False) -> str:
    """Keep a queued run from being started, or let it start again; return in words what that means.

    Args:
        run: The run.
        release: Let a held run start again.

    Raises:
        StoreError: It does not wait in the queue.
    """
    _change(run, lambda entry: replace(entry, on_hold=not release))
    return f"{run.id} " + ("waits for a device again" if release else "is held until `engine hold --release`")


def prioritize(run: Run, priority: int) -> str:
    """Put a queued run behind those of a higher priority and before those of a lower; return it in words.

    Raises:
        StoreError: It does not wait in the queue.
    """
    _change(run, lambda entry: replace(entry, priority=priority, order=None))
    return f"{run.id} has priority {priority}"


def move(store: Store, run: Run, where: Where | Run) -> str:
    """Move a queued run to an end of the queue or before another run, and return in words where it is.

    It takes the priority of its new neighbour, and stops waiting for runs that can no longer finish.

    Args:
        store: The folder of the queue.
        run: The run to move.
        where: An end of the queue, or the run that it comes before.

    Raises:
        StoreError: It, or the other, does not wait in the queue.
    """
    queue = [(other, entry) for other, entry in waiting_entries(store) if other.id != run.id]
    if isinstance(where, Run):
        at = next((i for i, (other, _) in enumerate(queue) if other.id == where.id), None)
        if at is None:
            raise StoreError(f"{where.id} does not wait in the queue")
    else:
        at = 0 if where == "first" else len(queue)
    lost: list[str] = []

    def moved_there(entry: QueueEntry) -> QueueEntry:
        lost.extend(name for name in entry.after if _never_finishes(store, name))
        priority, order = _between(queue, at) if queue else (entry.priority, entry.order)
        after = [name for name in entry.after if name not in lost]
        return replace(entry, after=after, not_before=0.0, priority=priority, order=order)

    order = [*queue[:at], (run, _change(run, moved_there)), *queue[at:]]
    ranks = [moved.rank[:2] for _, moved in order]
    if any(one >= two for one, two in itertools.pairwise(ranks[max(0, at - 1) : at + 2])):
        _spread(order)
    freed = f"; it waits no longer for {', '.join(lost)}" if lost else ""
    return f"{run.id} is number {at + 1} of {len(queue) + 1} in the queue{freed}"


def _between(queue: Sequence[tuple[Run, QueueEntry]], at: int) -> tuple[int, float]:
    """Return the priority and order of a run that comes before number ``at``, as near as numbers allow."""
    if at == len(queue):
        last = queue[-1][1]
        return last.priority, last.rank[1] + 1
    following = queue[at][1]
    if at == 0 or queue[at - 1][1].priority != following.priority:
        return following.priority, following.rank[1] - 1
    return following.priority, (queue[at - 1][1].rank[1] + following.rank[1]) / 2


def _spread(queue: Sequence[tuple[Run, QueueEntry]]) -> None:
    """Number the runs anew, in their order, where their numbers have become too close."""
    for number, (run, _) in enumerate(queue):
        with contextlib.suppress(StoreError):  # one that has begun needs no number
            _change(run, functools.partial(replace, order=float(number)))


def _never_finishes(store: Store, name: str) -> bool:
    run = Run(store.root / name)
    return not run.path.is_dir() or status_of(run).state in RESUMABLE


def _change(run: Run, to: Callable[[QueueEntry], QueueEntry]) -> QueueEntry:
    """Replace a queued run's entry by one that is made from it, and return that."""
    refusal = StoreError(f"{run.id} does not wait in the queue")
    if waiting_entry(run) is None:
        raise refusal
    with run_lock.hold(run):  # so that no worker starts it meanwhile
        if (before := waiting_entry(run)) is None:
            raise refusal
        entry = to(before)
        entry_writer.change(run, before, entry)
        return entry
