"""The mean over seeds and how far it can be trusted: Student's interval, for shares on the scale of the logit."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

LEVEL = 0.95
SAFE = (0.005, 0.995)
"""Within these an interval of a share is left on its own scale."""


def typical(values: Sequence[float]) -> float:
    """Return the time, speed or energy that stands for the seeds of an experiment, one at least: their median."""
    return statistics.median(values)


def seed_mean(values: Sequence[float]) -> float:
    """Return the mean over seeds, of one value at least."""
    return statistics.fmean(values)


def seed_deviation(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation over seeds, None for one seed."""
    return statistics.stdev(values) if len(values) > 1 else None


def over_seeds(values: Sequence[float]) -> tuple[float, float]:
    """Return Student's 95 % interval of the mean over seeds, one value a seed.

    Raises:
        ValueError: There are fewer than two seeds.
    """
    if len(values) < 2:
        raise ValueError(f"an interval over seeds needs two seeds, there are {len(values)}")
    from scipy.special import stdtrit  # Student's t, without the half second that scipy.stats takes

    mean = statistics.fmean(values)
    half = (
        float(stdtrit(len(values) - 1, (1 + LEVEL) / 2)) * statistics.stdev(values) / math.sqrt(len(values))
    )
    return mean - half, mean + half


def share_over_seeds(values: Sequence[float], images: int | None = None) -> tuple[float, float]:
    """Return the same for shares between 0 and 1; near their ends it is that of the logits, and stays within them.

    Args:
        values: A share for each seed.
        images: How many images they are of: 0 and 1 count as half an image from the end.

    Raises:
        ValueError: There are fewer than two seeds.
    """
    low, high = over_seeds(values)
    if SAFE[0] <= low and high <= SAFE[1]:
        return low, high
    nearest = 0.5 / (images or 1000)
    clamped = [min(max(value, nearest), 1 - nearest) for value in values]
    low, high = over_seeds([math.log(value / (1 - value)) for value in clamped])
    return 1 / (1 + math.exp(-low)), 1 / (1 + math.exp(-high))
