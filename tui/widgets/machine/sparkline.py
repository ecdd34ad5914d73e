"""Sparklines: small curves of the last minutes, in block characters; one row high, or several where there is room."""

from __future__ import annotations

from collections.abc import Iterable

from tui.widgets.machine.status_line import BARS

SPAN_S = 180.0
"""Seconds that a curve looks back."""
LEAST = 0.07
"""The part of a cell that shows that a value is known, and small."""


def curve_rows(
    points: Iterable[tuple[float, float | None]], width: int, top: float, now: float, rows: int = 1
) -> list[str]:
    """Return the last ``SPAN_S`` seconds of a value in so many cells and rows, the newest last, the top row first.

    Args:
        points: When, in seconds, and what; a space stands where none is known.
        width: Cells.
        top: The value of a full column.
        now: The time of the last cell.
        rows: How high it is.
    """
    step = SPAN_S / width
    last = int(now // step)
    columns: dict[int, float] = {}
    for when, value in points:
        if value is not None:
            column = int(when // step) - last + width - 1
            columns[column] = max(value, columns.get(column, 0.0))
    heights = [
        None
        if (value := columns.get(column)) is None
        else max(value / top, LEAST / rows) * rows
        if top
        else LEAST
        for column in range(width)
    ]
    return [
        "".join(" " if height is None else _block(height - below) for height in heights)
        for below in range(rows - 1, -1, -1)
    ]


def _block(height: float) -> str:
    """Return a part of a cell as a block: a space for nothing, full from 1 on."""
    return BARS[round(max(0.0, min(1.0, height)) * (len(BARS) - 1))]
