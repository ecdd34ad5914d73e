"""A table of text for a terminal: columns as wide as what they hold, cut where the terminal ends.

rich draws finer ones at a hundred times the price, and a list of ten thousand runs has to be there at once.
"""

from __future__ import annotations

import operator
import os
import sys
from collections.abc import Sequence
from typing import Literal, NamedTuple

from engine.text import cells, shorten

GAP = "  "
BOLD = 1


class TableColumn(NamedTuple):
    """A column of a table."""

    title: str
    right: bool = False
    """Whether its texts stand at its right edge."""
    least: int | None = None
    """The cells that it keeps on a narrow terminal; None where it keeps all."""
    cut: Literal["middle", "end"] = "end"
    """Where a text that does not fit leaves something out."""
    spare: bool = False
    """Whether a narrow terminal may do without it."""


def draw(
    columns: Sequence[TableColumn],
    rows: Sequence[Sequence[str]],
    width: int | None = None,
    colours: Sequence[int] | None = None,
) -> list[str]:
    """Return the lines of a table, its titles first.

    Args:
        columns: What the table has, from left to right.
        rows: A text for each column: one line, printable.
        width: The cells of a line. Spare columns go first, from the right, when not even the narrowest table fits;
            then columns are narrowed, from the right; what still does not fit is left out. None leaves nothing out.
        colours: The colour of each row's first text, as an SGR number; None for a table without any.
    """
    texts = list(zip([column.title for column in columns], *rows, strict=True))
    sizes = [_cells_of(column) for column in texts]
    widths = _fit(columns, [max(column) for column in sizes], width)
    padded = [
        _padded(column, room, *content)
        for column, room, *content in zip(columns, widths, texts, sizes, strict=True)
        if room > 0
    ]
    if colours is not None and padded:
        codes = [BOLD, *colours]
        padded[0] = [f"\x1b[{code}m{text}\x1b[0m" for code, text in zip(codes, padded[0], strict=True)]
    return [GAP.join(line).rstrip(" ") for line in zip(*padded, strict=True)]


def _cells_of(texts: Sequence[str]) -> Sequence[int]:
    """Return the cells of each text; few columns have characters that do not take one each."""
    characters = set("".join(texts))
    return list(map(len if all(cells(character) == 1 for character in characters) else cells, texts))


def _padded(column: TableColumn, room: int, texts: Sequence[str], sizes: Sequence[int]) -> list[str]:
    """Return the texts of a column in exactly ``room`` cells each."""
    if max(sizes) > room or any(map(operator.ne, map(len, texts), sizes)):
        return [_pad(text, size, room, column) for text, size in zip(texts, sizes, strict=True)]
    return [text.rjust(room) if column.right else text.ljust(room) for text in texts]


def _fit(columns: Sequence[TableColumn], widths: list[int], room: int | None) -> list[int]:
    """Return how wide each column is drawn: 0 for a column that is left out."""
    if room is None:
        return widths
    leasts = [
        width if column.least is None else min(width, column.least)
        for column, width in zip(columns, widths, strict=True)
    ]
    kept = list(range(len(columns)))
    for index in reversed(range(len(columns))):
        if columns[index].spare and _total(leasts, kept) > room:
            kept.remove(index)
    over = _total(widths, kept) - room
    for index in reversed(kept):
        taken = max(0, min(over, widths[index] - leasts[index]))
        widths[index] -= taken
        over -= taken
    left, fitted = room, [0] * len(columns)
    for index in kept:
        fitted[index] = max(0, min(widths[index], left))
        left -= fitted[index] + len(GAP)
    return fitted


def _total(widths: Sequence[int], kept: Sequence[int]) -> int:
    return sum(widths[index] for index in kept) + len(GAP) * (len(kept) - 1)


def _pad(text: str, size: int, room: int, column: TableColumn) -> str:
    """Return a text of ``size`` cells in exactly ``room`` cells."""
    if size > room:
        text = shorten(text, room, column.cut)
        size = cells(text)
    padding = " " * (room - size)
    return padding + text if column.right else text + padding


def terminal_width() -> int | None:
    """Return how many cells a line of the terminal has, as COLUMNS or it says; None where stdout is no terminal."""
    if not sys.stdout.isatty():
        return None
    if (columns := os.environ.get("COLUMNS", "")).isdecimal() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except OSError:
        return 80


def wants_colour() -> bool:
    """Return whether stdout is a terminal that shows colours, and NO_COLOR is unset (no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb":
        return False
    return sys.stdout.isatty()
