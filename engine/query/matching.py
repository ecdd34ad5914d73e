"""Whether a run is one that a filter means: the terms of a filter, and what each compares."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from engine.query.fields import FilterKey, Subject, find_key, known_keys, unknown_choice
from engine.query.units import Number, read_number

OPERATORS = ("=", "!=", "~", "!~", "<", "<=", ">", ">=")
ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_COMPARE = {"=": operator.eq, "~": operator.contains} | ORDER
_OPPOSITES = {"!=": "=", "!~": "~"}
RESERVED = ("not", "and", "or")
WORD = re.compile(r"""[^\s=!~<>,|"'][^\s=!~<>,|]*""")
"""A key, or a word alone."""


class Term(NamedTuple):
    """A part of a filter."""

    key: str
    """What is compared; empty for a word alone."""
    operator: str
    values: tuple[str, ...]
    """One of these has to fit."""
    negated: bool = False
    alternative: bool = False
    """Whether it is enough that this one or the term before it holds: a bar stands between them."""

    def __str__(self) -> str:
        values = ",".join(quoted(value) for value in self.values)
        return f"{'-' if self.negated else ''}{self.key}{self.operator}{values}"


class Filter:
    """Says of a run whether it is meant. Its text is the filter, written in one certain way.

    Args:
        terms: What has to hold, or of alternatives in a row one; the key of each is one of ``engine.query.fields`` or
            a metric's name.
    """

    def __init__(self, terms: Iterable[Term]) -> None:
        self.terms = tuple(terms)
        groups: list[list[_Test]] = []
        for term in self.terms:
            if not term.alternative or not groups:
                groups.append([])
            groups[-1].append(_test(term))
        tests = [_any_of(sorted(group, key=_is_slow)) for group in groups]
        self._tests = [test for _, test in sorted(tests, key=_is_slow)]

    def __str__(self) -> str:
        signs = ("" if at == 0 else " | " if term.alternative else " " for at, term in enumerate(self.terms))
        return "".join(f"{sign}{term}" for sign, term in zip(signs, self.terms, strict=True))

    def inside(self) -> tuple[Filter, str] | None:
        """Return the filter that looks inside texts where this one compares them whole, and its terms that do so.

        Returns:
            None where no term compares a whole text.
        """
        terms = [
            term._replace(operator="~")
            if term.operator == "="
            and not term.negated
            and (key := find_key(term.key, (term.key,))) is not None
            and key.kind == "text"
            else term
            for term in self.terms
        ]
        others = [str(term) for term, own in zip(terms, self.terms, strict=True) if term != own]
        return (Filter(terms), " ".join(others)) if others else None

    def words(self) -> list[str]:
        """Return the words alone that it looks for in names and tags."""
        return [word for term in self.terms if not term.key and not term.negated for word in term.values]

    def unknown_choices(self) -> str:
        """Return what to say of values that their keys do not have in vitui, as `optimizer=adm`; empty without one.

        Runs of other programs may have them, so that this is said only where the filter finds nothing.
        """
        terms = [(find_key(term.key), term) for term in self.terms if term.key and not term.negated]
        return "; ".join(
            unknown_choice(key, value)
            for key, term in terms
            if key is not None and key.choices and term.operator in ("=", "~")
            for value in term.values
            if is_no_choice(key, term.operator, value)
        )

    def matches(self, subject: Subject) -> bool:
        """Return whether the terms hold for a run. Files are read only if what is at hand does not decide."""
        return all(test(subject) for test in self._tests)


_Test = tuple[bool, Callable[[Subject], bool]]
"""Whether a file has to be read for something, and what says whether it holds."""


def _is_slow(test: _Test) -> bool:
    return test[0]


def _any_of(tests: Sequence[_Test]) -> _Test:
    if len(tests) == 1:
        return tests[0]
    return any(map(_is_slow, tests)), lambda subject: any(holds(subject) for _, holds in tests)


def _test(term: Term) -> _Test:
    """Return whether a file has to be read for a term, and what says whether it holds."""
    key = find_key(term.key, (term.key,)) if term.key else None
    if key is None:
        words = [word.casefold() for word in term.values]
        return True, lambda subject: _mentions(subject, words) != term.negated
    operands = [(value.casefold(), read_number(value, key.kind)) for value in term.values]
    sign = _OPPOSITES.get(term.operator, term.operator)
    value, opposite, negated = key.value, sign != term.operator, term.negated

    def holds(subject: Subject) -> bool:
        field = value(subject)
        if field is None:
            return negated
        field = field if isinstance(field, list | tuple) else (field,)
        fits = any(_fits(item, sign, text, number) for item in field for text, number in operands)
        return (fits != opposite) != negated

    return key.slow, holds


def _mentions(subject: Subject, words: list[str]) -> bool:
    """Return whether a run has one of the words in its id, its experiment or its tags."""
    status = subject.status
    if any(word in status.run.casefold() or word in status.experiment.casefold() for word in words):
        return True
    return any(_fits(tag, "~", word, None) for tag in subject.tags for word in words)


def _fits(field: object, sign: str, text: str, number: Number | None) -> bool:
    """Return whether a value of a run fits a value of the filter: ``text`` in small letters, or a number."""
    if isinstance(field, bool):
        field = str(field)
    if isinstance(field, int | float) and sign != "~":
        return number is not None and _COMPARE[sign](field, number)
    return isinstance(field, str) and sign not in ORDER and _COMPARE[sign](field.casefold(), text)


def is_no_choice(key: FilterKey, sign: str, value: str) -> bool:
    """Return whether a value, or for ``~`` a part of one, is none of those that a key can have."""
    low = value.casefold()
    return low not in key.choices if sign in ("=", "!=") else not any(low in choice for choice in key.choices)


def quoted(value: str) -> str:
    """Return a value as it stands in a filter: in quotes if need be."""
    if (
        re.fullmatch(r"[\w./+%][\w./+%:-]*", value)
        and value not in RESERVED
        and key_before_colon(value) is None
    ):
        return value
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def key_before_colon(word: str) -> FilterKey | None:
    """Return the key of ``state:failed``, as other programs write it."""
    key, colon, _ = word.partition(":")
    return known_keys().get(key) if colon else None
