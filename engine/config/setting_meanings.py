"""What each key of an experiment means, for people: the words that stand below its field in the schema.

The form shows and searches them, and an unknown key leads by them to the one that is meant.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import pairwise

from engine.config.schema import Experiment
from engine.text import closest, did_you_mean

ALIKE = 0.8
"""How much like words of a meaning an unknown key has to be, from 0 to 1."""

_WORDS = {
    "model": "arch architecture network net backbone",
    "dataset": "data",
    "batch_size": "bs batch batchsize",
    "optimizer": "opt optim optimiser",
    "weight_decay": "wd",
    "schedule": "scheduler lr_scheduler",
    "precision": "amp dtype",
    "seed": "random_seed",
    "notes": "comment description remark",
}
_MEANT = {word: key for key, words in _WORDS.items() for word in words.split()}
"""The key that is meant by what other programs call it, where that is no word of its meaning."""


def meaning_of(key: str) -> str:
    """Return in a sentence or two what a key of an experiment means; empty for an unknown one and for options."""
    return _meanings().get(key, "")


def nearest_key(name: str, known: Iterable[str]) -> str:
    """End a sentence on an unknown key: ``; did you mean 'lr'?`` with the key that is meant, or a dot."""
    return did_you_mean(key_like(name, known))


def key_like(name: str, known: Iterable[str]) -> str | None:
    """Return the key that is meant by an unknown one; None where none is like it.

    Args:
        name: The unknown key. ``learning_rate`` and ``leraning_rate`` are what ``lr`` means: the peak learning rate.
        known: The keys that there are, among them those of an experiment.
    """
    names = list(known)
    meant = _MEANT.get(name.casefold())
    if meant in names:
        return meant
    meant = _key_meaning(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name))
    return meant if meant in names else closest(name, names)


def _key_meaning(words: list[str]) -> str | None:
    """Return the key whose meaning is hardly more than some words, as they are or misspelt; None if there is none."""
    import difflib

    if len(words) < 2:
        return None
    matcher = difflib.SequenceMatcher(b=" ".join(words).casefold())
    best, likeness = None, ALIKE
    for key, meaning in _meanings().items():
        of_meaning = re.findall(r"[a-z]+", meaning.casefold())
        if len(of_meaning) > 2 * len(words):  # the words are one thing of several that it speaks of
            continue
        for start in range(len(of_meaning) - len(words) + 1):
            matcher.set_seq1(" ".join(of_meaning[start : start + len(words)]))
            if matcher.real_quick_ratio() > likeness and (ratio := matcher.ratio()) > likeness:
                best, likeness = key, ratio
    return best


@cache
def _meanings() -> Mapping[str, str]:
    """Return the text below each field of the schema, on one line; the class itself does not keep them."""
    (definition,) = ast.parse(inspect.getsource(Experiment)).body
    assert isinstance(definition, ast.ClassDef)  # noqa: S101  what it is the source of
    return {
        field.target.id: " ".join(inspect.cleandoc(text.value.value).split())
        for field, text in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if isinstance(text.value.value, str)
    }
