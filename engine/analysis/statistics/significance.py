"""Whether seeds tell two experiments apart: a moderated Welch t whose spread is shared between experiments.

Three seeds say little about how much seeds differ. All experiments of a project on the same data and metric together
(the pool) say more, so each variance is drawn towards their mean, as two further degrees of freedom (Smyth 2004), and
never below what its own seeds show. One function tests, one corrects, one gives the interval, and an interval leaves
0 out exactly where the corrected p is below the level.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

ALPHA = 0.05
"""The level of a whole family of comparisons."""
INTERIM_ALPHA = 0.005
"""The level while planned seeds are missing; it leaves the final level unchanged (Haybittle 1971, Peto 1976)."""
PRIOR_FREEDOM = 2.0
"""How many degrees of freedom the pool's variance counts for in an experiment's own (d0)."""
ROUNDING = 4
"""Differences of so many units in the last place are rounding of the arithmetic."""
NO_POOL = "no experiment has two seeds, so nothing says how much seeds differ"
NO_SPREAD = "seeds that do not differ at all leave it open how much seeds differ"
NO_VALUES = "there is no score"


@dataclass(frozen=True)
class Sample:
    """The final scores of an experiment by one metric, and how they were measured."""

    name: str
    values: tuple[float, ...]
    """A score of each finished seed: finite, at most 1e100 in size."""
    resolution: float = 0.0
    """The step of the recorded score: 1 / images for an accuracy, 10^-digits for rounded numbers; 0 for exact ones."""
    epochs: int | None = None
    """How long all seeds were trained; None where that is not one number."""
    images: int | None = None
    """How many images the scores were measured on; None where that is unknown."""
    failed_seeds: int = 0
    """How many further seeds failed and have no score."""
    finished: bool = True
    """Whether all of its seeds have ended."""

    def __post_init__(self) -> None:
        """Refuse values that are not finite.

        Raises:
            ValueError: One of them is not.
        """
        if not all(map(math.isfinite, self.values)):
            raise ValueError(f"a score of {self.name} is not finite")

    @cached_property
    def mean(self) -> float:
        """The mean over seeds; exactly the value that all seeds share, if they share one."""
        least = min(self.values)
        return least + math.fsum(value - least for value in self.values) / len(self.values)

    @cached_property
    def largest(self) -> float:
        """The size of the largest value."""
        return max(map(abs, self.values))

    @cached_property
    def sd(self) -> float:
        """The sample standard deviation over seeds, at least that of rounding; 0 for one seed."""
        if len(self.values) < 2:
            return 0.0
        sd = _root_of_squares([value - self.mean for value in self.values]) / math.sqrt(len(self.values) - 1)
        return max(sd, self.resolution / math.sqrt(12))


class Pool(NamedTuple):
    """How much seeds differ over all experiments on the same data by one metric.

    Attributes:
        sd: The root of the mean of their variances (s0).
        freedom: The degrees of freedom of all their variances together, the most that any test has.
        experiments: How many experiments have several seeds; without one nothing can be tested.
    """

    sd: float = 0.0
    freedom: int = 0
    experiments: int = 0


class Spread(NamedTuple):
    """The moderated standard deviation of an experiment's seeds and its degrees of freedom."""

    sd: float
    freedom: float


class RawTest(NamedTuple):
    """The test of one pair, before any correction.

    Attributes:
        delta: The mean of the one less the mean of the other.
        error: Its standard error; NaN where nothing can be tested.
        freedom: The degrees of freedom of the standard error (Welch 1947), at most the pool's.
        p: The two-sided p value; NaN where nothing can be tested.
        reason: Why nothing can be tested, empty where it can.
    """

    delta: float
    error: float
    freedom: float
    p: float
    reason: str = ""


def pool_of(samples: Iterable[Sample]) -> Pool:
    """Return the shared spread of all experiments that have ended and have two seeds or more.

    Args:
        samples: All experiments of the project on the same data by the same metric, not only those shown.
    """
    several = [sample for sample in samples if sample.finished and len(sample.values) > 1]
    if not several:
        return Pool()
    sd = _root_of_squares([sample.sd for sample in several]) / math.sqrt(len(several))
    return Pool(sd, sum(len(sample.values) - 1 for sample in several), len(several))


def spread_of(sample: Sample, pool: Pool, *, d0: float = PRIOR_FREEDOM, guard: bool = True) -> Spread:
    """Return how much an experiment's seeds spread, as its own seeds and the pool together say.

    Args:
        sample: At least one seed; one seed takes the pool's spread.
        pool: Has at least one experiment.
        d0: The degrees of freedom that the pool counts for; 0 leaves the sample's own.
        guard: Whether the result is at least the sample's own spread.
    """
    own = len(sample.values) - 1
    freedom = min(d0 + own, pool.freedom)
    if own == 0:
        return Spread(pool.sd, freedom)
    moderated = math.hypot(math.sqrt(d0) * pool.sd, math.sqrt(own) * sample.sd) / math.sqrt(d0 + own)
    return Spread(max(moderated, sample.sd) if guard else moderated, freedom)


def raw_test(a: Sample, b: Sample, pool: Pool, *, d0: float = PRIOR_FREEDOM, guard: bool = True) -> RawTest:
    """Return how much larger ``a`` is than ``b``, by the moderated Welch t over seeds.

    Without prior and guard this is Welch's test. One seed against several is Crawford and Howell's statistic (1998).

    Args:
        a: The one; each side has any number of seeds.
        b: The other.
        pool: How much seeds differ in the project.
        d0: The degrees of freedom that the pool counts for.
        guard: Whether a sample's variance is at least the one its own seeds show.
    """
    if not a.values or not b.values:
        return _untested(math.nan, NO_VALUES)
    delta = a.mean - b.mean
    if not pool.experiments:
        return _untested(delta, NO_POOL)
    spreads = (spread_of(a, pool, d0=d0, guard=guard), spread_of(b, pool, d0=d0, guard=guard))
    if not all(spread.freedom for spread in spreads):
        return _untested(delta, NO_POOL)
    errors = [
        spread.sd / math.sqrt(len(sample.values)) for spread, sample in zip(spreads, (a, b), strict=True)
    ]
    error = math.hypot(*errors)
    rounding = ROUNDING * math.ulp(max(a.largest, b.largest))
    if error <= rounding:
        if abs(delta) <= rounding:
            return RawTest(0.0, 0.0, float(pool.freedom), 1.0)
        return _untested(delta, NO_SPREAD)
    from scipy.special import stdtr  # Student's t, without the half second that scipy.stats takes

    shares = [(part / error) ** 2 for part in errors]
    freedom = 1 / sum(share**2 / spread.freedom for share, spread in zip(shares, spreads, strict=True))
    freedom = min(freedom, float(pool.freedom))
    return RawTest(delta, error, freedom, float(2 * stdtr(freedom, -abs(delta) / error)))


def sidak(p: float, m: int) -> float:
    """Return a p value corrected for ``m`` comparisons (Šidák 1967); NaN stays.

    It holds for two-sided t tests however they are correlated.
    """
    if math.isnan(p) or m <= 1:
        return p
    return 1.0 if p >= 1 else -math.expm1(m * math.log1p(-p))


def level_of_plan(seeds: Sequence[int], planned: int | None) -> float:
    """Return the level of significance: ``INTERIM_ALPHA`` while planned seeds are missing, else ``ALPHA``.

    Args:
        seeds: How many seeds each of the compared experiments has.
        planned: How many seeds of each are to be trained; None for no plan.
    """
    return INTERIM_ALPHA if planned is not None and seeds and min(seeds) < planned else ALPHA


def level_of_one(m: int, alpha: float = ALPHA) -> float:
    """Return the level of each of ``m`` comparisons that together have the level ``alpha``."""
    return -math.expm1(math.log1p(-alpha) / max(1, m))


def interval(raw: RawTest, m: int, alpha: float = ALPHA) -> tuple[float, float]:
    """Return the simultaneous interval of a difference, one of ``m``.

    It leaves 0 out exactly where ``sidak(raw.p, m)`` is below ``alpha``.

    Returns:
        Its two ends, NaN where nothing could be tested.
    """
    if math.isnan(raw.p):
        return math.nan, math.nan
    if raw.error == 0:
        return raw.delta, raw.delta
    from scipy.special import stdtrit

    half = -float(stdtrit(raw.freedom, level_of_one(m, alpha) / 2)) * raw.error
    half = agreeing_half(half, raw.delta, significant=sidak(raw.p, m) < alpha)
    return raw.delta - half, raw.delta + half


def agreeing_half(half: float, delta: float, *, significant: bool) -> float:
    """Return half the width of an interval, moved by rounding so that it leaves 0 out exactly if ``significant``."""
    if significant == (half < abs(delta)):
        return half
    return math.nextafter(abs(delta), 0) if significant else abs(delta)


def benjamini_hochberg(ps: Sequence[float], q: float = 0.10) -> list[bool]:
    """Return which of many p values to look at, a share ``q`` of them in error (Benjamini & Hochberg 1995).

    It is for lists to look at, such as the cells of a confusion matrix, and makes no conclusion. NaN is none.
    """
    tested = sorted(p for p in ps if not math.isnan(p))
    limits = [p for rank, p in enumerate(tested, start=1) if p <= q * rank / len(tested)]
    return [p <= limits[-1] if limits else False for p in ps]


def _untested(delta: float, reason: str) -> RawTest:
    return RawTest(delta, math.nan, math.nan, math.nan, reason)


def _root_of_squares(numbers: list[float]) -> float:
    """Return the root of the sum of squares, without overflow and in any order."""
    largest = max(map(abs, numbers))
    if largest == 0:
        return 0.0
    return largest * math.sqrt(math.fsum((number / largest) ** 2 for number in numbers))
