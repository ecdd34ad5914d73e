"""Which of two experiments is better, and whether the seeds there are can tell: Welch's test, no torch.

A difference between two runs says nothing yet about their recipes: another seed may turn it round. What can be said is
measured against how much seeds differ. One seed against several is measured against how much those differ; with one
seed each there is no such measure, and only the finite test split is accounted for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from engine.events import Estimate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEVEL = 0.95
POWER = 0.8
MOST_SEEDS = 1000
"""Where a difference would need more seeds than this to be seen, nobody will see it."""
ONE_SEED = "t-test of one seed against several"
"""What one observation is tested by against a small sample (Crawford and Howell, 1998)."""


class Difference(NamedTuple):
    """How much larger a value is for one experiment than for another.

    Attributes:
        delta: The difference of the means.
        low: Lower end of its 95 % interval; NaN where nothing is known about it.
        high: Upper end.
        p: The probability of a difference as large if there were none; NaN where nothing is known.
        test: What it was tested by.
        seeds: How many seeds of each would show a true difference of this size in four of five times; None where
            that is not known, or too many.
    """

    delta: float
    low: float
    high: float
    p: float
    test: str
    seeds: int | None = None

    @property
    def told(self) -> bool:
        """Whether the two can be told apart at the level of 5 %."""
        return self.p < 1 - LEVEL


def difference(a: Sequence[float], b: Sequence[float]) -> Difference:
    """Return how much larger the values ``a`` of some seeds are than ``b``, by Welch's t-test (1947).

    From three seeds each on, equal experiments are called different in 4 to 7 % of cases, however they spread; with
    two seeds against more it can be 12 %. One seed against several is tested as if its own experiment's seeds spread
    as the others do: no one seed can say how much they do.

    Raises:
        ValueError: One of them has no values.
    """
    if not a or not b:
        raise ValueError("there are no values to compare")
    delta = _mean(a) - _mean(b)
    if len(a) == len(b) == 1:
        return Difference(delta, math.nan, math.nan, math.nan, "one seed: not tested")
    if len(a) == 1 or len(b) == 1:
        return _one_against_several(a, b)
    from scipy.special import stdtr, stdtrit  # Student's t, without the half second that scipy.stats takes

    (a, b), exponent = _scaled(a, b)  # a run may say numbers whose squares are none
    errors = [_variance(values) / len(values) for values in (a, b)]
    error = math.sqrt(sum(errors))
    if error == 0:
        same = delta == 0
        return Difference(delta, delta, delta, 1.0 if same else 0.0, "Welch's t-test", None if same else 2)
    shares = [part / sum(errors) for part in errors]  # squares of the errors themselves may be none
    freedom = 1 / sum(share**2 / (len(values) - 1) for share, values in zip(shares, (a, b), strict=True))
    half = math.ldexp(float(stdtrit(freedom, (1 + LEVEL) / 2)) * error, exponent)
    p = float(2 * stdtr(freedom, -abs(_mean(a) - _mean(b)) / error))
    return Difference(
        delta, delta - half, delta + half, p, "Welch's t-test", seeds_to_tell(_mean(a) - _mean(b), a, b)
    )


def _one_against_several(a: Sequence[float], b: Sequence[float]) -> Difference:
    """Return the same where one of them has a single value: is it one of the others' kind?"""
    from scipy.special import stdtr, stdtrit

    delta = _mean(a) - _mean(b)
    (a, b), exponent = _scaled(a, b)
    several = max(a, b, key=len)
    error = math.sqrt(_variance(several) * (1 + 1 / len(several)))
    if error == 0:
        if delta == 0:
            return Difference(delta, delta, delta, 1.0, ONE_SEED)
        return Difference(delta, math.nan, math.nan, math.nan, "seeds without any spread: not tested")
    freedom = len(several) - 1
    half = math.ldexp(float(stdtrit(freedom, (1 + LEVEL) / 2)) * error, exponent)
    scaled = _mean(a) - _mean(b)
    p = float(2 * stdtr(freedom, -abs(scaled) / error))
    return Difference(delta, delta - half, delta + half, p, ONE_SEED, seeds_to_tell(scaled, several, several))


def seeds_to_tell(delta: float, a: Sequence[float], b: Sequence[float]) -> int | None:
    """Return how many seeds of each would show a true difference ``delta``, if they spread as these do.

    For a two-sided t-test at 5 % with a power of 80 % (Cohen, 1988); None for more than ``MOST_SEEDS``.
    """
    spread = math.sqrt((_variance(a) + _variance(b)) / 2)
    seeds, deviations = _seen_with()
    enough = seeds[abs(delta) >= deviations * spread]
    return int(enough[0]) if delta and len(enough) else None


@cache
def _seen_with() -> tuple[NDArray[np.int_], NDArray[np.float64]]:
    """Return numbers of seeds, and of how many standard deviations a difference is seen with so many of each."""
    import numpy as np
    from scipy.special import stdtrit

    n = np.arange(2, MOST_SEEDS + 1)
    needed = stdtrit(2 * n - 2, (1 + LEVEL) / 2) + stdtrit(2 * n - 2, POWER)
    return n, needed * np.sqrt(2 / n)


def difference_of_models(a: Estimate, b: Estimate) -> Difference:
    """Return the same for one trained model each, from the intervals of their scores on one test split.

    It speaks of other test images, not of other seeds. The two are taken as independent, which errs on the side of
    doubt: on the same images scores go up and down together.
    """
    from statistics import NormalDist

    delta = a.value - b.value
    if a.margin is None or b.margin is None:
        return Difference(delta, math.nan, math.nan, math.nan, "no intervals: not tested")
    half = math.hypot(a.margin, b.margin)
    if half == 0:
        return Difference(delta, delta, delta, float(delta == 0), "z-test of two models")
    z = abs(delta) / half * NormalDist().inv_cdf((1 + LEVEL) / 2)
    return Difference(delta, delta - half, delta + half, 2 * NormalDist().cdf(-z), "z-test of two models")


def _scaled(a: Sequence[float], b: Sequence[float]) -> tuple[tuple[list[float], list[float]], int]:
    """Return the values over a power of two that makes all of them 1 at most, and its exponent."""
    exponent = math.frexp(max(map(abs, (*a, *b))))[1]
    return (
        [math.ldexp(each, -exponent) for each in a],
        [math.ldexp(each, -exponent) for each in b],
    ), exponent


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    """Return the sample variance, 0 for a single value."""
    mean = _mean(values)
    return math.fsum((value - mean) ** 2 for value in values) / max(1, len(values) - 1)
