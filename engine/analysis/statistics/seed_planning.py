"""How many seeds show a difference that matters: planned from a margin, never from the difference that was observed.

A spread seen in few seeds is itself uncertain, and a number of seeds planned from it falls short half of the time. So
the upper 80 % limit of the spread is taken (Browne 1995; Kieser & Wassmer 1996), with which it suffices in four of
five pilots.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.analysis.statistics.significance import ALPHA, Pool, Spread, level_of_one

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POWER = 0.8
CONFIDENCE = 0.8
"""How sure it is that the true spread is below the limit that is planned with."""
MOST_SEEDS = 1000
"""A difference that needs more seeds than these is out of reach."""
IMAGES_LIMIT = 2.8
"""A margin below so many standard errors of the images is not shown by any number of seeds."""


def upper_spread(a: Spread, b: Spread, pool: Pool) -> float:
    """Return the upper 80 % limit of the standard deviation that two experiments have in common.

    Args:
        a: The moderated spread of the one.
        b: The moderated spread of the other.
        pool: Its degrees of freedom bound those of both together.
    """
    from scipy.special import chdtri

    freedom = min(a.freedom + b.freedom, pool.freedom)
    quantile = float(chdtri(freedom, CONFIDENCE))  # of the chi-squared distribution, 20 % lie below
    return math.hypot(a.sd, b.sd) / math.sqrt(2) * math.sqrt(freedom / quantile)


def seeds_needed(margin: float, spread: float, m: int = 1) -> int | None:
    """Return how many seeds of each show a difference of ``margin`` in four of five cases.

    Args:
        margin: The difference that matters, above 0.
        spread: The standard deviation over seeds, as ``upper_spread`` returns it.
        m: How many comparisons are told together.

    Returns:
        The number of seeds of each experiment, None for more than ``MOST_SEEDS``.
    """
    import numpy as np

    if spread <= 0:
        return 2
    enough = np.flatnonzero(_deviations(m) <= margin / spread)
    return int(enough[0]) + 2 if len(enough) else None


def detectable(seeds_a: int, seeds_b: int, spread: float, m: int = 1) -> float:
    """Return the difference that so many seeds show in four of five cases (D80).

    Args:
        seeds_a: Seeds of the one.
        seeds_b: Seeds of the other; three or more together.
        spread: The standard deviation over seeds, as ``upper_spread`` returns it.
        m: How many comparisons are told together.
    """
    from scipy.special import stdtrit

    freedom = seeds_a + seeds_b - 2
    quantiles = float(stdtrit(freedom, POWER)) - float(stdtrit(freedom, level_of_one(m, ALPHA) / 2))
    return quantiles * spread * math.sqrt(1 / seeds_a + 1 / seeds_b)


def is_out_of_reach(margin: float, image_variance: float | None) -> bool:
    """Return whether the test images are too few for any number of seeds to show a difference of ``margin``.

    Args:
        margin: The difference that matters.
        image_variance: The variance of the difference that the choice of images makes; None where it is not known.
    """
    return image_variance is not None and margin < IMAGES_LIMIT * math.sqrt(image_variance)


@lru_cache(maxsize=64)
def _deviations(m: int) -> NDArray[np.float64]:
    """Return of how many standard deviations a difference shows with 2, 3, … ``MOST_SEEDS`` seeds of each."""
    import numpy as np
    from scipy.special import stdtrit

    seeds = np.arange(2, MOST_SEEDS + 1)
    quantiles = stdtrit(2 * seeds - 2, POWER) - stdtrit(2 * seeds - 2, level_of_one(m, ALPHA) / 2)
    deviations: NDArray[np.float64] = quantiles * np.sqrt(2 / seeds)
    return deviations
