"""The filter language of ``engine ls`` and the app: which runs are meant.

::

    state=failed,crashed model~vit test/f1>0.8 age<2d -tag=old note~"out of memory" quick

Terms stand side by side, and all of them have to hold. A term compares what a key stands for
(``engine.query.fields``) with a value or, for ``= != ~ !~``, with several, of which one has to fit. ``~`` asks for a
part of a text; capitals do not matter. ``-`` or ``not`` before a term turns it round. A word alone is looked for in a
run's id, experiment and tags.
What holds spaces or commas stands in quotes. What a run does not have is neither like nor unlike anything:
``test/f1>0.8`` and ``test/f1<=0.8`` are both false before it has been measured.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, NoReturn

from engine.catalog.metrics import metric_of
from engine.errors import UserError
from engine.query.fields import FilterKey, Subject, find_key, known_keys, measured_by
from engine.query.units import EXAMPLES, Number, read_number
from engine.text import cells

OPERATORS = ("=", "!=", "~", "!~", "<", "<=", ">", ">=")
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_COMPARE = {"=": operator.eq, "~": operator.contains} | _ORDER
_OPPOSITES = {"!=": "=", "!~": "~"}
_MEANT = {
    "==": "=", "=~": "~", "~=": "~", "=<": "<=", "=>": ">=", "<>": "!=", "!": "!=", "=!": "!=", "!==": "!=",
}  # fmt: skip
"""What people write for an operator, having another language in mind."""
_RESERVED = ("not", "and", "or")


class FilterError(UserError):
    """A filter cannot be understood.

    Args:
        text: The whole filter.
        start: Where in it the mistake begins, in characters from 0.
        end: Where the mistake ends.
        message: What is wrong, and what would be right.
    """

    def __init__(self, text: str, start: int, end: int, message: str) -> None:
        printable = "".join(c if c.isprintable() else " " for c in text)
        mark = " " * cells(printable[:start]) + "^" * max(1, cells(printable[start:end]))
        super().__init__(f"filter, character {start + 1}: {message}\n  {printable}\n  {mark}")
        self.text, self.start, self.end, self.message = text, start, end, message


class Term(NamedTuple):
    """A part of a filter."""

    key: str
    """What is compared; empty for a word alone."""
    operator: str
    values: tuple[str, ...]
    """One of these has to fit."""
    negated: bool = False

    def __str__(self) -> str:
        values = ",".join(quoted(value) for value in self.values)
        return f"{'-' if self.negated else ''}{self.key}{self.operator}{values}"


class Filter:
    """Says of a run whether it is meant. Its text is the filter, written in one certain way.

    Args:
        terms: What has to hold; the key of each is one of ``engine.query.fields`` or a metric's name.
    """

    def __init__(self, terms: Iterable[Term]) -> None:
        self.terms = tuple(terms)
        tests = [_test(term) for term in self.terms]
        self._tests = [test for _, test in sorted(tests, key=lambda pair: pair[0])]

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def matches(self, subject: Subject) -> bool:
        """Return whether all terms hold for a run. Files are read only if what is at hand does not decide."""
        return all(test(subject) for test in self._tests)


Metrics = Callable[[], Collection[str]]
"""Returns what the runs at hand have measured; it is called where a name is no other key."""


def parse(text: str, metrics: Metrics = tuple) -> Filter:
    """Return the filter that a text says; an empty one means all runs.

    Args:
        text: The filter.
        metrics: What the runs have measured: their names are keys without a slash too.

    Raises:
        FilterError: It cannot be understood; the message says where, what was found and what would be right.
    """
    return Filter(_Parser(text, metrics).terms())


def unknown_key(name: str, metrics: Collection[str] = ()) -> str:
    """Return what to say of a name that is no key: the nearest one, or all."""
    from engine.text import nearest

    hint = nearest(name, (*known_keys(), *metrics))
    return f"unknown key {name!r}{hint}" + (f" {_key_names()}" if hint == "." else "")


def _key_names() -> str:
    names = ", ".join(known_keys())
    return f"Known: {names}, options.NAME, and metrics such as test/f1, best:test/f1 or highest:test/f1"


def in_order(subjects: Iterable[Subject], by: str) -> list[Subject]:
    """Return runs in the order of a key, those without a value last; a ``-`` before the key puts the most first.

    Raises:
        UserError: There is no such key.
    """
    name, subjects = by.removeprefix("-"), list(subjects)
    if (key := find_key(name)) is None:
        metrics = measured_by(subject.status for subject in subjects)
        if (key := find_key(name, metrics)) is None:
            raise UserError(f"the runs cannot be sorted: {unknown_key(name, metrics)}")
    ranked = [(_rank(key.value(subject)), subject) for subject in subjects]
    having = [(rank, subject) for rank, subject in ranked if rank is not None]
    having.sort(key=lambda pair: pair[0], reverse=name != by)
    return [subject for _, subject in having] + [subject for rank, subject in ranked if rank is None]


def _rank(field: object) -> tuple[bool, Any] | None:
    """Return what puts a value into its place: numbers before texts; None for no value."""
    if isinstance(field, int | float) and not isinstance(field, bool):
        return False, field
    return None if field is None else (True, str(field).casefold())


def quoted(value: str) -> str:
    """Return a value as it stands in a filter: in quotes if need be."""
    if (
        re.fullmatch(r"[\w./+%][\w./+%:-]*", value)
        and value not in _RESERVED
        and _key_before_colon(value) is None
    ):
        return value
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def _test(term: Term) -> tuple[bool, Callable[[Subject], bool]]:
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
    return isinstance(field, str) and sign not in _ORDER and _COMPARE[sign](field.casefold(), text)


def _key_before_colon(word: str) -> FilterKey | None:
    """Return the key of ``state:failed``, as other programs write it."""
    key, colon, _ = word.partition(":")
    return known_keys().get(key) if colon else None


_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"""[^\s=!~<>,"'][^\s=!~<>,]*""")
_OPERATOR = re.compile(r"\s*([=!~<>]+)\s*")
_VALUE = re.compile(r"""[^\s,"'][^\s,]*""")
_QUOTED = re.compile(r""""((?:[^"\\]|\\.)*)"|'([^']*)'""", re.DOTALL)
_SIGN = re.compile(r"-|not(?=\s|\Z)\s*")


class _Parser:
    """Reads a text from left to right."""

    def __init__(self, text: str, metrics: Metrics) -> None:
        self.text = text
        self._metrics = metrics
        self.at = 0

    def terms(self) -> Iterator[Term]:
        self._take(_SPACE)
        while self.at < len(self.text):
            yield self._term()
            if self.at < len(self.text) and not self.text[self.at].isspace():
                self._fail(
                    self.at, self.at + 1, f"found {self.text[self.at]!r} where a space or the end should be"
                )
            self._take(_SPACE)

    def _term(self) -> Term:
        negated = self._signs()
        start = self.at
        word = self._take(_WORD)
        sign = self._take(_OPERATOR)
        if sign is None:
            self.at = start
            return Term("", "", tuple(self._words()), negated)
        if word is None:
            self._fail(start, sign.end(1), f"a key is missing before {sign[1]!r}. {_key_names()}")
        key = self._key(word[0], start)
        self._check_operator(key, sign)
        return Term(word[0], sign[1], tuple(self._values(key, sign[1])), negated)

    def _signs(self) -> bool:
        """Pass over what negates the term that follows, and return whether it does."""
        negated = False
        while sign := self._take(_SIGN):
            negated = not negated
            after = self.text[self.at : self.at + 1]
            if not after or (sign[0] == "-" and after.isspace()):
                self._fail(sign.start(), sign.end(), "nothing follows that could be turned round")
        return negated

    def _key(self, name: str, start: int) -> FilterKey:
        if (key := find_key(name)) is None:
            metrics = self._metrics()
            if (key := find_key(name, metrics)) is None:
                self._fail(start, start + len(name), unknown_key(name, metrics))
        return key

    def _check_operator(self, key: FilterKey, match: re.Match[str]) -> None:
        sign = match[1]
        wrong = ""
        if sign not in OPERATORS:
            meant = f"; did you mean {_MEANT[sign]!r}?" if sign in _MEANT else "."
            wrong = f"unknown operator {sign!r}{meant} Known: {' '.join(OPERATORS)}"
        elif key.kind == "text" and sign in _ORDER:
            wrong = f"{key.name} is text, which is not more or less: compare it with = != ~ or !~"
        elif key.kind in EXAMPLES and sign in ("~", "!~"):
            wrong = f"{key.name} is a number, which has no parts: compare it with = != < <= > or >="
        if wrong:
            self._fail(match.start(1), match.end(1), wrong)

    def _values(self, key: FilterKey, sign: str) -> Iterator[str]:
        first = self.at
        for start, value in self._list(_VALUE, f'a value is missing after {sign!r}; "" is an empty one'):
            wrong = ""
            if start > first and sign in _ORDER:
                wrong = f"{sign!r} takes one value"
            elif (key.kind in EXAMPLES or sign in _ORDER) and read_number(value, key.kind) is None:
                example = EXAMPLES.get(key.kind, EXAMPLES["number"])
                wrong = f"{key.name} is compared with {example}, not with {value!r}"
            elif key.name == "state" and sign in ("=", "!=") and value.casefold() not in key.choices:
                from engine.text import nearest

                wrong = f"no state {value!r}{nearest(value, key.choices)} Known: {', '.join(key.choices)}"
            if wrong:
                self._fail(start, self.at, wrong)
            yield value

    def _words(self) -> Iterator[str]:
        for start, word in self._list(_WORD, "a word is missing"):
            plain = self.text[start] not in "\"'"
            if plain and word in _RESERVED:
                advice = "all terms have to hold; for one of several values write key=this,that"
                self._fail(start, self.at, f"{word!r} joins nothing: {advice}. In quotes it is a word")
            if plain and (key := _key_before_colon(word)) is not None:
                meant = f"{key.name}={word.partition(':')[2]}"
                self._fail(start, self.at, f"{word!r} has no operator; did you mean {meant!r}?")
            yield word

    def _list(self, plain: re.Pattern[str], missing: str) -> Iterator[tuple[int, str]]:
        """Yield values with a comma between them, and where each begins."""
        while True:
            start = self.at
            yield start, self._value(plain, missing)
            if not self.text.startswith(",", self.at):
                return
            self.at += 1

    def _value(self, plain: re.Pattern[str], missing: str) -> str:
        if (match := self._take(_QUOTED)) is not None:
            return match[2] if match[1] is None else re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL)
        if self.text[self.at : self.at + 1] in ("'", '"'):
            self._fail(self.at, len(self.text), "this quote has no end")
        if (match := self._take(plain)) is None:
            self._fail(self.at, self.at + 1, missing)
        return match[0]

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Pass over what fits a pattern here, and return it; None if nothing does."""
        if (match := pattern.match(self.text, self.at)) is not None:
            self.at = match.end()
        return match

    def _fail(self, start: int, end: int, message: str) -> NoReturn:
        raise FilterError(self.text, start, end, message)


_PIECE = re.compile(r"""\s+|"(?:[^"\\]|\\.)*\\?(?:"|\Z)|'[^']*(?:'|\Z)|,|[^\s"',]+""", re.DOTALL)
"""What a text is made of while it is being written: spaces, commas, and pieces of which the last may lack its quote."""


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
        if piece[0].isspace():
            term = value = piece.end()
        elif piece[0] == ",":
            value = piece.end()
    term += len(before[term:]) - len(before[term:].lstrip("-"))
    word = _WORD.match(before, term)
    sign = re.compile("[=!~<>]+").match(before, word.end()) if word is not None else None
    if word is None or sign is None:
        return [before[:term] + name for name in _keys_like(before[term:], offered)]
    value = max(value, sign.end())
    key = find_key(word[0], offered.keys())
    names = {} if key is None else dict.fromkeys((*key.choices, *offered.get(key.name, ())))
    begun = before[value:].lstrip("\"'").casefold()
    return [before[:value] + quoted(name) for name in names if name.casefold().startswith(begun)]


def _keys_like(begun: str, offered: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the keys that begin so; where that is a key already, the operators that can follow it."""
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
            else (*OPERATORS[:2], *_ORDER)
        )
        return [begun + sign for sign in kinds]
    metrics = [name for name in offered if name not in known_keys()]
    names = dict.fromkeys((*known_keys(), *metrics, *(f"best:{name}" for name in metrics)))
    if begun.startswith(("highest:", "lowest:")):
        kept = ((name, metric_of(name).kind.extreme) for name in metrics)
        names |= dict.fromkeys(f"{extreme}:{name}" for name, extreme in kept if extreme is not None)
    return [name for name in names if name.startswith(begun)]
