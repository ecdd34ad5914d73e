"""Whether one trained model is better than another on images of this kind: tests over images, not over seeds.

They say nothing of the recipes: two seeds of one recipe differ as much, and are told apart in a third of cases on
10,000 images.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from engine.analysis.statistics.significance import ALPHA, agreeing_half, level_of_one, sidak

if TYPE_CHECKING:
    from engine.events import Estimate

EXACT_BELOW = 25
"""With fewer images on which one of the two is right, McNemar's test is the binomial one."""
NORMAL = NormalDist()


class ModelTest(NamedTuple):
    """How much better one model scores than another.

    Attributes:
        delta: The score of the one less that of the other.
        low: Lower end of its 95 % interval.
        high: Upper end.
        p: The two-sided p value, not corrected.
        method: The name of the test.
    """

    delta: float
    low: float
    high: float
    p: float
    method: str

    def among(self, m: int, alpha: float = ALPHA) -> ModelTest:
        """Return the same as one of ``m`` comparisons: p by Šidák, the interval as wide as that asks for."""
        wider = _quantile(m, alpha) / _quantile(1, ALPHA)
        p = sidak(self.p, m)
        significant = p < alpha
        below = (self.delta - self.low) * wider
        above = (self.high - self.delta) * wider
        if self.delta > 0:
            below = agreeing_half(below, self.delta, significant=significant)
        else:
            above = agreeing_half(above, self.delta, significant=significant)
        return self._replace(low=self.delta - below, high=self.delta + above, p=p)

    def mirrored(self) -> ModelTest:
        """Return the same with the sides changed."""
        return self._replace(delta=-self.delta, low=-self.high, high=-self.low)


def z_test(a: Estimate, b: Estimate) -> ModelTest | None:
    """Return the test of two independent scores from the two sides of their intervals (Zou & Donner 2008).

    Scores on the same images go up and down together, so that it errs on the side of doubt for two models.

    Returns:
        None where one of the two has no interval, or one without a width.
    """
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return None
    delta = a.value - b.value
    below = math.hypot(a.value - a.low, b.high - b.value)
    above = math.hypot(a.high - a.value, b.value - b.low)
    nearer = below if delta > 0 else above
    if nearer <= 0:
        return None
    p = 2 * NORMAL.cdf(-abs(delta) / nearer * _quantile(1, ALPHA))
    return ModelTest(delta, delta - below, delta + above, p, "z-test")


def mcnemar(only_a: int, only_b: int, images: int) -> ModelTest:
    """Return the test of two accuracies on the same images (McNemar 1947).

    Args:
        only_a: How many images only the one model has right.
        only_b: How many images only the other has right.
        images: How many images there are.

    Raises:
        ValueError: The numbers do not fit.
    """
    discordant = only_a + only_b
    if min(only_a, only_b) < 0 or not max(1, discordant) <= images:
        raise ValueError(f"{only_a} and {only_b} of {images} images cannot be right for one model only")
    delta = (only_a - only_b) / images
    error = math.sqrt(max(0.0, discordant - (only_a - only_b) ** 2 / images)) / images
    half = _quantile(1, ALPHA) * error
    p = _mcnemar_p(only_a, only_b)
    half = agreeing_half(half, delta, significant=p < ALPHA)
    return ModelTest(delta, delta - half, delta + half, p, "McNemar's test")


def _mcnemar_p(only_a: int, only_b: int) -> float:
    discordant = only_a + only_b
    if discordant == 0:
        return 1.0
    if discordant >= EXACT_BELOW:
        return 2 * NORMAL.cdf(-abs(only_a - only_b) / math.sqrt(discordant))
    fewer = sum(math.comb(discordant, hits) for hits in range(min(only_a, only_b) + 1))
    return min(1.0, math.ldexp(fewer, 1 - discordant))


def _quantile(m: int, alpha: float) -> float:
    return -NORMAL.inv_cdf(level_of_one(m, alpha) / 2)
