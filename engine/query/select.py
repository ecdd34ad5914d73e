"""The runs that a filter, an order and a limit ask for."""

from __future__ import annotations

import functools
import itertools
import time

from engine.runs.liveness import status_of
from engine.runs.status import Status
from engine.runs.store import Store


def select_runs(
    store: Store, terms: str = "", sort: str | None = None, limit: int | None = None
) -> list[Status]:
    """Return how the runs go that are asked for.

    Args:
        store: Where they are.
        terms: A filter; empty for all.
        sort: The key to order them by, with a ``-`` before it the most first; None for oldest first.
        limit: How many: the first of the order that is asked for, the newest where none is.

    Raises:
        UserError: The filter or the key cannot be understood.
    """
    runs = store.runs()
    if not terms.strip() and sort is None:
        return [status_of(run) for run in (runs if limit is None else runs[max(0, len(runs) - limit) :])]
    from engine.query.fields import Subject, measured_by
    from engine.query.parser import parse
    from engine.query.sorting import in_order
    from engine.runs.labels import labels_of

    condition, now = parse(terms, lambda: measured_by(map(status_of, runs))), time.time()
    newest_first = (
        Subject(status_of(run), run.config, functools.partial(labels_of, run), now) for run in reversed(runs)
    )
    meant = (subject for subject in newest_first if condition.matches(subject))
    if sort is not None:
        return [subject.status for subject in in_order(list(meant)[::-1], sort)[:limit]]
    return [subject.status for subject in itertools.islice(meant, limit)][::-1]


def nothing_fits(store: Store, terms: str) -> str:
    """Return what to say of a filter that finds no run, with what would find some where that is known."""
    said = advice_on(store, terms)
    return f"no run in {store.root} fits: {terms}{'; ' * bool(said)}{said}"


def advice_on(store: Store, terms: str) -> str:
    """Return why a filter finds no run, or what would find some; empty where neither is known."""
    from engine.query.fields import measured_by
    from engine.query.nothing_found import advice
    from engine.query.parser import parse

    statuses = [status_of(run) for run in store.runs()]
    return advice(
        parse(terms, lambda: measured_by(statuses)),
        lambda other: bool(select_runs(store, str(other), limit=1)),
        {status.experiment for status in statuses if status.experiment},
        [status.run for status in statuses],
    )
