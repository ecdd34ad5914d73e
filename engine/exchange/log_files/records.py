"""A record: what one row of a table or one object of a JSON file says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Record(NamedTuple):
    """What was logged at once."""

    line: int
    """Where it stands, from 1; in a JSON document which one it is."""
    cells: Mapping[str, object]
    """What it says, by the names of columns: texts of a table, values of a JSON file."""


def listed(count: int, noun: str) -> str:
    """Return how many there are of something: 1 row, 3,000 rows."""
    return f"{count:,} {noun}{'s' * (count != 1)}"
