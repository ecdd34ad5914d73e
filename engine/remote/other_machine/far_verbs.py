"""What a near end may ask to be done with a run that it brought here: what the user here may, by the same functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.queue.move_and_hold import Where
from engine.queue.notifier import TELLS_NOBODY
from engine.queue.worker import ensure_worker
from engine.remote import verbs
from engine.remote.other_machine.received_runs import own_carried
from engine.runs.liveness import status_of
from engine.runs.store import Run, Store, StoreError
from engine.runs.trash import throw_away

PATIENCE_S = 20.0
"""Seconds that a run has for each step of being ended."""


def do(store: Store, name: str, verb: str, words: Sequence[str]) -> str:
    """Do something with a run and return in words what will happen.

    Args:
        store: The folder of runs here.
        name: The run's id.
        verb: One of ``engine.sites.far_end_messages.Do``.
        words: Where to, for ``move``; the number, for ``priority``.

    Raises:
        StoreError: It is not there, or in no state for that.
    """
    return _VERBS[verb](store, own_carried(store, name), words)


def _cancel(_store: Store, run: Run, _words: Sequence[str]) -> str:
    """Take a run out of the queue, or end it by whatever it takes."""
    said: list[str] = []
    if status_of(run).state == "queued":
        return verbs.cancel(run)
    ended = verbs.force_stop(run, said.append, PATIENCE_S)
    return "; ".join([*said, ended])


def _release(store: Store, run: Run, _words: Sequence[str]) -> str:
    said = verbs.hold(run, release=True)
    ensure_worker(store, *TELLS_NOBODY)
    return said


def _move(store: Store, run: Run, words: Sequence[str]) -> str:
    if len(words) != 1:
        raise StoreError("move takes one word: first, last, or the run that it comes before")
    ends: dict[str, Where] = {"first": "first", "last": "last"}
    return verbs.move(store, run, ends.get(words[0]) or own_carried(store, words[0]))


def _prioritize(_store: Store, run: Run, words: Sequence[str]) -> str:
    try:
        (priority,) = map(int, words)
    except ValueError:
        raise StoreError("priority takes a whole number") from None
    return verbs.prioritize(run, priority)


def _remove(store: Store, run: Run, _words: Sequence[str]) -> str:
    if why := verbs.why_not_thrown_away(run):
        raise StoreError(why)
    throw_away(store, run)
    return f"{run.id} is in the trash there"


_VERBS: dict[str, Callable[[Store, Run, Sequence[str]], str]] = {
    "stop": lambda _store, run, _words: verbs.request_stop(run, "stop-after-epoch"),
    "stop-now": lambda _store, run, _words: verbs.request_stop(run, "stop-now"),
    "cancel": _cancel,
    "hold": lambda _store, run, _words: verbs.hold(run),
    "release": _release,
    "move": _move,
    "priority": _prioritize,
    "rm": _remove,
}
