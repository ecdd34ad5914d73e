"""The list of runs as a table of texts, for the clipboard and for files."""

from __future__ import annotations

from collections.abc import Sequence

from tui.views.run_list_columns import Column
from tui.views.run_list_row import Row


def headings_of(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return the headings of a table with these columns."""
    return ("experiment", "run", "state", *(column.title for column in _own(columns)), "note")


def cells_of(rows: Sequence[Row], columns: Sequence[Column]) -> list[tuple[str, ...]]:
    """Return the cells of rows under the headings of ``headings_of``; a group stands under its title."""
    own = _own(columns)
    return [
        (
            row.experiment or row.label,
            row.run or "",
            row.state or "not run yet",
            *(column.text(row) for column in own),
            row.note,
        )
        for row in rows
    ]


def _own(columns: Sequence[Column]) -> list[Column]:
    """Return the columns that say something else than those that every table has."""
    return [column for column in columns if column.name not in ("state", "note")]
