"""Why a filter finds nothing, or what would find something: for ``engine ls``, exports and the app's filter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from engine.query.matching import Filter, Term
from engine.text import closest, did_you_mean

ALIKE = 0.7
"""How much like a part of a name a word has to be, from 0 to 1: as a filter it would be found there."""
MOST_RUNS = 400
"""How many ids of runs are compared with a word, the newest: the app does so with each key."""


def advice(
    condition: Filter, finds: Callable[[Filter], bool], experiments: Collection[str], runs: Sequence[str]
) -> str:
    """Return what to say of a filter that finds nothing; empty where nothing is known.

    Args:
        condition: The filter.
        finds: Returns whether another filter finds something.
        experiments: The names of all experiments.
        runs: The ids of all runs, the newest last.
    """
    inside = condition.inside()
    if inside is not None and finds(inside[0]):
        return f"{inside[1]} looks inside"
    return condition.unknown_choices() or _name_meant(condition, finds, experiments, runs)


def _name_meant(
    condition: Filter, finds: Callable[[Filter], bool], experiments: Collection[str], runs: Sequence[str]
) -> str:
    """Return which experiment or run is meant by the first word that no name and no tag has; empty for none."""
    names = sorted(filter(str.isprintable, experiments))  # what can be typed
    for word in condition.words():
        name = (
            closest(word, names)
            or _begun_so(word, names)
            or closest(word, filter(str.isprintable, runs[-MOST_RUNS:]))
        )
        if name is not None and not _is_found(word, condition, finds, [*names, *runs]):
            return did_you_mean(name).removeprefix("; ")
    return ""


def _is_found(word: str, condition: Filter, finds: Callable[[Filter], bool], names: Collection[str]) -> bool:
    """Return whether a word of a filter that finds nothing finds something by itself."""
    if len(condition.terms) == 1:
        return False
    return any(word.casefold() in name.casefold() for name in names) or finds(Filter([Term("", "", (word,))]))


def _begun_so(word: str, names: Sequence[str]) -> str | None:
    """Return the first name whose beginning, or one of whose parts, is much like a word; None if there is none."""
    pieces: dict[str, str] = {}
    for name in names:
        for piece in (name[: len(word)], *name.split("-")):
            pieces.setdefault(piece, name)
    like = closest(word, pieces, ALIKE)
    return None if like is None else pieces[like]
