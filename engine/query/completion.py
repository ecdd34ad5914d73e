"""What a filter that is being written could become: keys, operators and values for Tab to choose from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import get_args

from engine.catalog.metrics import metric_of
from engine.query.fields import find_key, known_keys
from engine.query.matching import OPERATORS, ORDER, WORD, quoted
from engine.runs.status import State

_PIECE = re.compile(r"""[\s|]+|"(?:[^"\\]|\\.)*\\?(?:"|\Z)|'[^']*(?:'|\Z)|,|[^\s"',|]+""", re.DOTALL)
"""What a text is made of while it is being written: spaces, bars, commas, and pieces; the last may lack its quote."""


def complete(text: str, cursor: int, values: Mapping[str, Iterable[str]] | None = None) -> list[str]:
    """Return what the text before the cursor could become, for Tab to choose from; empty when nothing is known.

    Args:
        text: A filter, perhaps not whole yet.
        cursor: How many characters of it stand before the cursor.
        values: The values that keys are known to have, by key. Metrics among the keys are offered as keys.
    """
    offered = values or {}
    before = text[:cursor]
    term = value = 0
    for piece in _PIECE.finditer(before):
        if piece[0][0] == "|" or piece[0][0].isspace():
            term = value = piece.end()
        elif piece[0] == ",":
            value = piece.end()
    term += len(before[term:]) - len(before[term:].lstrip("-!"))
    word = WORD.match(before, term)
    sign = re.compile("[=!~<>]+").match(before, word.end()) if word is not None else None
    if word is None or sign is None:
        return [before[:term] + name for name in _keys_like(before[term:], offered)]
    value = max(value, sign.end())
    key = find_key(word[0], offered.keys())
    names = {} if key is None else dict.fromkeys((*key.choices, *offered.get(key.name, ())))
    begun = before[value:].lstrip("\"'").casefold()
    return [before[:value] + quoted(name) for name in names if name.casefold().startswith(begun)]


def _keys_like(begun: str, offered: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the keys that begin so, or else the states; of a whole key, the operators that can follow it."""
    if (
        begun
        and (key := find_key(begun, offered)) is not None
        and (begun in offered or begun in known_keys())
    ):
        kinds = (
            OPERATORS[:4]
            if key.kind == "text"
            else OPERATORS
            if key.kind == "any"
            else (*OPERATORS[:2], *ORDER)
        )
        return [begun + sign for sign in kinds]
    metrics = [name for name in offered if name not in known_keys()]
    names = dict.fromkeys((*known_keys(), *metrics, *(f"best:{name}" for name in metrics)))
    if begun.startswith(("highest:", "lowest:")):
        kept = ((name, metric_of(name).kind.extreme) for name in metrics)
        names |= dict.fromkeys(f"{extreme}:{name}" for name, extreme in kept if extreme is not None)
    states = [f"state={state}" for state in get_args(State) if begun and state.startswith(begun)]
    return [name for name in names if name.startswith(begun)] or states
