"""Memory is sampled by the clock, many times between two steps: of each step its most counts.

::

    samples   . : .    : .  |  .     the most of each step            ──┐   ┌──
    step      8        10   16       the same steps for every seed      └───┘
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from engine.catalog.metrics import metric_of

Array = NDArray[np.float64]
Points = tuple[Array, Array]
"""Positions (N,), ascending, and values (N,)."""


def is_memory(metric: str) -> bool:
    """Return whether a metric is one of which the most counts."""
    return metric_of(metric).kind.is_memory


def highest_by_place(x: Array, y: Array) -> Points:
    """Return the highest finite value at each position, NaN where there is none.

    Args:
        x: Positions (N,), ascending.
        y: Values (N,).
    """
    first = np.flatnonzero(np.diff(x, prepend=-np.inf) > 0)
    return (x, y) if len(first) == len(x) else (x[first], np.fmax.reduceat(y, first))


def on_common_places(points: Sequence[Points]) -> list[Points]:
    """Return points at the positions that all share: at each the highest since the one before, its own included.

    Behind the last that all share each keeps its own points. Where they share fewer than two nothing changes: these
    are times, and no two runs are looked at in the same moment.
    """
    shared = reduce(np.intersect1d, (x for x, _ in points))  # (M,)
    return [_at(shared, *each) for each in points] if len(shared) > 1 else list(points)


def _at(places: Array, x: Array, y: Array) -> Points:
    ends = np.searchsorted(x, places, "right")
    highest = np.fmax.reduceat(y[: ends[-1]], np.concatenate(([0], ends[:-1])))
    return np.concatenate((places, x[ends[-1] :])), np.concatenate((highest, y[ends[-1] :]))
