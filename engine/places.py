"""Where in a TOML file each key stands, so that a mistake can be shown with its line and column.

tomli parses but keeps no positions. Here the text is cut into statements, with tomli itself as the judge of
where one ends: the fewest lines, from its first, that parse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import tomli

KeyPath = tuple[str, ...]

_ASSIGNMENT = re.compile(r"""\s*((?:"(?:[^"\\]|\\.)*"|'[^']*'|[\w\-.]|\s)+?)\s*=\s*""")


class Place(NamedTuple):
    """A spot in a file, both counted from 1."""

    line: int
    column: int


class Places:
    """The places of all tables, keys and values of a TOML text that parses."""

    def __init__(self, text: str) -> None:
        self._keys: dict[KeyPath, Place] = {}
        self._values: dict[KeyPath, Place] = {}
        table: KeyPath = ()
        for line, lines in _statements(text):
            first = lines[0]
            indent = len(first) - len(first.lstrip())
            if first.lstrip().startswith("["):
                table = _path(tomli.loads(first))
                for depth in range(1, len(table) + 1):
                    self._keys.setdefault(table[:depth], Place(line, indent + 1))
            elif match := _ASSIGNMENT.match(first):
                path = table + _path(tomli.loads(f"{match[1]} = 0"))
                for depth in range(len(table) + 1, len(path) + 1):
                    self._keys.setdefault(path[:depth], Place(line, indent + 1))
                self._values[path] = Place(line, match.end() + 1)

    def key(self, *path: str) -> Place:
        """Return where a key or table begins; for one inside an inline table, where the table's key does."""
        return _nearest(self._keys, path)

    def value(self, *path: str) -> Place:
        """Return where a key's value begins."""
        return self._values.get(path) or self.key(*path)


def _nearest(places: dict[KeyPath, Place], path: KeyPath) -> Place:
    while path and path not in places:
        path = path[:-1]
    return places.get(path, Place(1, 1))


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
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
