"""The table of a comparison as text for other programs, by the writers of `vitui export --table`."""

from __future__ import annotations

from typing import Literal, get_args

from engine.analysis.comparison import SPREAD, Cell, Table
from engine.analysis.comparison_sides import Side
from engine.analysis.conclusions.pairs import PairStatus
from engine.text import Strong, markdown, markdown_table
from tui.report.latex_and_csv_syntax import as_csv, as_latex, latex_notes

ComparisonFormat = Literal["Markdown", "LaTeX", "CSV"]
COMPARISON_FORMATS: tuple[ComparisonFormat, ...] = get_args(ComparisonFormat)
BOLD = "Bold: told apart from the baseline."


def comparison_text(table: Table, form: ComparisonFormat) -> str:
    """Return a comparison in a format: a column a side, each but the first with its difference from the first.

    Markdown and LaTeX have the verdicts and the notes below; a difference that is told apart is bold there.
    """
    head = ["", _headed(table.sides[0])]
    for side in table.sides[1:]:
        head += [_headed(side), f"less {table.sides[0].name}"]
    rows = [[name, *_cells(cells)] for name, cells in table.measured]
    for key, values in table.made:
        rows.append([key, values[0], *(text for value in values[1:] for text in (value, ""))])
    right = range(1, len(head))
    notes = [*table.verdicts, *table.notes, f"{SPREAD}."]
    if any(isinstance(text, Strong) for row in rows for text in row):
        notes.append(BOLD)
    if form == "CSV":
        return as_csv(head, rows)
    if form == "LaTeX":
        return as_latex(head, rows, right) + latex_notes(notes)
    return markdown_table(head, rows, right) + "\n" + "".join(f"- {markdown(note)}\n" for note in notes)


def _cells(cells: list[Cell]) -> list[str]:
    """Return the texts of a row: the baseline's value, then a value and a difference for each other side."""
    texts = [_valued(cells[0])]
    for cell in cells[1:]:
        delta = f"{cell.delta} {cell.interval}".strip()
        texts += [_valued(cell), Strong(delta) if cell.status is PairStatus.ABOVE else delta]
    return texts


def _valued(cell: Cell) -> str:
    return f"{cell.value} {cell.range}".rstrip()


def _headed(side: Side) -> str:
    return side.name + side.count + (f" ({side.left_out})" if side.left_out else "")
