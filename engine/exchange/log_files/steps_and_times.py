"""Steps, epochs and times of rows: what is missing comes from the neighbours, and times are taken for what they are."""

from __future__ import annotations

from typing import Literal

import numpy as np

from engine.events import LATEST
from engine.exchange.log_files.gathered import Floats, Rows

CLOCK_FROM = 1e8
"""Seconds from which a number is a moment since 1970; what is less has been counted since a start."""
SCALES = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))
"""Moments up to these are in seconds, milliseconds, microseconds, nanoseconds: so many to the second."""
GROWTH = 1.5
"""How far times have to grow to be counted since a start: the seconds of each epoch may rise, too."""
MOST_STARTS = 3
"""Rows to one start: a resumed program may count from its own."""

Clock = Literal["moments", "elapsed"]


def filled(values: Floats) -> Floats:
    """Return values (R,) of which the missing ones are as the last before them, or else the first."""
    known = np.isfinite(values)
    if known.all() or not known.any():
        return values
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    last[last < 0] = np.flatnonzero(known)[0]
    return values[last]


def neighbours_epochs(epochs: Floats, places: Floats) -> Floats:
    """Return epochs (R,) of which the missing ones are as the next row's by its place, or as the last.

    Args:
        epochs: NaN where a row says none.
        places: The step of each row, or its number.
    """
    known = np.flatnonzero(np.isfinite(epochs))
    if not len(known) or len(known) == len(epochs):
        return epochs
    known = known[np.argsort(places[known], kind="stable")]
    missing = np.flatnonzero(~np.isfinite(epochs))
    following = np.searchsorted(places[known], places[missing], side="left")
    full = epochs.copy()
    full[missing] = epochs[known[np.minimum(following, len(known) - 1)]]
    return full


def counted_on(steps: Floats, epochs: Floats) -> tuple[Floats, int]:
    """Return steps that go on where they begin again while the epochs rise, and the first such row, or -1.

    Args:
        steps: The step of each row (R,), NaN where it says none.
        epochs: Its epoch, NaN where it says none.
    """
    known = np.flatnonzero(np.isfinite(steps) & np.isfinite(epochs))
    s, e = steps[known], epochs[known]
    back = (np.diff(s) < 0) & (np.diff(e) > 0)
    if not back.any():
        return steps, -1
    strides = np.diff(s)
    strides = strides[strides > 0]
    stride = float(np.median(strides)) if len(strides) else 1.0
    counted, base, highest = s.copy(), 0.0, s[0]
    for i in range(1, len(s)):
        if back[i - 1]:
            base = highest + (stride if s[i] == 0 else 0.0)
        elif s[i] < s[i - 1] and e[i] < e[i - 1]:
            base = highest = 0.0
        counted[i] = base + s[i]
        highest = max(highest, counted[i])
    full = steps.copy()
    full[known] = counted
    return full, int(known[np.flatnonzero(back)[0] + 1])


def epochs_among_steps(steps: Floats, epochs: Floats) -> tuple[Floats, Floats]:
    """Return steps and epochs where rows without an epoch say it as their step, as evaluations of MMEngine do."""
    lacking = np.isfinite(steps) & ~np.isfinite(epochs)
    if not lacking.any() or lacking.all() or not np.isfinite(epochs).any():
        return steps, epochs
    known = np.where(np.isfinite(epochs), np.arange(len(epochs)), -1)
    last = np.maximum.accumulate(known)
    if (last[lacking] < 0).any():
        return steps, epochs
    says_epoch = steps[lacking] == np.floor(epochs[last[lacking]])
    goes_back = steps[lacking] < filled(np.where(lacking, np.nan, steps))[lacking]
    if not says_epoch.all() or not goes_back.any():
        return steps, epochs
    return np.where(lacking, np.nan, steps), np.where(lacking, steps, epochs)


def clock_of(times: Floats, trainings: list[Rows], *, is_duration: bool = False) -> Clock | None:
    """Return what the numbers of a column mean as times, None where they are a metric.

    Args:
        times: The number in each row (R,), NaN where there is none.
        trainings: The rows of each training.
        is_duration: Whether they are written as minutes and seconds.
    """
    known = times[np.isfinite(times)]
    if not len(known) or is_duration:
        return None
    middle = float(np.median(known))
    if CLOCK_FROM <= middle < SCALES[-1][0]:
        return "moments"
    if middle >= SCALES[-1][0] or known.min() < 0:
        return None
    parts = [part[np.isfinite(part)] for part in (times[rows] for rows in trainings)]
    pieces = [piece for part in parts if len(part) > 1 for piece in _pieces(part)]
    return "elapsed" if pieces and all(map(_counts_up, pieces)) else None


def moments(times: Floats) -> Floats:
    """Return moments in seconds since the epoch, whatever part of a second they count; NaN for what is none."""
    middle = float(np.median(times[np.isfinite(times)]))
    scale = next(scale for limit, scale in SCALES if middle < limit)
    seconds = times / scale
    return np.where((seconds >= CLOCK_FROM) & (seconds <= LATEST), seconds, np.nan)


def _pieces(times: Floats) -> list[Floats]:
    """Return times by the starts that they are counted from; as one where there would be too many."""
    starts = np.flatnonzero(np.diff(times) < 0) + 1
    pieces = np.split(times, starts)
    return pieces if len(pieces) * MOST_STARTS <= len(times) else [times]


def _counts_up(times: Floats) -> bool:
    """Return whether times rise as those do that are counted from a start."""
    if (np.diff(times) < 0).any() or times[-1] <= times[0]:
        return False
    return bool(times[-1] >= GROWTH * times[0])


def counted_through(times: Floats) -> Floats:
    """Return times (R,) that are counted from the first start where they begin again: each start follows the last time.

    Args:
        times: NaN where a row says none; with missing starts they are as they stand.
    """
    known = np.flatnonzero(np.isfinite(times))
    steps = np.diff(times[known])
    starts = np.where(steps < 0, times[known][:-1], 0.0)
    through = times.copy()
    through[known[1:]] += np.cumsum(starts)
    return through
