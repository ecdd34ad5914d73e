"""Where in a TOML file each key stands, so that a mistake can be shown with its line and column.

tomli parses but keeps no positions. Here the text is cut into statements, with tomli itself as the judge of
where one ends: the fewest lines, from its first, that parse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

KeyPath = tuple[str, ...]

_ASSIGNMENT = re.compile(r"""\s*((?:"(?:[^"\\]|\\.)*"|'[^']*'|[\w\-.]|\s)+?)\s*=\s*""")


class Position(NamedTuple):
    """A position in a file, both counted from 1."""

    line: int
    column: int


class TomlStatement(NamedTuple):
    """A table's header, or a key and its value."""

    line: int
    """The first line, counted from 1."""
    lines: list[str]
    table: KeyPath
    """The table that it opens, or stands in."""
    key: KeyPath
    """The key from the table on; empty for a header."""
    value: int
    """The column of the value in the first line, counted from 1; 0 for a header."""


class Positions:
    """The positions of all tables, keys and values of a TOML text that parses."""

    def __init__(self, text: str) -> None:
        self._keys: dict[KeyPath, Position] = {}
        self._values: dict[KeyPath, Position] = {}
        for line, lines, table, key, value in statements(text):
            path = table + key
            position = Position(line, len(lines[0]) - len(lines[0].lstrip()) + 1)
            for depth in range(len(table) + 1 if key else 1, len(path) + 1):
                self._keys.setdefault(path[:depth], position)
            if key:
                self._values[path] = Position(line, value)

    def key(self, *path: str) -> Position:
        """Return where a key or table begins; for one inside an inline table, where the table's key does."""
        return _nearest(self._keys, path)

    def value(self, *path: str) -> Position:
        """Return where a key's value begins."""
        return self._values.get(path) or self.key(*path)


def statements(text: str) -> Iterator[TomlStatement]:
    """Yield what a TOML text that parses says, in order; comments and blank lines are passed over."""
    import tomli  # positions are known to lists of runs, which read no TOML

    table: KeyPath = ()
    for line, lines in _pieces(text):
        if lines[0].lstrip().startswith("["):
            table = _path(tomli.loads(lines[0]))
            yield TomlStatement(line, lines, table, (), 0)
        elif match := _ASSIGNMENT.match(lines[0]):
            yield TomlStatement(line, lines, table, _path(tomli.loads(f"{match[1]} = 0")), match.end() + 1)


def _nearest(places: dict[KeyPath, Position], path: KeyPath) -> Position:
    while path and path not in places:
        path = path[:-1]
    return places.get(path, Position(1, 1))


def _pieces(text: str) -> Iterator[tuple[int, list[str]]]:
    lines = text.split("\n")  # splitlines would also cut at characters that TOML takes as text
    start = 0
    while start < len(lines):
        end = start + 1
        if lines[start].strip() and not lines[start].lstrip().startswith("#"):
            while end < len(lines) and not _parses("\n".join(lines[start:end])):
                end += 1
            yield start + 1, lines[start:end]
        start = end


def _parses(text: str) -> bool:
    import tomli

    try:
        tomli.loads(text)
    except tomli.TOMLDecodeError:
        return False
    return True


def _path(document: Any) -> KeyPath:
    """Return the path to the only leaf of a document that one header or one key makes."""
    path: KeyPath = ()
    while document:
        if isinstance(document, list):
            document = document[0]
            continue
        key, document = next(iter(document.items()))
        path = (*path, key)
    return path
