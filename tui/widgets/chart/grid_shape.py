"""How many charts stand beside and below each other: as many as fit, or as a user asks. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

MIN_WIDTH, MIN_HEIGHT, MOST = 32, 10, 4
"""Cells below which a chart is not made by itself, and how many stand in a row or a column at most."""
LEAST_WIDTH, LEAST_HEIGHT, MOST_ASKED = 20, 5, 8
"""The same where a user asks for columns and rows."""
SUGGESTED = ("1x1", "1x2", "1x3", "2x1", "2x2", "2x3", "3x2", "3x3", "4x3", "4x4")
"""What is offered to a user who asks for columns and rows."""


class Shape(NamedTuple):
    """Columns and rows of charts."""

    columns: int
    rows: int

    def __str__(self) -> str:
        return f"{self.columns}x{self.rows}"


def parse_shape(text: str) -> Shape | None:
    """Return the columns and rows that a text asks for, as ``3x2``; None where it asks for none that can be."""
    found = re.fullmatch(r"\s*([0-9])\s*[x×X, ]\s*([0-9])\s*", text)
    shape = Shape(int(found[1]), int(found[2])) if found is not None else None
    return shape if shape is not None and all(0 < number <= MOST_ASKED for number in shape) else None


def grid_shape(width: int, height: int, charts: int, asked: Shape | None = None) -> Shape:
    """Return the columns and rows of a grid, at least one of each and no row without a chart.

    Args:
        width: Cells of the grid.
        height: Rows of cells of the grid.
        charts: How many charts there are for it.
        asked: What a user asks for, which holds as far as it has room; None for as many as fit well.
    """
    if asked is not None:
        columns = max(1, min(asked.columns, width // LEAST_WIDTH, max(charts, 1)))
        return Shape(columns, max(1, min(asked.rows, height // LEAST_HEIGHT, -(-charts // columns))))
    columns, rows = max(1, min(MOST, width // MIN_WIDTH)), max(1, min(MOST, height // MIN_HEIGHT))
    while columns > 1 and (columns - 1) * rows >= charts:
        columns -= 1
    while rows > 1 and columns * (rows - 1) >= charts:
        rows -= 1
    return Shape(columns, rows)
