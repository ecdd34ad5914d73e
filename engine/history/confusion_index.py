"""Where a run's confusion matrices stand in its events, and how one of them is read: they are too large to keep."""

from __future__ import annotations

import os
from typing import NamedTuple

from engine.events import Confusion, decode
from engine.system.files import tail

MAX_MATRICES = 10_000
"""Confusion matrices whose places are kept."""
MAX_SPLIT = 40
"""Characters of a split's name that are kept."""


class MatrixLocation(NamedTuple):
    """A confusion matrix in events.jsonl: what it is of, and where its line stands."""

    step: int
    epoch: float
    split: str
    classes: int
    offset: int
    size: int
    """Bytes of the line, without its end."""


def location_of(matrix: Confusion, offset: int, size: int) -> MatrixLocation:
    """Return the place of a matrix whose line of ``size`` bytes begins at ``offset``."""
    split = matrix.split[:MAX_SPLIT]
    return MatrixLocation(matrix.step, matrix.epoch, split, len(matrix.matrix), offset, size)


def read_matrix(path: str | os.PathLike[str], place: MatrixLocation) -> Confusion | None:
    """Return the matrix that stands at a place; None where another file has taken that one's place."""
    lines, _ = tail(path, place.offset, place.size + 1)
    event = decode(lines[0]) if lines else None
    if not isinstance(event, Confusion) or location_of(event, place.offset, len(lines[0])) != place:
        return None
    return event
