"""Which curve is which: its sign and its value, as they stand in the lower border of a chart.

    ╰─ ▲.296±.005 ●.208±.004 ◆.272» +2 ─────╯        names are in the list beside the charts
    ╰─ ▲ ViT-…-7 .296±.005  ● BiT-…-7 .208 ─╯        and in the border of a chart that is alone
    ╰─ ▲~.296 ●~.208 ───────────────────────╯        values of curves that are smoothed

Names come from runs. They are shown as text, never as markup or terminal commands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len, get_character_cell_size

from engine.text import shorten
from tui.text import told_apart
from tui.widgets.chart.value_text import DIGITS, in_digits

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|(?:\x1b[\]P^_X]|[\x9d\x90\x9e\x9f\x98])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)"  # titles, links
    r"|\x1b[ -/]*[0-~]?"
)
SPREAD_FROM = 44
"""Cells of a chart from which on the spread of seeds stands behind their mean."""
SMOOTHED = "~"
"""What stands before a value of a curve that is smoothed."""
NAME_WIDTHS = (40, 28, 20, 14, 10, 0)
"""Cells that names are cut to where they are too long for the rows that they have; at last there are none."""


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """What is said of one curve."""

    mark: str
    value: str
    ink: int
    spread: str = ""
    """With its sign: ``±.005``; left out where there is no room."""
    moving: str = ""
    """What says that the value still moves."""
    name: str = ""
    strong: bool = False
    """Whether others give way to it."""
    smoothed: bool = False
    """Whether the value is that of a smoothed curve, and none that was measured."""
    once: bool = False
    """Whether it was measured once, beside curves that are lines; left out where there is no room."""

    def said(self, *, spread: bool) -> str:
        """Return what stands behind the mark."""
        bare = "=" if self.mark[-1:].isalnum() and self.mark[-1:].isascii() else ""
        between = SMOOTHED if self.smoothed else "" if self.name else bare
        name = f" {self.name} " if self.name else ""
        once = " once" if self.once else self.moving
        return f"{name}{between}{self.value}{self.spread if spread else ''}{once}"


@dataclass(frozen=True, slots=True)
class LegendRow:
    """Entries side by side: the mark, its ink and what stands behind it, of each; then how many are left out."""

    entries: tuple[tuple[str, int, str], ...]
    left_out: int = 0

    @property
    def width(self) -> int:
        """Cells across, without any at the sides."""
        most = f"+{self.left_out}" if self.left_out else ""
        texts = [*(mark + said for mark, _, said in self.entries), *filter(None, (most,))]
        return sum(map(cell_len, texts)) + len(self.gap) * max(len(texts) - 1, 0)

    @property
    def gap(self) -> str:
        """What stands between two entries: more where they have names."""
        return "  " if any(said.startswith(" ") for _, _, said in self.entries) else " "


def plain(text: str) -> str:
    """Text that is safe to put on a screen cell by cell: no escapes, no controls, nothing without a width."""
    text = unicodedata.normalize("NFC", _ESCAPES.sub("", text))
    kept = (" " if character.isspace() else character for character in text)
    printable = (c for c in kept if unicodedata.category(c)[0] != "C" and get_character_cell_size(c) > 0)
    return " ".join("".join(printable).split())


def fit(text: str, width: int, dots: str = "…") -> str:
    """Text in at most `width` cells; the middle goes first, because names differ at both ends."""
    return shorten(text, width, "middle", dots)


def legend_row(entries: Sequence[LegendEntry], room: int, *, spread: bool) -> LegendRow:
    """Return as many entries as fit side by side, in their order.

    Spreads give way first, then digits as ``DIGITS`` allows, then entries, the strong ones last.

    Args:
        entries: Of each curve.
        room: The cells that there are.
        spread: Whether spreads are said where they fit.
    """
    if spread and (row := _row(entries, spread=True)).width <= room:
        return row
    if _row(entries, spread=False).width > room:
        entries = [replace(entry, once=False) for entry in entries]
    rows = [_as_many_as_fit(entries, room)]
    for digits in DIGITS:
        values = [in_digits(entry.value, digits) for entry in entries]
        if digits == DIGITS[0] or len(set(values)) == len({entry.value for entry in entries}):
            shorter = [replace(entry, value=value) for entry, value in zip(entries, values, strict=True)]
            rows.append(_as_many_as_fit(shorter, room))
    return max(rows, key=lambda row: len(row.entries))


def _as_many_as_fit(entries: Sequence[LegendEntry], room: int) -> LegendRow:
    """Return entries without spreads, as many as fit; the last go first, and strong ones after all others."""
    kept = list(entries)
    while (row := _row(kept, len(entries) - len(kept), spread=False)).width > room and kept:
        weak = [at for at, entry in enumerate(kept) if not entry.strong]
        del kept[weak[-1] if weak else -1]
    return row if row.width <= room else LegendRow(())


def named_rows(entries: Sequence[LegendEntry], room: int, rows: int, dots: str = "…") -> list[LegendRow]:
    """Return entries with their names on one row or several, the names cut as far as it takes.

    Args:
        entries: Of each curve, with whole names.
        room: The cells of a row.
        rows: How many rows there are at most.
        dots: What stands for text left out.
    """
    for width in NAME_WIDTHS:
        names = told_apart([entry.name for entry in entries], width, dots)
        shown = [replace(entry, name=name) for entry, name in zip(entries, names, strict=True)]
        wrapped = _wrapped(shown, room)
        if len(wrapped) <= rows and all(_row(row, spread=False).width <= room for row in wrapped):
            break
    above = min(rows, len(wrapped)) - 1
    last = [entry for row in wrapped[above:] for entry in row]
    return [legend_row(row, room, spread=True) for row in (*wrapped[:above], last)]


def write_row(write: Callable[[int, str, int], int], row: LegendRow, column: int, ink: int) -> int:
    """Write a row, with a cell at each side, and return the column after it.

    Args:
        write: Writes a text in an ink from a column on, and returns the column after it.
        row: What is written.
        column: The first column.
        ink: That of values.
    """
    gap = " "
    for mark, own, said in row.entries:
        column = write(column, gap + mark, own)
        column = write(column, said, ink)
        gap = row.gap
    if row.left_out:
        column = write(column, f"{gap}+{row.left_out}", ink)
    return write(column, " ", ink)


def _row(entries: Sequence[LegendEntry], left_out: int = 0, *, spread: bool) -> LegendRow:
    return LegendRow(tuple((each.mark, each.ink, each.said(spread=spread)) for each in entries), left_out)


def _wrapped(entries: Sequence[LegendEntry], room: int) -> list[list[LegendEntry]]:
    rows: list[list[LegendEntry]] = [[]]
    for entry in entries:
        if rows[-1] and _row([*rows[-1], entry], spread=True).width > room:
            rows.append([])
        rows[-1].append(entry)
    return rows
