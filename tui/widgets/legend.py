"""Which curve is which: labels made safe, made to fit, and put where no curve goes.

Labels are other people's text. They are shown as they read, never as markup or terminal commands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len, get_character_cell_size

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|(?:\x1b[\]P^_X]|[\x9d\x90\x9e\x9f\x98])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)"  # titles, links, device strings
    r"|\x1b[ -/]*[0-~]?"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a legend."""

    mark: str
    label: str
    value: str
    ink: int
    strong: bool = False


def plain(text: str) -> str:
    """Text that is safe to put on a screen cell by cell: no escapes, no controls, nothing without a width."""
    text = unicodedata.normalize("NFC", _ESCAPES.sub("", text))
    kept = (" " if character.isspace() else character for character in text)
    printable = (c for c in kept if unicodedata.category(c)[0] != "C" and get_character_cell_size(c) > 0)
    return " ".join("".join(printable).split())


def fit(text: str, width: int, dots: str = "…") -> str:
    """Text in at most `width` cells; the middle goes first, because names differ at both ends."""
    if cell_len(text) <= width:
        return text
    if width <= len(dots):
        return dots[:width]
    room = width - len(dots)
    head = _take(text, room - room // 2)
    tail = _take(text[::-1], room - cell_len(head))[::-1]
    return head + dots + tail


def _take(text: str, width: int) -> str:
    taken = 0
    for index, character in enumerate(text):
        taken += get_character_cell_size(character)
        if taken > width:
            return text[:index]
    return text


def shorten(entries: Sequence[Entry], width: int, rows: int, dots: str = "…") -> list[tuple[Entry, str]]:
    """Lines of a legend: every entry with its text of equal width, at most `rows` of them.

    The value stands at the right. Where entries are left out, the last line says how many.
    """
    shown = list(entries)
    left_out = 0
    if len(shown) > rows:
        left_out = len(shown) - max(rows - 1, 0)
        first = [entry for entry in shown if entry.strong]
        shown = (first + [entry for entry in shown if not entry.strong])[: max(rows - 1, 0)]
    values = max((cell_len(entry.value) for entry in shown), default=0)
    room = max(width - (values + 2 if values else 0), 1)
    names = [fit(entry.label, room, dots) for entry in shown]
    longest = max((cell_len(name) for name in names), default=0)
    lines = []
    for entry, name in zip(shown, names, strict=True):
        text = name + " " * (longest - cell_len(name))
        if values:
            text += "  " + " " * (values - cell_len(entry.value)) + entry.value
        lines.append((entry, text))
    if left_out and rows > 0:
        lines.append((Entry(" ", "", "", -1), fit(f"+{left_out} more", longest or width, dots)))
    return lines


def place(
    covered: NDArray[np.bool_], rows: int, columns: int, previous: tuple[int, int] | None = None
) -> tuple[int, int] | None:
    """A free rectangle for a legend, nearest to a corner; the previous one as long as that is free.

    Args:
        covered: The cells that curves go through, (height, width).
        rows: Height wanted.
        columns: Width wanted.
        previous: Where it was last time, so that a live chart's legend stays put.

    Returns:
        Its top left (row, column), or None where there is no free one.
    """
    height, width = covered.shape
    if rows > height or columns > width:
        return None
    total = np.zeros((height + 1, width + 1), np.int32)
    total[1:, 1:] = covered.cumsum(axis=0, dtype=np.int32).cumsum(axis=1)
    taken = (
        total[rows:, columns:] - total[:-rows, columns:] - total[rows:, :-columns] + total[:-rows, :-columns]
    )
    free = taken == 0
    if previous and previous[0] < free.shape[0] and previous[1] < free.shape[1] and free[previous]:
        return previous
    if not free.any():
        return None
    down, across = np.arange(free.shape[0]), np.arange(free.shape[1])
    from_edge = np.minimum(down * 3, (free.shape[0] - 1 - down) * 3 + 1)[:, None]
    from_side = np.minimum(across + 1, free.shape[1] - 1 - across)[None, :]
    cost = np.where(free, from_edge + from_side, np.iinfo(np.int32).max)
    row, column = divmod(int(cost.argmin()), free.shape[1])
    return row, column
