"""Finds the JSON objects with an ``event`` in what a program prints, wherever on a line they begin.

::

    \\rEpoch 3:  80%|####  | {"event": "metrics", …}     behind a bar
    INFO:root:{"step": 5, "event": "metrics", …}         behind a logger's prefix, whatever the order of keys
    [rank0]: {"event": …}{"event": …}                    several

An object begins at the first brace that opens one with an ``event`` of its own. NaN and Infinity are read as JSON of
Python has them. The work on a text is bounded by its length.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

MARK = '"event"'
"""What every object has that is found."""
WORK = 16
"""How many times its length a text is read at most, besides ``SPARE``."""
TRY = 64
"""The work that an object counts for at least."""
PIECE = 4096
"""Characters of an object that are read first: what is wrong with one costs as much as the text it is in."""
SPARE = 64 * 1024
DEEP = 20_000
"""The work that an object counts for that is nested too deep to be read."""
CUT = 10
"""Characters from the end of a text up to which an object that breaks there may go on."""
KINDS = "metrics|confusion|checkpoint|log"

_OPENS = re.compile(r'\{\s*(?:"|$)')
_NAMED = re.compile(rf'"event"\s*:\s*"(?:{KINDS})"')
_WRITTEN = re.compile(r'(?<!\()\{\s*"')
"""The beginning of an object that is no argument in a line of code."""
_OF_PYTHON = re.compile(rf"(?<!\()\{{[^{{}}]*'event'\s*:\s*'(?:{KINDS})'")
_ALONE = re.compile(rf'\s*"event"\s*:\s*"(?:{KINDS})",?\s*')
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_read = json.JSONDecoder().raw_decode


class Printed(NamedTuple):
    """An object that was found."""

    fields: dict[str, Any]
    text: str
    """The object as it was printed."""
    before: str
    """What stands before it on its line, from the object before it on."""


class Findings(NamedTuple):
    """What is in a text: objects, and the text around them, in order."""

    parts: list[str | Printed]
    """The texts may be cut anywhere."""
    open_at: int | None
    """Where an object begins that the end of the text cuts off; None where none does, and in a finished text."""


def find(text: str, *, unfinished: bool = False) -> Findings:
    """Return the objects with an ``event`` in a text, and the rest of it.

    Args:
        text: What was printed, without terminal escapes.
        unfinished: Whether the text may go on, so that an object that its end cuts off is looked for.
    """
    parts: list[str | Printed] = []
    passed = at = 0
    last = len(text) if unfinished else text.rfind(MARK)
    work = WORK * len(text) + SPARE
    while work > 0 and (brace := _OPENS.search(text, at)) is not None and brace.start() <= last:
        begin = brace.start()
        try:
            fields, end = _read_at(text, begin)
        except json.JSONDecodeError as error:
            if unfinished and _is_cut(error):
                return Findings([*parts, text[passed:begin]], begin)
            at, work = begin + 1, work - error.pos - TRY
            continue
        except (RecursionError, ValueError):  # nested too deep, or a number of thousands of digits
            at, work = begin + 1, work - DEEP
            continue
        work -= end - begin + TRY
        if "event" in fields:
            before = text[passed:begin]
            parts += [before, Printed(fields, text[begin:end], before.rpartition("\n")[2])]
            passed = at = end
        else:  # one inside it may have an event
            at = begin + 1 if text.find(MARK, begin, end) >= 0 else end
    return Findings([*parts, text[passed:]], None)


def why_none(line: str) -> str:
    """Return why a line that looks like an event has none; empty for a line that does not look like one.

    Args:
        line: A line in which ``find`` finds nothing.
    """
    named = _NAMED.search(line)
    if named is not None and (brace := _WRITTEN.search(line, 0, named.start() + 1)) is not None:
        try:
            _read_at(line, brace.start())
        except json.JSONDecodeError as error:
            return f"it is no JSON: {error.msg[:1].lower()}{error.msg[1:]}, {error.pos} characters on"
        except (RecursionError, ValueError):
            pass
        return "it cannot be read as JSON"
    if _OF_PYTHON.search(line) is not None:
        return "it is a Python dict and no JSON: print json.dumps(…) of it"
    return "an event has to be on one line" if _ALONE.fullmatch(line) is not None else ""


def without_escapes(text: str) -> str:
    """Return a text without colours and other escapes of a terminal."""
    return _ESCAPES.sub("", text) if "\x1b" in text else text


def _read_at(text: str, begin: int) -> tuple[dict[str, Any], int]:
    """Return the object that begins at a place, and where it ends; the place of an error is counted from its begin."""
    size = PIECE
    while True:
        piece = text[begin : begin + size]
        try:
            fields, length = _read(piece)
        except json.JSONDecodeError as error:
            if begin + size >= len(text) or not _is_cut(error):
                raise
            size *= 16
        else:
            return fields, begin + length


def _is_cut(error: json.JSONDecodeError) -> bool:
    """Return whether an object that cannot be read may only lack its end."""
    return error.msg.startswith("Unterminated string") or error.pos >= len(error.doc) - CUT
