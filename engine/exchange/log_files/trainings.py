"""Where a file holds more than one training: the same metric is measured again at an earlier place.

::

    epoch 1 2 3 4 5 1 2 3     begins again where it began: another training
    epoch 1 2 3 4 5 4 5 6     goes back to a checkpoint: the later rows count from there on
    epoch 5 4 3 2 1           is written backwards
    step  10 12 11 13         one is late: put where it belongs
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.exchange.log_files.gathered import Floats, Rows
from engine.exchange.log_files.steps_and_times import filled

MOST_RESUMES = 3
"""Times that a training may go back, or a tenth of its rows; beyond, its rows are in no order."""
MOST_TRAININGS = 100
"""Trainings of a file; beyond, its rows are in no order."""
MOST_RETURNS = 1000
"""Rows of a file that may go back; beyond, they are in no order."""
SHUFFLED = 0.3
"""The share of rows that go back from which they are in no order, if they measure nothing twice."""


@dataclass(frozen=True)
class Training:
    """The rows of one training."""

    rows: Rows
    """In the order of the file."""
    replaced: list[tuple[int, int]] = field(default_factory=list)
    """The rows from which on others are measured anew, and how many those are."""
    is_unordered: bool = False


def find_trainings(position: Floats, rows: Rows, metrics: Rows) -> list[Training]:
    """Return the trainings that rows are of, in their order.

    Args:
        position: The step or epoch of each row (R,), NaN where it says none.
        rows: The row of each value (V,), rising.
        metrics: The metric of each value (V,).
    """
    count = len(position)
    returns = _returns(position, rows, metrics)
    known = position[np.isfinite(position)]
    if len(known) > 2 and (np.diff(known) <= 0).all() and known[0] > known[-1]:
        return [Training(np.arange(count)[::-1])]
    unordered = [Training(np.arange(count), is_unordered=True)]
    going_back = len({row for row, _ in returns})
    is_shuffled = going_back > max(1, SHUFFLED * len(known)) and _are_apart(position, rows, metrics)
    if is_shuffled or going_back > MOST_RETURNS:
        return unordered
    begins, resumes = [0], [list[int]()]
    begin = 0
    for row, before in returns:
        if before < begin:
            continue
        row = _earliest(position, row, begin)
        first, second = _first_places(position, begins[-1], row)
        if position[row] > first and _is_late(position, row, begin):
            continue
        if position[row] <= first or position[row] < second:
            begins.append(row)
            resumes.append([])
        else:
            resumes[-1].append(row)
        begin = row
    if len(begins) > MOST_TRAININGS:
        return unordered
    ends = [*begins[1:], count]
    return [_training(position, *part) for part in zip(begins, ends, resumes, strict=True)]


def _training(position: Floats, begin: int, end: int, resumes: list[int]) -> Training:
    rows = np.arange(begin, end)
    if len(resumes) > max(MOST_RESUMES, len(rows) / 10):
        return Training(rows, is_unordered=True)
    position = filled(position)  # a row that says none is where the one before it is
    keep = np.ones(len(rows), dtype=bool)
    replaced = []
    for row in resumes:
        before = rows < row
        anew = before & keep & (position[rows] >= position[row])
        keep &= ~anew
        replaced.append((row, int(anew.sum())))
    return Training(rows[keep], replaced)


def measured_again(position: Floats, rows: Rows, metrics: Rows) -> Rows:
    """Return which values (V,) have another of their metric at the same place before them.

    Args:
        position: The step or epoch of each row (R,), NaN where it says none.
        rows: The row of each value (V,), rising.
        metrics: The metric of each value (V,).
    """
    at = position[rows]
    order = np.lexsort((np.arange(len(at)), at, metrics))
    same = (metrics[order][1:] == metrics[order][:-1]) & (at[order][1:] == at[order][:-1])
    return np.sort(order[1:][same])


def _returns(position: Floats, rows: Rows, metrics: Rows) -> list[tuple[int, int]]:
    """Return the rows in which a metric goes back, each with the row before it that measured the metric."""
    known = np.isfinite(position[rows])
    rows, metrics = rows[known], metrics[known]
    order = np.argsort(metrics, kind="stable")
    rows, metrics = rows[order], metrics[order]
    goes_back: NDArray[np.bool_] = (metrics[1:] == metrics[:-1]) & (position[rows[1:]] < position[rows[:-1]])
    found = zip(rows[1:][goes_back].tolist(), rows[:-1][goes_back].tolist(), strict=True)
    return sorted(found, key=lambda pair: (pair[0], -pair[1]))


def _are_apart(position: Floats, rows: Rows, metrics: Rows) -> bool:
    """Return whether no metric is measured twice at one place, so that rows in no order replace nothing."""
    known = np.isfinite(position[rows])
    places = np.stack([metrics[known].astype(np.float64), position[rows[known]]])
    return bool(np.unique(places, axis=1).shape[1] == places.shape[1])


def _earliest(position: Floats, row: int, begin: int) -> int:
    """Return the row with which what goes back in a row began: rows before it may measure what is new."""
    while row - 1 > begin and position[row - 1] <= position[row]:
        before = position[begin : row - 1]
        if np.isnan(before).all() or position[row - 1] >= np.nanmax(before):
            break
        row -= 1
    return row


def _first_places(position: Floats, begin: int, end: int) -> tuple[float, float]:
    """Return the first place of a training and its second: what goes back before that has begun again."""
    part = position[begin:end]
    part = np.unique(part[np.isfinite(part)])
    return float(part[0]), float(part[min(1, len(part) - 1)])


def _is_late(position: Floats, row: int, begin: int) -> bool:
    """Return whether a single row stands too late, at a place that no other row has."""
    before, after = position[begin:row], position[row + 1 :]
    after = after[np.isfinite(after)]
    highest = np.nanmax(before)
    return bool((before != position[row]).all() and (not len(after) or after[0] >= highest))
