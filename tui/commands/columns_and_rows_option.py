"""The option ``--size``: how many columns and rows of a terminal a picture in text takes."""

from __future__ import annotations

import click


def size_of(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Return the columns and rows that an option says.

    Raises:
        BadParameter: It is no size, or too small or large a size.
    """
    if value is None:
        return None
    columns, _, rows = value.partition("x")
    if not (
        columns.isdecimal() and rows.isdecimal() and 20 <= int(columns) <= 1000 and 6 <= int(rows) <= 1000
    ):
        raise click.BadParameter(f"{value!r} is no size such as 120x36 (20x6 at least, 1000x1000 at most)")
    return int(columns), int(rows)
