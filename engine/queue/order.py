"""What a user may do with the queue: put runs back into it, move, hold, release and cancel them.

A ticket is changed under the run's lock alone: so no run that has just been taken gets back into the queue.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Literal

from engine.runs.queue_entry import Ticket
from engine.runs.status import RESUMABLE, Status, status_of
from engine.runs.store import Run, Source, Store, StoreError

Where = Literal["first", "last"]


def waiting(store: Store) -> list[Run]:
    """Return the queued runs in the order in which they start if nothing keeps one of them."""
    return [run for run, _ in tickets(store)]


def tickets(store: Store) -> list[tuple[Run, Ticket]]:
    """Return the queued runs with their tickets, in order."""
    found = [(run, ticket) for run in store.runs() if (ticket := run.ticket()) is not None]
    return sorted(found, key=lambda entry: (entry[1].rank, entry[0].id))


def put_back(run: Run, device: str = "auto", settings: Sequence[str] = ()) -> None:
    """Queue a run that stopped, failed or crashed again; what it asked of the queue before it asks again.

    Raises:
        StoreError: It has finished, lives, or waits already.
    """
    with run.hold():
        status = status_of(run, mine=True)
        require_resumable(run, status)
        place = run.place() or Ticket(submitted=0.0)
        run.clear_request()
        run.put(
            Ticket(
                submitted=time.time(), device=place.device if device == "auto" else device, settings=list(settings),
                gpus=place.gpus, priority=place.priority, share=place.share, attempts=status.attempt,
            )
        )  # fmt: skip


def require_resumable(run: Run, status: Status) -> None:
    """Raise StoreError unless the run stopped, failed or crashed, and was trained here."""
    if (source := _source(run)) is not None:
        raise StoreError(
            f"{run.id} was imported from {source.path}: what trained it can go on with it, not this"
        )
    if status.state not in RESUMABLE:
        raise StoreError(f"{run.id} is {status.state}: only a stopped, failed or crashed run can be resumed")


def _source(run: Run) -> Source | None:
    """Return where a run was imported from, None where it was not or nobody knows."""
    try:
        return run.info().imported
    except StoreError:
        return None


def hold(run: Run, *, release: bool = False) -> str:
    """Keep a queued run from being started, or let it start again; return in words what that means.

    Raises:
        StoreError: It does not wait in the queue.
    """
    with _changing(run) as ticket:
        ticket.on_hold = not release
    return f"{run.id} " + ("waits for a device again" if release else "is held until `engine hold --release`")


def prioritize(run: Run, priority: int) -> str:
    """Put a queued run behind those of a higher priority and before those of a lower; return it in words.

    Raises:
        StoreError: It does not wait in the queue.
    """
    with _changing(run) as ticket:
        ticket.priority, ticket.order = priority, None
    return f"{run.id} has priority {priority}"


def move(store: Store, run: Run, where: Where | Run) -> str:
    """Move a queued run to an end of the queue or before another run, and return in words where it is.

    It takes the priority of its new neighbour. What it waited for and can no longer have, it waits for no more.

    Raises:
        StoreError: It, or the other, does not wait in the queue.
    """
    queue = [(other, ticket) for other, ticket in tickets(store) if other.id != run.id]
    if isinstance(where, Run):
        at = next((i for i, (other, _) in enumerate(queue) if other.id == where.id), None)
        if at is None:
            raise StoreError(f"{where.id} does not wait in the queue")
    else:
        at = 0 if where == "first" else len(queue)
    with _changing(run) as ticket:
        lost = [name for name in ticket.after if _never_finishes(store, name)]
        ticket.after = [name for name in ticket.after if name not in lost]
        ticket.not_before = 0.0
        if queue:
            ticket.priority, ticket.order = _between(queue, at)
    order = [*queue[:at], (run, ticket), *queue[at:]]
    ranks = [each.rank[:2] for _, each in order]
    if any(one >= two for one, two in itertools.pairwise(ranks[max(0, at - 1) : at + 2])):
        _spread(order)
    freed = f"; it waits no longer for {', '.join(lost)}" if lost else ""
    return f"{run.id} is number {at + 1} of {len(queue) + 1} in the queue{freed}"


def _between(queue: Sequence[tuple[Run, Ticket]], at: int) -> tuple[int, float]:
    """Return the priority and order of a run that comes before number ``at``, as near as numbers allow."""
    if at == len(queue):
        last = queue[-1][1]
        return last.priority, last.rank[1] + 1
    following = queue[at][1]
    if at == 0 or queue[at - 1][1].priority != following.priority:
        return following.priority, following.rank[1] - 1
    return following.priority, (queue[at - 1][1].rank[1] + following.rank[1]) / 2


def _spread(queue: Sequence[tuple[Run, Ticket]]) -> None:
    """Number the runs anew, in their order, where their numbers have become too close."""
    for number, (run, _) in enumerate(queue):
        with contextlib.suppress(StoreError), _changing(run) as ticket:  # one that has begun needs no number
            ticket.order = float(number)


def _never_finishes(store: Store, name: str) -> bool:
    run = Run(store.root / name)
    return not run.path.is_dir() or status_of(run).state in RESUMABLE


@contextlib.contextmanager
def _changing(run: Run) -> Iterator[Ticket]:
    """Give a queued run's ticket out to be changed, and put it back."""
    refusal = StoreError(f"{run.id} does not wait in the queue")
    if run.ticket() is None:
        raise refusal
    with run.hold():  # so that no worker starts it meanwhile
        if (ticket := run.ticket()) is None:
            raise refusal
        yield ticket
        run.put(ticket)
