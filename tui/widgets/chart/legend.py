"""Which curve is which: labels made safe, made to fit, and put where no curve goes.

Labels come from runs. They are shown as text, never as markup or terminal commands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.cells import cell_len, get_character_cell_size

from engine.text import shorten
from tui.widgets.chart.dot_spans import Bools

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|(?:\x1b[\]P^_X]|[\x9d\x90\x9e\x9f\x98])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)"  # titles, links
    r"|\x1b[ -/]*[0-~]?"
)


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One line of a legend: the curve's mark in its ink, its name, a value."""

    mark: str
    label: str
    value: str
    ink: int
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Legend:
    """A legend made to fit: entries whose labels and values are padded to equal width, and its top left cell."""

    entries: tuple[LegendEntry, ...]
    row: int
    column: int

    @property
    def width(self) -> int:
        """Cells across, with one empty at each side."""
        return _width(self.entries)


def plain(text: str) -> str:
    """Text that is safe to put on a screen cell by cell: no escapes, no controls, nothing without a width."""
    text = unicodedata.normalize("NFC", _ESCAPES.sub("", text))
    kept = (" " if character.isspace() else character for character in text)
    printable = (c for c in kept if unicodedata.category(c)[0] != "C" and get_character_cell_size(c) > 0)
    return " ".join("".join(printable).split())


def fit(text: str, width: int, dots: str = "…") -> str:
    """Text in at most `width` cells; the middle goes first, because names differ at both ends."""
    return shorten(text, width, "middle", dots)


def arrange(
    entries: Sequence[LegendEntry],
    covered: Bools,
    *,
    previous: tuple[int, int] | None = None,
    whole: bool = True,
    dots: str = "…",
) -> Legend | None:
    """Return a legend where it hides nothing, with shorter names or without values if need be; None without room.

    Where names would be too short to be told apart their curves' marks stand for them, beside the values.

    Args:
        entries: What it should say.
        covered: The cells that curves go through, (height, width).
        previous: Where it was last time, so that the legend of a live chart stays put.
        whole: Whether every entry has to be in it.
        dots: What stands for text left out.
    """
    height, room = covered.shape[0], _room(covered)
    rows = max(height // 2, 2)
    if whole and len(entries) > rows:
        return None
    bare = [replace(entry, value="") for entry in entries]
    nameless = [replace(entry, label="") for entry in entries]
    for candidates, most in (
        (entries, room), (entries, room * 2 // 3), (bare, room), (nameless, room), (bare, 14), (bare, 9)
    ):  # fmt: skip
        legend = _placed(_shorten(candidates, min(most, room), rows, dots), covered, previous)
        if legend is not None:
            return legend
    return None


def arrange_reading(
    entries: Sequence[LegendEntry], covered: Bools, column: int, *, dots: str = "…"
) -> Legend:
    """Return the values at a cursor where there is room: with names, else without, else over the curves away from it.

    Args:
        entries: What it should say.
        covered: The cells that curves and the cursor go through, (height, width).
        column: Where the cursor is.
        dots: What stands for text left out.
    """
    (height, width), room = covered.shape, _room(covered)
    nameless = [replace(entry, label="") for entry in entries]
    for candidates, most in ((entries, room), (entries, room * 2 // 3), (nameless, room)):
        legend = _placed(_shorten(candidates, most, height, dots), covered, None)
        if legend is not None:
            return legend
    lines = _shorten(entries, min(room, width // 2 - 4), height, dots)
    return Legend(lines, 0, 0 if column > width // 2 else max(width - _width(lines), 0))


def legend_row(entries: Sequence[LegendEntry], width: int, dots: str = "…") -> list[LegendEntry]:
    """Entries to stand side by side in `width` cells, pinned ones first if not all fit; the last counts the rest."""
    visible, left_out = list(entries), 0
    if width // 10 < len(visible):
        count = max((width - 4) // 10, 0)
        left_out = len(visible) - count
        visible = sorted(visible, key=lambda entry: not entry.strong)[:count]
    if not visible:
        return []
    share = (width - (4 if left_out else 0)) // len(visible) - 4
    row = [replace(entry, label=fit(entry.label, share, dots), value="") for entry in visible]
    return [*row, LegendEntry(f"+{left_out}", "", "", row[0].ink)] if left_out else row


def _width(entries: Sequence[LegendEntry]) -> int:
    return max((cell_len(entry.label) + cell_len(entry.value) for entry in entries), default=0) + 4


def _shorten(entries: Sequence[LegendEntry], width: int, rows: int, dots: str) -> tuple[LegendEntry, ...]:
    """At most `rows` entries in `width` cells, pinned ones first if not all fit; the last counts the rest."""
    visible, left_out = list(entries), 0
    if len(visible) > rows:
        left_out = len(visible) - rows + 1
        visible = sorted(visible, key=lambda entry: not entry.strong)[: rows - 1]
    values = max((cell_len(entry.value) for entry in visible), default=0)
    gap = 2 if values else 0
    names = [fit(entry.label, max(width - values - gap, 6), dots) for entry in visible]
    gap = gap if any(names) else 0
    longest = max((cell_len(name) for name in names), default=0)
    lines = [
        replace(
            entry,
            label=name + " " * (longest - cell_len(name) + gap),
            value=" " * (values - cell_len(entry.value)) + entry.value,
        )
        for entry, name in zip(visible, names, strict=True)
    ]
    if left_out:
        lines.append(LegendEntry(" ", fit(f"+{left_out} more", longest + gap + values, dots), "", 0))
    return tuple(lines)


def _room(covered: Bools) -> int:
    width: int = covered.shape[1]
    return max(width * 2 // 3, min(24, width)) - 4


def _placed(
    lines: tuple[LegendEntry, ...], covered: Bools, previous: tuple[int, int] | None
) -> Legend | None:
    spot = _place(covered, len(lines), _width(lines), previous)
    return Legend(lines, *spot) if spot is not None else None


def _place(
    covered: Bools, rows: int, columns: int, previous: tuple[int, int] | None
) -> tuple[int, int] | None:
    """The top left cell of a free rectangle, nearest to a corner; the previous one as long as that is free."""
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
