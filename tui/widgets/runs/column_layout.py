"""How the columns of the run list stand beside the names: which fit, and what takes their place. Pure."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Mapping, Sequence, Set

from rich.cells import cell_len

from engine.runs.state_symbols import MARKS
from tui.text import shorten
from tui.views.run_list_columns import Column
from tui.views.run_list_row import Row

PREFIX = 6
"""Cells before a name: mark, overlay bar, the curve's sign, the state's."""
NAME_WIDTH = 21
"""Cells that a name gets before any column does but the first score."""
LEAST_NAME = 11
"""Cells that a name gets before that score."""
LEAST_BESIDE_LEFT = 17
"""Cells that a name gets before the time left."""
LEAST_BESIDE_CHOSEN = 14
"""Cells that a name gets before a column that was chosen by hand."""
LEAST_NOTE = 12
"""Cells from which on a note can stand beside what was chosen by hand."""

Sized = tuple[Column, int]
"""A column and its width."""


def mark_of(row: Row, unfolded: Collection[str]) -> str:
    """Return the sign before a row: the state of its run, that of a live one where it is to stop."""
    if row.group:
        return "▾" if row.folds in unfolded else "▸"
    if row.stops:
        return MARKS["running"][0]
    if row.age and row.state == "silent":  # its site is away: it ran when that was heard last
        return MARKS["running"][0]
    return MARKS[row.state][0] if row.state else "·"


def tone_of(row: Row) -> str:
    """Return in which of the list's styles a row's shape is."""
    return "wait" if row.stops else _TONES.get(row.state or "", "quiet")


def count_of(row: Row) -> str:
    """Return how many seeds a row's mean is of, and how other runs that it hides differ; a space before each.

    Of what has no result yet it is how many runs there are. The others have other settings, go on with such, wait,
    failed or were stopped.
    """
    marks = Counter({"≠": row.others, MARKS["running"][0]: row.going, MARKS["queued"][0]: row.waiting})
    marks.update(MARKS[status.state][0] for status in row.unfinished)
    number = min(row.seeds or row.folded, row.folded)
    count = f" ×{number}" if number > 1 or (row.group and row.folded) else ""
    if row.cut:
        count = f"{count * (row.folded > len(row.facts))} {len(row.facts)} of {row.cut}"
    return count + "".join(f" {mark}{number}" for mark, number in marks.items() if number)


def badge_of(row: Row, room: int) -> str:
    """Return what is wrong with a run, that it is to stop, or how old its state is, with a space before it."""
    word = row.stops or row.alarm or row.age
    return f" {shorten(word, min(len(word), room - 1))}" if word and room > 1 else ""


def heading_at(columns: Sequence[Sized], x: int, width: int) -> str:
    """Return the name of the column whose heading is at a cell of a row; empty for none."""
    end = width - total(columns)
    for column, size in columns:
        if end <= x < end + size + 1:
            return column.name
        end += size + 1
    return ""


def total(columns: Sequence[Sized]) -> int:
    """Return how many cells columns take with the spaces before them."""
    return sum(size + 1 for _, size in columns)


def without_last_cells(columns: Sequence[Sized], cells: int) -> list[Sized]:
    """Return the columns that are left when so many cells at their right are something else's."""
    kept = list(columns)
    while kept and total(columns) - total(kept) < cells:
        kept.pop()
    return kept


def note_place(columns: Sequence[Sized], by_hand: Set[str]) -> range | None:
    """Return the columns that a note takes: the widest run of those that were not chosen by hand; None for no room.

    Args:
        columns: The columns of the list.
        by_hand: The names of those that a user has chosen.
    """
    runs = [
        [index for index, _ in group]
        for hand, group in itertools.groupby(enumerate(columns), lambda at: at[1][0].name in by_hand)
        if not hand
    ]
    widest = max(runs, key=lambda run: total([columns[index] for index in run]), default=None)
    if widest is None or (
        len(widest) < len(columns) and total(columns[widest[0] : widest[-1] + 1]) <= LEAST_NOTE
    ):
        return None
    return range(widest[0], widest[-1] + 1)


def note_growth(cells: int, free: int, tag_cells: int) -> int:
    """Return by how many cells a note grows over those that are free before it, or shrinks, as far as tags want them.

    Args:
        cells: What it is longer than the columns, below 0 where it is shorter.
        free: The cells that a name leaves.
        tag_cells: The cells that tags lack.
    """
    return min(cells, free) if cells > 0 else max(cells, -max(0, tag_cells))


def placed(text: str, column: Column, size: int) -> str:
    """Return a text in so many cells, at the left for words and at the right for numbers."""
    text = shorten(text, size) if column.words or cell_len(text) > size else text
    return " " * (size - cell_len(text)) + text


def heading_of(width: int, columns: Sequence[Sized], arrows: Mapping[str, str]) -> str:
    """Return the line over the rows, with an arrow at the column that they are sorted by."""
    words = "".join(
        f" {placed(column.heading + arrows.get(column.name, ''), column, size)}" for column, size in columns
    )
    return shorten(" " * PREFIX + "experiment", width - cell_len(words)) + words


def name_overflow(columns: str, missing: int, chips: int) -> int:
    """Return how many cells a name reaches into its row's columns: those are empty, but for a space.

    Args:
        columns: What stands in the columns.
        missing: Cells that are missing before them; below 0 where some are left.
        chips: Cells that the chips want too; they get them if they all fit.
    """
    blank = len(columns) - len(columns.lstrip(" "))
    most = blank - (blank < len(columns))
    return max(0, min(missing + chips if missing + chips <= most else missing, most))


def chips_of(row: Row, room: int) -> str:
    """Return a mark for a note and the tags, as far as there is room beside the name.

    A sign says that some are left out, unless the sign of runs that wait stands behind it, which looks like it.
    """
    chips, is_run = "", bool(row.parent and not row.folds)
    waits = MARKS["queued"][0] in count_of(row)
    for chip in (*(["✎"] if row.noted else []), *(f"#{tag}" for tag in row.tags)):
        if cell_len(chips) + cell_len(chip) + 1 > room:
            says_so = cell_len(chips) + 2 <= room and (chips or not is_run) and not waits
            return f"{chips} …" if says_so else chips
        chips += f" {chip}"
    return chips


def _least_name(kept: Sequence[Sized], by_hand: Set[str], sorted_by: str) -> int:
    last, _ = kept[-1]
    if len(kept) == 1 and last.name == sorted_by:
        return LEAST_NAME
    if by_hand:
        chosen = by_hand | {sorted_by}
        return LEAST_BESIDE_CHOSEN if all(column.name in chosen for column, _ in kept) else NAME_WIDTH
    if last.name == "left":
        return LEAST_BESIDE_LEFT
    return LEAST_NAME if len(kept) == 1 and last.spread else NAME_WIDTH


def fitting_in(
    width: int, columns: Sequence[Sized], by_hand: Set[str] = frozenset(), sorted_by: str = ""
) -> list[Sized]:
    """Return the columns that a list of that width has room for beside a name; others give way from the last on.

    The first score stays longest, wherever it stands, and beside a shorter name: it is what runs are judged by. What
    was chosen by hand stays longer, and longest what the list is sorted by.

    Args:
        width: The cells of the list.
        columns: The columns, and how wide each is.
        by_hand: The names of those that a user has chosen.
        sorted_by: The name of the one that the list is sorted by; empty for none.
    """
    kept = list(columns)
    while kept and width - PREFIX - total(kept) < _least_name(kept, by_hand, sorted_by):
        others = [index for index, (column, _) in enumerate(kept) if column.name != sorted_by]
        giving = [index for index in others if kept[index][0].name not in by_hand]
        giving = giving or others or list(range(len(kept)))
        score = next((index for index in giving if kept[index][0].spread), -1)
        kept.pop(giving[-2] if len(giving) > 1 and score == giving[-1] else giving[-1])
    return kept


def lacking(
    width: int, columns: Sequence[Sized], by_hand: Set[str], sorted_by: str = ""
) -> tuple[str, int] | None:
    """Return the first column chosen by hand that has no room, and how many cells it lacks; None if all have it.

    Args:
        width: The cells of the list.
        columns: The columns, and how wide each is.
        by_hand: The names of those that a user has chosen.
        sorted_by: The name of the one that the list is sorted by, which has room before them; empty for none.
    """
    there = {column.name for column, _ in fitting_in(width, columns, by_hand, sorted_by)}
    chosen = [sized for sized in columns if sized[0].name in by_hand | {sorted_by}]
    chosen.sort(key=lambda sized: sized[0].name != sorted_by)
    for index, (column, _) in enumerate(chosen):
        if column.name not in there:
            least = LEAST_NAME if column.name == sorted_by else LEAST_BESIDE_CHOSEN
            return column.heading, PREFIX + least + total(chosen[: index + 1]) - width
    return None


def no_room_words(lacks: tuple[str, int] | None, hidden: int, *, widens: bool) -> str:
    """Return what of the columns has no room, and the key that gives it some; empty where all have room.

    Args:
        lacks: As ``lacking`` returns it.
        hidden: How many that were chosen have none.
        widens: Whether the list can be made wider.
    """
    if lacks is not None and hidden < 2:
        name, cells = lacks
        return f"{name} needs {cells} more cell{'s' * (cells > 1)}{', [ widens' * widens}"
    if not hidden:
        return ""
    return f"+{hidden} column{'s' * (hidden > 1)}{': [ widens' if widens else ' without room'}"


_TONES = {
    "running": "busy",
    "starting": "wait",
    "queued": "wait",
    "finished": "good",
    "failed": "bad",
    "crashed": "bad",
    "silent": "wait",
}
