"""What is concluded of two experiments: told apart, alike within a margin, open, or not judged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Literal, NamedTuple

from engine.analysis.statistics.significance import ALPHA, NO_VALUES, RawTest, Sample, interval, sidak

LEAST_SEEDS = 3
"""The best has at least so many seeds; with fewer on either side what is told is a hint."""
LARGEST_FREEDOM = 1e6
"""Student's t with more degrees of freedom is the normal distribution."""
NOT_FINISHED = "not all of the seeds have ended"
CHOSEN_BY = "the epochs were chosen by it"

Key = frozenset[str]
"""The two names of a pair, whichever comes first."""
Split = Literal["test", "training", "validation"]


class PairStatus(Enum):
    """What is concluded of a pair."""

    ABOVE = "above"
    """The two are told apart: one is better."""
    ALIKE = "alike"
    """They differ by less than the margin that matters."""
    OPEN = "open"
    """These seeds tell neither."""
    UNJUDGED = "unjudged"
    """There is no p value; the pair's reason says why."""


@dataclass(frozen=True)
class Metric:
    """What is compared, in words."""

    noun: str
    """As in "beats B by 0.02 F1"."""
    split: Split = "test"
    higher_is_better: bool = True


@dataclass(frozen=True)
class Pair:
    """What is concluded of two experiments. Differences are the better's value less that of the worse."""

    better: str
    """The one with the better mean, whether told or not; the first by name where the means are the same."""
    worse: str
    status: PairStatus
    seeds: tuple[int, int]
    """Of the better and of the worse."""
    delta: float = math.nan
    low: float = math.nan
    """Lower end of the interval; NaN where nothing could be tested."""
    high: float = math.nan
    p: float = math.nan
    """Corrected; below the judgement's alpha exactly where the interval leaves 0 out and the status is ABOVE."""
    m: int = 0
    """For how many comparisons p and interval hold together."""
    by_itself: bool = False
    """Whether the interval holds for this pair alone: the pair is part of the one claim that the best is the best."""
    raw: RawTest | None = None
    images_low: float = math.nan
    """Lower end of the interval that holds for other images of this kind too; NaN where it is unknown."""
    images_high: float = math.nan
    margin: float | None = None
    reason: str = ""
    """Why the pair is not judged."""

    @property
    def key(self) -> Key:
        """The two names."""
        return frozenset((self.better, self.worse))

    @property
    def is_significant(self) -> bool:
        """Whether one of the two is better."""
        return self.status is PairStatus.ABOVE

    @property
    def hint(self) -> bool:
        """Whether one of the two has one or two seeds only."""
        return min(self.seeds) < LEAST_SEEDS

    @property
    def small(self) -> bool:
        """Whether one is better by less than the margin that matters."""
        return self.is_significant and is_within(self.low, self.high, self.margin)

    @property
    def here(self) -> bool:
        """Whether the difference is told for these test images only."""
        return self.is_significant and not excludes_zero(self.images_low, self.images_high)

    def seen_from(self, name: str) -> tuple[float, float, float]:
        """Return the value of ``name`` less that of the other, and the ends of its interval."""
        if name == self.better:
            return self.delta, self.low, self.high
        return -self.delta, -self.high, -self.low


def is_within(low: float, high: float, margin: float | None) -> bool:
    """Return whether a whole interval is closer to 0 than the margin."""
    return margin is not None and -margin < low and high < margin


def excludes_zero(low: float, high: float) -> bool:
    """Return whether an interval leaves 0 out; one of NaN does not."""
    return low > 0 or high < 0


class Family(NamedTuple):
    """What the pairs of a judgement have in common."""

    metric: Metric
    m: int
    """How many comparisons are told together."""
    alpha: float
    margin: float | None


def conclude(
    better: Sample,
    worse: Sample,
    raw: RawTest,
    family: Family,
    *,
    best_claim: float | None = None,
    image_variance: float | None = None,
) -> Pair:
    """Return what is concluded of two experiments.

    Args:
        better: The one with the better mean.
        worse: The other.
        raw: The test of the better against the worse.
        family: The comparisons that it is one of.
        best_claim: The p value of the claim that the better is the best of all, where that is made and told.
        image_variance: The variance of the difference that the choice of test images makes; None where not known.
    """
    seeds = (len(better.values), len(worse.values))
    if math.isnan(raw.p):
        reasons = (why_unjudged(better, family.metric), why_unjudged(worse, family.metric), raw.reason)
        reason = next(filter(None, reasons), "")
        return Pair(
            better.name, worse.name, PairStatus.UNJUDGED, seeds, raw=raw, delta=raw.delta, reason=reason
        )
    m = family.m if best_claim is None else 1
    low, high = interval(raw, m, family.alpha)
    p = sidak(raw.p, family.m) if best_claim is None else min(sidak(raw.p, family.m), best_claim)
    status = PairStatus.OPEN
    if p < family.alpha:
        status = PairStatus.ABOVE
    elif raw.error > 0 and is_within(low, high, family.margin):
        status = PairStatus.ALIKE
    images = (
        (math.nan, math.nan)
        if image_variance is None
        else interval_for_images(raw, image_variance, m, family.alpha)
    )
    return Pair(
        better.name,
        worse.name,
        status,
        seeds,
        raw=raw,
        delta=raw.delta,
        low=low,
        high=high,
        p=p,
        m=m,
        by_itself=m < family.m,
        images_low=images[0],
        images_high=images[1],
        margin=family.margin,
    )


def interval_for_images(
    raw: RawTest, variance: float, m: int = 1, alpha: float = ALPHA
) -> tuple[float, float]:
    """Return the interval of a difference that takes in the choice of images; only the seeds' part is estimated.

    Args:
        raw: The test over seeds.
        variance: The variance of the difference that the choice of test images makes.
        m: How many comparisons are told together.
        alpha: The level of all of them.
    """
    from scipy.special import stdtr

    error = math.hypot(raw.error, math.sqrt(variance))
    if error == 0:
        return raw.delta, raw.delta
    share = max(raw.error / error, LARGEST_FREEDOM**-0.25)
    freedom = min(raw.freedom / share**4, LARGEST_FREEDOM)
    p = float(2 * stdtr(freedom, -abs(raw.delta) / error))
    return interval(RawTest(raw.delta, error, freedom, p), m, alpha)


def why_unjudged(sample: Sample, metric: Metric) -> str:
    """Return why a sample is left out, empty where it is judged."""
    if metric.split == "validation":
        return CHOSEN_BY
    if not sample.values:
        return NO_VALUES
    return "" if sample.finished else NOT_FINISHED
