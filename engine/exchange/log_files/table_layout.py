"""How a table is laid out: what stands between its cells, and which line names its columns.

::

    sep=;                       a line for Excel                      passed over
    # resnet50, lr 0.1          comments                              passed over, except a heading
    Log of 3 May                a title                               passed over
    epoch;loss;acc              the heading: as many cells as the rows below
    1;0,9;0,3
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from engine.exchange.log_files.cells import NUMERIC, QUOTES, Says, read_cell
from engine.text import text_of_csv

DELIMITERS = (",", ";", "\t", "|", " ")
"""What may stand between cells; a space only where nothing else does, and any number of them is one."""
SAMPLE = 40
"""Lines from which the layout is told."""
RULE = " -=:+─|\t\r\n"
"""What the line under a heading is drawn with."""
_SEP = re.compile(r"\s*\"?sep=(.)\"?\s*")


class Layout(NamedTuple):
    """How a table is laid out."""

    delimiter: str
    heading: list[str]
    """The cells of the line that names the columns."""
    line: int
    """Its number."""
    begin: int
    """Which line of the sample follows it, from 0."""
    notes: list[str]
    comments: int
    """Comments before it."""


def split(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line; one that the CSV format does not allow is a single cell."""
    line = line.strip("\r\n")
    try:
        if delimiter == " ":
            line = line.strip()
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return [line]


def column_name(cell: str) -> str:
    """Return the name that a cell of a heading says, without blanks and quotes around it."""
    name = cell.strip()
    if len(name) > 2 and name[0] == name[-1] and name[0] in QUOTES:
        name = name[1:-1].strip()
    return text_of_csv(name)


def find_layout(sample: Sequence[tuple[int, str]]) -> Layout | None:
    """Return the layout that the first lines of a file speak for, None where there is no heading.

    Args:
        sample: The first lines with their numbers.
    """
    forced = ""
    comments: list[int] = []
    rows: list[int] = []
    """Indices into the sample."""
    for i, (_, line) in enumerate(sample):
        if not line.strip():
            continue
        if not rows and not forced and (match := _SEP.fullmatch(line)) is not None:
            forced = match[1]
        elif line.lstrip().startswith("#") and not _is_cell(line):
            if not rows:
                comments.append(i)
        else:
            rows.append(i)
    if not rows:
        return _under_comment(sample, comments, rows, forced or ",") if comments else None
    lines = [sample[i][1] for i in rows]
    delimiter, width = (forced, _width(lines, forced)) if forced else _delimiter(lines)
    found = _under_comment(sample, comments, rows, delimiter)
    if found is not None:
        return found
    place = next((k for k, line in enumerate(lines) if _fits(split(line, delimiter), width)), 0)
    if place and all(read_cell(cell)[0] in NUMERIC for cell in split(lines[place], delimiter)):
        place, delimiter = 0, ";"  # one column, whose numbers have a comma
    notes = [f"line {sample[rows[k]][0]} is no row of the table and passed over" for k in range(place)]
    at = rows[place]
    return Layout(delimiter, split(lines[place], delimiter), sample[at][0], at + 1, notes, len(comments))


def _delimiter(lines: list[str]) -> tuple[str, int]:
    """Return what parts the most lines into equally many cells, and into how many."""
    best = (0, 1, ",")
    for delimiter in DELIMITERS:
        width = _width(lines, delimiter)
        if width < 2:
            continue
        alike = sum(_fits(split(line, delimiter), width) for line in lines)
        if delimiter == " " and (best[1] > 1 or alike < len(lines) or not _has_numbers(lines[1:])):
            continue
        if alike * 2 >= len(lines) and (alike, width) > best[:2]:
            best = (alike, width, delimiter)
    return best[2], best[1]


def _width(lines: list[str], delimiter: str) -> int:
    """Return how many cells a line has: the first, if others have as many; else what most have."""
    counts = [len(split(line, delimiter)) for line in lines]
    if counts[0] > 1 and sum(abs(count - counts[0]) <= 1 for count in counts) * 2 >= len(counts):
        return counts[0]
    return Counter(count for count in counts if count > 1).most_common(1)[0][0] if max(counts) > 1 else 1


def _fits(cells: list[str], width: int) -> bool:
    """Return whether a line has as many cells as the heading, or the index more that R writes."""
    return len(cells) in (width, width + 1) if width > 1 else True


def _under_comment(
    sample: Sequence[tuple[int, str]], comments: list[int], rows: list[int], delimiter: str
) -> Layout | None:
    """Return the layout of a table whose heading is a comment, as NumPy writes it: then its first row is of numbers."""
    if not comments or not rows or rows[0] < comments[-1]:
        return None
    number, line = sample[comments[-1]]
    first, heading = split(sample[rows[0]][1], delimiter), split(line.lstrip().lstrip("#").strip(), delimiter)
    says = {read_cell(cell)[0] for cell in first}
    if len(heading) != len(first) or not says & NUMERIC or not says <= NUMERIC | {Says.NOTHING}:
        return None
    if any(read_cell(cell)[0] in NUMERIC for cell in heading):
        return None
    return Layout(delimiter, heading, number, rows[0], [], len(comments) - 1)


def _is_cell(line: str) -> bool:
    """Return whether a line that begins with # begins with a cell: ``#N/A``, or the name of an index."""
    return line.lstrip().casefold().startswith(("#n/a", "#na,", "#,", "#;", "#\t"))


def _has_numbers(lines: list[str]) -> bool:
    rows = [split(line, " ") for line in lines if line.strip(RULE)]
    return bool(rows) and all(any(read_cell(cell)[0] in NUMERIC for cell in row) for row in rows)
