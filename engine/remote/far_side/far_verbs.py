"""What a near end may ask to be done with a run that it brought here: what the user here may, by the same functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.queue import order
from engine.queue.stop_and_resume import request_stop
from engine.queue.worker import ensure_worker
from engine.remote.far_side.carried_runs import own_carried
from engine.runs.store import Run, Store, StoreError
from engine.runs.trash import throw_away


def do(store: Store, name: str, verb: str, words: Sequence[str]) -> str:
    """Do something with a run and return in words what will happen.

    Args:
        store: The folder of runs here.
        name: The run's id.
        verb: One of ``engine.sites.messages.Do``.
        words: Where to, for ``move``; the number, for ``priority``.

    Raises:
        StoreError: It is not there, or in no state for that.
    """
    return _VERBS[verb](store, own_carried(store, name), words)


def _release(store: Store, run: Run, _words: Sequence[str]) -> str:
    said = order.hold(run, release=True)
    ensure_worker(store)
    return said


def _move(store: Store, run: Run, words: Sequence[str]) -> str:
    if len(words) != 1:
        raise StoreError("move takes one word: first, last, or the run that it comes before")
    ends: dict[str, order.Where] = {"first": "first", "last": "last"}
    return order.move(store, run, ends.get(words[0]) or own_carried(store, words[0]))


def _prioritize(_store: Store, run: Run, words: Sequence[str]) -> str:
    try:
        (priority,) = map(int, words)
    except ValueError:
        raise StoreError("priority takes a whole number") from None
    return order.prioritize(run, priority)


def _remove(store: Store, run: Run, _words: Sequence[str]) -> str:
    throw_away(store, run)
    return f"{run.id} is in the trash there"


_VERBS: dict[str, Callable[[Store, Run, Sequence[str]], str]] = {
    "stop": lambda _store, run, _words: request_stop(run, "stop-after-epoch"),
    "stop-now": lambda _store, run, _words: request_stop(run, "stop-now"),
    "cancel": lambda _store, run, _words: request_stop(run, "stop-now"),
    "hold": lambda _store, run, _words: order.hold(run),
    "release": _release,
    "move": _move,
    "priority": _prioritize,
    "rm": _remove,
}
