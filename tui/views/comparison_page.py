"""The page of a comparison: the table, the verdict in a line each, then all the rest. Pure.

test F1          0.296 ± 0.004    0.208 ± 0.005   -0.088      a column a side, as far as there is room;
…                                                             differences from the baseline behind the values
In words
● is worse than ▲: F1 0.088 lower (p < 0.001).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from rich.cells import cell_len
from rich.table import Table as Grid
from rich.text import Text

from engine.analysis.comparison import SPREAD, UNJUDGED, Cell, Table, in_brief
from engine.analysis.conclusions.pairs import PairStatus
from engine.analysis.conclusions.sentences import method_sentence
from engine.analysis.confusion_change import Shift, Shifts
from engine.text import shorten

SHOWN_CLASSES = 12
"""Classes that are listed where there are more."""
GAP = 2
"""Cells between columns."""
LEAST_NAME = 11
"""Cells of a side's name at least, before it is folded."""
LEGEND = "bold: told apart   ≈ cannot be told apart   ? not judged   = alike"
LOOK_AT = "to look at, not concluded"
"""What heads mistakes, a tenth of which differ by chance."""
BOLD = "bold"
DIM = "dim"
STYLES = {PairStatus.ABOVE: BOLD, PairStatus.OPEN: DIM, PairStatus.ALIKE: DIM}
ENDS = {PairStatus.OPEN: "≈", PairStatus.ALIKE: " alike", PairStatus.UNJUDGED: UNJUDGED}
"""What stands behind a difference, by what is concluded of it."""


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
    first, *others = _blocks(table, marks, width)
    outer.add_row(_beside(table, first, marks))
    outer.add_row(Text("In words", style=BOLD))
    for verdict in _in_words(table, marks, width):
        outer.add_row(verdict)
    method = method_sentence(table.judgement) if table.judgement is not None else ""
    for line in (*([method] if method else []), LEGEND):
        outer.add_row(Text(line, style=DIM))
    outer.add_row("")
    for block in others:
        outer.add_row(_beside(table, block, marks))
        outer.add_row("")
    for block in (first, *others) if table.made else ():
        outer.add_row(_settings(table, block, marks))
        outer.add_row("")
    outer.add_row(Text("At length", style=BOLD))
    for sentence in table.verdicts:
        if sentence != method:
            outer.add_row(Text(sentence))
    for line in (*table.notes, SPREAD):
        outer.add_row(Text(line, style=DIM))
    outer.add_row("")
    for name, shifts in shifts_by_side.items():
        outer.add_row(
            Text.assemble((f"{name} − {table.sides[0].name}, by class", BOLD), (_summed(shifts), DIM))
        )
        if shifts.summary:
            outer.add_row(Text(f"{name} {shifts.summary}"))
        for grid in _by_class(shifts, width):
            outer.add_row(grid)
        outer.add_row("")
    return outer


def _in_words(table: Table, marks: Sequence[Text], width: int) -> list[Text]:
    """Return what is concluded, a line each.

    Sides are called by their marks and names where a line has room; else the baseline, which the frame names, or all
    by their marks alone.
    """
    names = [side.name for side in table.sides]
    signs = [mark.plain for mark in marks]
    full = {name: f"{sign} {name}".lstrip() for name, sign in zip(names, signs, strict=True)}
    ways = [full]
    if all(len(sign) == 1 for sign in signs) and len(set(signs)) == len(signs):
        ways += [full | {names[0]: signs[0]}, dict(zip(names, signs, strict=True))]
    texts = [
        Text(next((line for line in lines if cell_len(line) <= width), lines[-1]))
        for lines in zip(*(in_brief(table, called) for called in ways), strict=True)
    ]
    for text in texts:
        for mark in marks:
            for span in mark.spans:
                text.highlight_words([mark.plain[span.start : span.end]], span.style)
    return texts


@dataclass(frozen=True)
class _Form:
    """How much of each cell is written."""

    intervals: Literal["all", "judged", "none"]
    """Of which differences: those that the verdicts speak of stand longest."""
    one_line: bool
    """Whether the interval of a value stands behind it, else below."""
    spaced: bool
    """Whether there is a space on both sides of ±."""
    ranges: bool = False
    """Whether the range of the seeds stands behind a median."""

    def value(self, cell: Cell) -> str:
        """Return a value, in lines."""
        text = cell.value if self.one_line else cell.value.replace(" (", "\n(")
        if self.ranges and cell.range:
            text += f" {cell.range}"
        return text if self.spaced else text.replace(" ± ", "±")

    def delta(self, cell: Cell) -> str:
        """Return a difference with what is concluded of it."""
        if not cell.delta:
            return ""
        end = ENDS.get(cell.status, "") if cell.status is not None else ""
        end = f" {end}" if self.spaced and end in ("≈", "?") else end
        delta = cell.delta if self.spaced else cell.delta.replace("× ", "×")
        is_shown = self.intervals == "all" or (self.intervals == "judged" and cell.status is not None)
        interval = f" {cell.interval}" if is_shown and cell.interval else ""
        return f"{delta}{interval}{end}"


FORMS = (
    _Form(intervals="all", one_line=True, spaced=True, ranges=True),
    _Form(intervals="all", one_line=True, spaced=True),
    _Form(intervals="judged", one_line=True, spaced=True),
    _Form(intervals="none", one_line=True, spaced=True),
    _Form(intervals="none", one_line=False, spaced=True),
    _Form(intervals="none", one_line=False, spaced=False),
)
"""From the fullest to the shortest."""


@dataclass(frozen=True)
class _Column:
    """A side as a column: how wide its values, its differences and both together are."""

    side: int
    value: int
    delta: int
    width: int


@dataclass(frozen=True)
class _Block:
    """The sides that stand beside each other, in one form."""

    form: _Form
    columns: tuple[_Column, ...]


def _blocks(table: Table, marks: Sequence[Text], width: int) -> Iterator[_Block]:
    """Yield the sides that stand beside each other: the baseline in each block, and as many others as have room.

    The cells are written in the fullest form for which a block has room, and names take what is left over.
    """
    room = width - _names(table)
    shortest = [_column(table, FORMS[-1], side) for side in range(len(table.sides))]
    for sides in _grouped([GAP + column.width for column in shortest], room):
        columns, form = [shortest[side] for side in sides], FORMS[-1]
        for fuller in FORMS[:-1]:
            tried = [_column(table, fuller, side) for side in sides]
            if sum(GAP + column.width for column in tried) <= room:
                columns, form = tried, fuller
                break
        spare = max(0, room - sum(GAP + column.width for column in columns))
        widened = []
        for column in columns:
            longest = max(
                cell_len(_name(table, column.side, marks)),
                *(cell_len(values[column.side]) for _, values in table.made),
                0,
            )
            more = min(spare, max(0, longest - column.width))
            spare -= more
            widened.append(_Column(column.side, column.value, column.delta, column.width + more))
        yield _Block(form, tuple(widened))


def _grouped(needs: Sequence[int], room: int) -> Iterator[list[int]]:
    """Yield the first and as many others as have room, until each was there."""
    block, taken = [0], needs[0]
    for side in range(1, len(needs)):
        if len(block) > 1 and taken + needs[side] > room:
            yield block
            block, taken = [0], needs[0]
        block.append(side)
        taken += needs[side]
    yield block


def _column(table: Table, form: _Form, side: int) -> _Column:
    """Return the column of a side, as wide as its numbers."""
    cells = [row[side] for _, row in table.measured]
    value = max((cell_len(line) for cell in cells for line in form.value(cell).splitlines()), default=0)
    delta = max((cell_len(form.delta(cell)) for cell in cells), default=0)
    if side:
        delta = max(delta, len("less ▲"))
    return _Column(side, value, delta, max(LEAST_NAME, value + delta + (GAP - 1 if delta else 0)))


def _names(table: Table) -> int:
    """Return the cells of the longest name of a row."""
    return max((cell_len(name) for name, _ in (*table.made, *table.measured)), default=0)


def _name(table: Table, side: int, marks: Sequence[Text], width: int = 0) -> str:
    """Return what a side is called, with its mark and count; in two lines of a width, if one is given."""
    mark, name, count = marks[side].plain, table.sides[side].name, table.sides[side].count
    for length in range(cell_len(name), 0, -1):
        called = f"{mark} {shorten(name, length, 'middle')}{count}".lstrip()
        if not width:
            return called
        if (folded := _folded(called, width)).count("\n") < 2:
            return folded
    return f"{mark}{count}".strip()


def _beside(table: Table, block: _Block, marks: Sequence[Text]) -> Grid:
    """Return what was measured on some sides, each with its difference from the baseline behind it."""
    grid = _grid_of(table)
    for column in block.columns:
        grid.add_column(_heading(table, column, marks), width=column.width, no_wrap=True)
    for name, cells in table.measured:
        texts = [_written(cells[column.side], column, block.form) for column in block.columns]
        grid.add_row(Text(name), *texts)
    return grid


def _settings(table: Table, block: _Block, marks: Sequence[Text]) -> Grid:
    """Return the settings in which some sides differ from the others."""
    grid = _grid_of(table)
    for column in block.columns:
        heading = _marked(marks[column.side], _name(table, column.side, marks, column.width))
        grid.add_column(heading, width=column.width, overflow="fold")
    for key, values in table.made:
        grid.add_row(Text(key), *(Text(values[column.side]) for column in block.columns))
    return grid


def _grid_of(table: Table) -> Grid:
    """Return a grid with the column of the rows' names."""
    grid = Grid(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style=BOLD, expand=False)
    grid.add_column("", style=DIM, no_wrap=True, width=_names(table))
    return grid


def _heading(table: Table, column: _Column, marks: Sequence[Text]) -> Text:
    """Return what heads a side: its name, what is left out of it, and of what the numbers behind its values are."""
    side = table.sides[column.side]
    heading = _marked(marks[column.side], _name(table, column.side, marks, column.width))
    if side.left_out:
        heading.append("\n" + _folded(side.left_out, column.width), "not bold yellow")
    baseline = marks[0].plain if len(marks[0].plain) == 1 else ""
    words = (f"less {baseline}" if baseline else "diff.") if column.side else "baseline"
    last = heading.plain.rpartition("\n")[2]
    if column.side == 0:
        heading.append("\n" + words, "not bold dim")
    elif cell_len(last) + 1 + cell_len(words) <= column.value + 1 + column.delta and not side.left_out:
        heading.append(words.rjust(column.value + 1 + column.delta - cell_len(last)), "not bold dim")
    else:
        heading.append("\n" + words.rjust(column.value + 1 + column.delta), "not bold dim")
    return heading


def _marked(mark: Text, text: str) -> Text:
    """Return a text that may begin with a mark, which has its colour then."""
    heading = Text(text)
    if text.startswith(mark.plain):
        for span in mark.spans:
            heading.stylize(span.style, span.start, span.end)
    return heading


def _written(cell: Cell, column: _Column, form: _Form) -> Text:
    """Return a value and its difference: bold where the two are told apart, quiet where they are not."""
    value, *below = form.value(cell).splitlines()
    text = Text(value.rjust(column.value))
    if cell.delta:
        delta = form.delta(cell)
        style = STYLES.get(cell.status, "") if cell.status is not None else ""
        text.append(" " + " " * (column.delta - cell_len(delta)))
        text.append(delta, style)
    for line in below:
        text.append("\n" + line.rjust(column.value))
    return text


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
