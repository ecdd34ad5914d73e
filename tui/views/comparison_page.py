"""The page of a comparison: verdicts, a column a side as far as there is room beside each other, then classes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.table import Table as Grid
from rich.text import Text

from engine.analysis.comparison import SPREAD, Cell, Table
from engine.analysis.conclusions.pairs import PairStatus
from engine.analysis.confusion_change import Shift, Shifts

SHOWN_CLASSES = 12
"""Classes that are listed where there are more."""
LEAST_SIDE = 17
"""Cells of a side's column at least."""
LEGEND = "bold: told apart   ≈ cannot be told apart   ? not judged"
LOOK_AT = "to look at, not concluded"
"""What heads mistakes, a tenth of which differ by chance."""


def page(table: Table, shifts_by_side: Mapping[str, Shifts], marks: Sequence[Text], width: int) -> Grid:
    """Return the comparison as one grid.

    Args:
        table: What is compared.
        shifts_by_side: How each side but the first differs from the first by class; by the side's name.
        marks: The mark and colour of each side's curves in the charts; empty for a side without curves.
        width: Cells of the page.

    Returns:
        A grid for a scrolling widget.
    """
    outer = Grid(box=None, show_header=False, pad_edge=False)
    for verdict in table.verdicts:
        outer.add_row(Text(verdict))
    for line in (LEGEND, SPREAD, *table.notes):
        outer.add_row(Text(line, style="dim"))
    outer.add_row("")
    for sides in _blocks(table, width):
        outer.add_row(_beside(table, sides, marks, width))
    for name, shifts in shifts_by_side.items():
        outer.add_row(
            Text.assemble((f"{name} − {table.sides[0].name}, by class", "bold"), (_summed(shifts), "dim"))
        )
        if shifts.summary:
            outer.add_row(Text(f"{name} {shifts.summary}"))
        for grid in _by_class(shifts, width):
            outer.add_row(grid)
        outer.add_row("")
    return outer


def _blocks(table: Table, width: int) -> Iterator[list[int]]:
    """Yield the sides that stand beside each other: the baseline in each block, and as many others as have room."""
    begun = _names(table) + 2 + _needs(table, 0)
    block, taken = [0], begun
    for side in range(1, len(table.sides)):
        needs = 2 + _needs(table, side)
        if len(block) > 1 and taken + needs > width:
            yield block
            block, taken = [0], begun
        block.append(side)
        taken += needs
    yield block


def _names(table: Table) -> int:
    """Return the cells of the longest name of a row."""
    return max((cell_len(name) for name, _ in (*table.made, *table.measured)), default=0)


def _needs(table: Table, side: int, *, together: bool = False) -> int:
    """Return the cells that a side's column needs for no number to be broken."""
    cells = [_written(row[side], together=together).plain for _, row in table.measured]
    return max(LEAST_SIDE, *(cell_len(line) for text in cells for line in text.splitlines()))


def _beside(table: Table, sides: Sequence[int], marks: Sequence[Text], width: int) -> Grid:
    """Return some sides as columns, under what they are called: how they were made, and what came of it.

    Differences stand behind their values where there is room for all of them, else below.
    """
    room = width - _names(table) - 2 * len(sides)
    together = sum(_needs(table, side, together=True) for side in sides) <= room
    needs = {side: _needs(table, side, together=together) for side in sides}
    spare = max(0, room - sum(needs.values()))
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", expand=False)
    grid.add_column("", style="dim", no_wrap=True)
    for side in sides:
        column_side = table.sides[side]
        name = f"{marks[side].plain} {column_side.name}{column_side.count}".lstrip()
        full_width = max(cell_len(name), *(cell_len(values[side]) for _, values in table.made), 0)
        more = min(spare, max(0, full_width - needs[side]))
        spare -= more
        heading = Text(_folded(name, needs[side] + more))
        for span in marks[side].spans:
            heading.stylize(span.style, span.start, span.end)
        heading.append("\nbaseline" if side == 0 else "\nΔ to the baseline", "not bold dim")
        if column_side.left_out:
            heading.append("\n" + _folded(column_side.left_out, needs[side] + more), "not bold yellow")
        grid.add_column(heading, overflow="fold", width=needs[side] + more)
    for key, values in table.made:
        grid.add_row(Text(key), *(Text(values[side]) for side in sides))
    if table.made:
        grid.add_row("")
    for name, cells in table.measured:
        grid.add_row(Text(name), *(_written(cells[side], together=together) for side in sides))
    grid.add_row("")
    return grid


def _folded(name: str, width: int) -> str:
    """Return a name in lines, broken behind a word where one ends in their second half."""
    lines = []
    while len(name) > width:
        end = 1 + max(name.rfind("-", 0, width), name.rfind(" ", 0, width + 1))
        end = end if end > width // 2 else width
        lines.append(name[:end].rstrip())
        name = name[end:]
    return "\n".join([*lines, name])


def _summed(shifts: Shifts) -> str:
    """Say of how many seeds the matrices are."""
    before, here = shifts.seeds
    return "  of one seed each" if before == here == 1 else f"  summed over {here} and {before} seeds"


def _by_class(shifts: Shifts, width: int) -> list[Grid]:
    """Return how a side differs from the baseline by class, and in which mistakes: beside each other, or below."""
    classes = shifts.classes[:SHOWN_CLASSES]
    mistakes = shifts.mistakes[: max(len(classes), 4)]
    told = [(Text(shift.true, style="dim"), _scored(shift)) for shift in classes]
    if left := len(shifts.classes) - len(classes):
        told.append((Text(f"{left} more differ less", style="dim"), Text()))
    taken = [(Text(f"{mistake.true} taken for {mistake.taken}"), _shifted(mistake)) for mistake in mistakes]
    headings = ("", "F1"), (f"mistakes, {LOOK_AT}" if taken else "", "")
    if _wide(told) + _wide(taken) + 6 <= width:
        rows = [(*left, *right) for left, right in zip_longest(told, taken, fillvalue=(Text(), Text()))]
        return [_columns((*headings[0], *headings[1]), rows)]
    return [_columns(headings[0], told), *([_columns(headings[1], taken)] if taken else [])]


def _wide(rows: Sequence[tuple[Text, ...]]) -> int:
    """Return the cells that the columns of some rows take."""
    return sum(max((text.cell_len for text in column), default=0) + 2 for column in zip(*rows, strict=True))


def _columns(headings: Sequence[str], rows: Sequence[tuple[Text, ...]]) -> Grid:
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", expand=False)
    for number, heading in enumerate(headings):
        grid.add_column(heading, no_wrap=number % 2 == 1)
    for row in rows:
        grid.add_row(*row)
    return grid


def _scored(shift: Shift) -> Text:
    """Return two scores and their difference: bold where they are told apart."""
    text = Text(f"{shift.before:.3f} → {shift.after:.3f}  ")
    mark = {True: "", False: " ≈", None: " ?"}[shift.is_significant]
    text.append(f"{shift.delta:+.3f}{mark}", "bold" if shift.is_significant else "dim")
    return text


def _shifted(shift: Shift) -> Text:
    """Return two shares and their difference in percent points."""
    return Text(f"{100 * shift.before:5.1f} → {100 * shift.after:5.1f} %  {100 * shift.delta:+5.1f}")


def _written(cell: Cell, *, together: bool) -> Text:
    """Return a value and its difference: bold where the two are told apart, quiet where they are not.

    Intervals stand behind their numbers where there is room for all of them, else below.
    """
    style = {PairStatus.ABOVE: "bold", PairStatus.OPEN: "dim", PairStatus.ALIKE: "dim"}
    mark = {PairStatus.OPEN: " ≈", PairStatus.ALIKE: " alike", PairStatus.UNJUDGED: " ?"}
    text = Text(cell.value if together else cell.value.replace(" (", "\n("))
    if cell.delta:
        delta = cell.delta if together else cell.delta.replace(" (", "\n(")
        end, look = (
            ("", "") if cell.status is None else (mark.get(cell.status, ""), style.get(cell.status, ""))
        )
        text.append(("  " if together else "\n") + delta + end, look)
    return text
