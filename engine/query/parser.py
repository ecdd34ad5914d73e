"""The filter language of ``engine ls`` and the app: which runs are meant.

::

    state=failed,crashed model~vit test/f1>0.8 age<2d -tag=old note~"out of memory" vit | hybrid

Terms stand side by side, and all of them have to hold; of those with ``|`` between them, one. A term compares what a
key stands for (``engine.query.fields``) with a value or, for ``= != ~ !~``, with several, of which one has to fit.
``~`` asks for a part of a text; capitals do not matter. ``-``, ``!`` or ``not`` before a term turns it round. A word
alone is looked for in a run's id, experiment and tags.
What holds spaces, commas or bars stands in quotes. What a run does not have is neither like nor unlike anything:
``test/f1>0.8`` and ``test/f1<=0.8`` are both false before it has been measured.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import NoReturn

from engine.errors import UserError
from engine.query.fields import FilterKey, key_meant, key_names, unknown_choice
from engine.query.matching import (
    OPERATORS,
    ORDER,
    RESERVED,
    WORD,
    Filter,
    Term,
    is_no_choice,
    key_before_colon,
)
from engine.query.units import EXAMPLES, read_number
from engine.text import cells

_MEANT = {
    "==": "=", "=~": "~", "~=": "~", "=<": "<=", "=>": ">=", "<>": "!=", "!": "!=", "=!": "!=", "!==": "!=",
}  # fmt: skip
"""What people write for an operator, having another language in mind."""


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


_SPACE = re.compile(r"\s*")
_SOME_SPACE = re.compile(r"\s+")
_OPERATOR = re.compile(r"\s*(?!(?<=\s)!+[^=!~<>\s])([=!~<>]+)\s*")
"""What compares; in ``vit !bit`` the sign belongs to the term that follows."""
_BAR = re.compile(r"\s*(\|+)\s*")
_VALUE = re.compile(r"""[^\s,|"'][^\s,|]*""")
_QUOTED = re.compile(r""""((?:[^"\\]|\\.)*)"|'([^']*)'""", re.DOTALL)
_SIGN = re.compile(r"-|!(?![=~])|not(?=\s|\Z)\s*")


class _Parser:
    """Reads a text from left to right."""

    def __init__(self, text: str, metrics: Metrics) -> None:
        self.text = text
        self._metrics = metrics
        self.at = 0

    def terms(self) -> Iterator[Term]:
        self._take(_SPACE)
        if (bar := self._take(_BAR)) is not None:
            self._fail(bar.start(1), bar.end(1), f"a term is missing before {bar[1]!r}")
        behind: Term | None = None
        while self.at < len(self.text):
            start, term = self.at, self._term()
            if behind is not None:
                self._check_values(behind, term, start)
            yield term._replace(alternative=behind is not None)
            behind = term if self._bar() else None

    def _bar(self) -> bool:
        """Pass over what stands between two terms, and return whether one of the two is enough."""
        if (bar := self._take(_BAR)) is not None:
            if bar[1] != "|":
                self._fail(bar.start(1), bar.end(1), f"unknown sign {bar[1]!r}; did you mean '|'?")
            if self.at == len(self.text):
                self._fail(bar.start(1), bar.end(1), "a term is missing behind '|'")
            return True
        if self.at < len(self.text) and self._take(_SOME_SPACE) is None:
            self._fail(
                self.at, self.at + 1, f"found {self.text[self.at]!r} where a space or the end should be"
            )
        return False

    def _check_values(self, one: Term, other: Term, start: int) -> None:
        """Refuse ``model~vit|hybrid``: a bar is between terms, and another value of a key behind a comma."""
        if one.key and not other.key and self.text[start - 1] == "|" and not self.text[start - 2].isspace():
            meant = Term(one.key, one.operator, (*one.values, *other.values), one.negated)
            if other.negated or not self._is_filter(str(meant)):
                return  # there is no such list of values: two terms are meant
            self._fail(start - 1, start, f"'|' stands between terms; for one of several values write {meant}")

    def _is_filter(self, text: str) -> bool:
        try:
            parse(text, self._metrics)
        except FilterError:
            return False
        return True

    def _term(self) -> Term:
        negated = self._signs()
        start = self.at
        word = self._take(WORD)
        sign = self._take(_OPERATOR)
        if sign is None:
            self.at = start
            return Term("", "", tuple(self._words()), negated)
        if word is None:
            self._fail(start, sign.end(1), f"a key is missing before {sign[1]!r}. {key_names()}")
        key = self._key(word[0], start)
        self._check_operator(key, sign)
        return Term(key.name, sign[1], tuple(self._values(key, sign[1])), negated)

    def _signs(self) -> bool:
        """Pass over what negates the term that follows, and return whether it does."""
        negated = False
        while sign := self._take(_SIGN):
            negated = not negated
            after = self.text[self.at : self.at + 1]
            if not after or (sign[0] in "-!" and after.isspace()):
                self._fail(sign.start(), sign.end(), "nothing follows that could be turned round")
        return negated

    def _key(self, name: str, start: int) -> FilterKey:
        try:
            return key_meant(name, self._metrics)
        except UserError as error:
            self._fail(start, start + len(name), str(error))

    def _check_operator(self, key: FilterKey, match: re.Match[str]) -> None:
        sign = match[1]
        wrong = ""
        if sign not in OPERATORS:
            meant = f"; did you mean {_MEANT[sign]!r}?" if sign in _MEANT else "."
            wrong = f"unknown operator {sign!r}{meant} Known: {' '.join(OPERATORS)}"
        elif key.kind == "text" and sign in ORDER:
            wrong = f"{key.name} is text, which is not more or less: compare it with = != ~ or !~"
        elif key.kind in EXAMPLES and sign in ("~", "!~"):
            wrong = f"{key.name} is a number, which has no parts: compare it with = != < <= > or >="
        if wrong:
            self._fail(match.start(1), match.end(1), wrong)

    def _values(self, key: FilterKey, sign: str) -> Iterator[str]:
        first = self.at
        for start, value in self._list(_VALUE, f'a value is missing after {sign!r}; "" is an empty one'):
            wrong = ""
            if start > first and sign in ORDER:
                wrong = f"{sign!r} takes one value"
            elif (key.kind in EXAMPLES or sign in ORDER) and read_number(value, key.kind) is None:
                example = EXAMPLES.get(key.kind, EXAMPLES["number"])
                wrong = f"{key.name} is compared with {example}, not with {value!r}"
            elif key.name == "state" and is_no_choice(key, sign, value):
                wrong = unknown_choice(key, value)
            if wrong:
                self._fail(start, self.at, wrong)
            yield value

    def _words(self) -> Iterator[str]:
        for start, word in self._list(WORD, "a word is missing"):
            plain = self.text[start] not in "\"'"
            if plain and word in RESERVED:
                advice = (
                    "one of two terms is meant with '|' between them"
                    if word == "or"
                    else "all terms have to hold"
                )
                advice += "; for one of several values write key=this,that"
                self._fail(start, self.at, f"{word!r} joins nothing: {advice}. In quotes it is a word")
            if plain and (key := key_before_colon(word)) is not None:
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
