"""The table at the top of a report: of each figure who leads by what, of how many seeds, and whether that is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from engine.analysis.conclusions.number_text import number
from engine.text import Strong, clean
from tui.report.statements import Leader

HEAD = ("figure", "judged by", "first", "its mean", "N", "what is told", "p")
NONE = "–"


@dataclass(frozen=True)
class SummaryRow:
    """A figure of the report in a line."""

    section: int
    """Which section it is about, counted from 1."""
    title: str
    cells: tuple[str, ...]
    """Of the columns after the first; who is the best is ``Strong``."""


def summary_rows(
    section: int, title: str, leaders: Iterable[Leader], *, is_drawn: bool
) -> Iterator[SummaryRow]:
    """Yield the rows of a figure: one for each data set that it judges, else one that says so.

    Args:
        section: The number of its section, counted from 1.
        title: What it is called.
        leaders: Who leads on each data set, as ``Statements.leaders`` yields it.
        is_drawn: Whether there are runs to draw it from.
    """
    rows = [SummaryRow(section, title, tuple(_cells(leader))) for leader in leaders]
    told = "nothing is judged" if is_drawn else "no runs yet"
    yield from rows or [SummaryRow(section, title, (NONE, NONE, NONE, NONE, told, NONE))]


def _cells(leader: Leader) -> Iterator[str]:
    standing = leader.standing
    name = clean(standing.top)
    yield clean(f"{leader.by} on {leader.data}" if leader.data else leader.by)
    yield Strong(name) if leader.is_best else name
    yield number(standing.mean)
    yield str(standing.most) if standing.least == standing.most else f"{standing.least} to {standing.most}"
    yield clean(standing.told)
    yield standing.p or NONE


def shared_notes(legends: Sequence[Sequence[str]]) -> list[str]:
    """Return how tables are read, each sentence once; of two of which one begins as the other the longer stays.

    Args:
        legends: The sentences of each table.
    """
    every = list(dict.fromkeys(note for legend in legends for note in legend))
    return [
        note
        for note in every
        if not any(other != note and other.startswith(note.rstrip(".")) for other in every)
    ]
