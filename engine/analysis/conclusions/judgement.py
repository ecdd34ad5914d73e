"""Which experiments are told apart, and which is the best: one judgement for tables, reports and screens.

``judge`` gives every pair a status. What an artefact shows of it (bold, colour, intervals, ranks, sentences) is read
off these statuses, so that no two of them disagree.

    samples ─▶ raw tests ─▶ Šidák over the pairs shown ─┐
                   └──────▶ the best against each (p*) ─┴─▶ statuses ─▶ bold, direction, ranks, sentences
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

from engine.analysis.conclusions.pairs import LEAST_SEEDS, Family, Key, Metric, Pair, conclude, why_unjudged
from engine.analysis.statistics.image_tests import ModelTest, z_test
from engine.analysis.statistics.significance import ALPHA, Pool, RawTest, Sample, level_of_plan, raw_test

if TYPE_CHECKING:
    from engine.events import Estimate


@dataclass(frozen=True)
class Judgement:
    """What is concluded of some experiments by one metric."""

    samples: tuple[Sample, ...]
    """All that were handed in, by name."""
    ranked: tuple[Sample, ...]
    """Those that are judged, the best mean first."""
    pairs: Mapping[Key, Pair]
    """The family's pairs, those that are not judged too, and those of a best with each other."""
    metric: Metric
    pool: Pool
    m: int
    """How many comparisons the family has."""
    alpha: float = ALPHA
    baseline: str | None = None
    margin: float | None = None
    planned_seeds: int | None = None
    configurations: int | None = None
    """How many configurations were tried on the same images, shown or not."""
    p_stars: Mapping[Key, float] = field(default_factory=dict)
    """By the names of a set: the p value of its top against each other one, for the number of sets."""
    model_tests: Mapping[Key, ModelTest] = field(default_factory=dict)
    """Of pairs with one model each: over images, a family of their own; the first by name less the second."""
    image_variance: Mapping[Key, float] = field(default_factory=dict)

    @property
    def names(self) -> Key:
        """The names of all that are judged."""
        return frozenset(sample.name for sample in self.ranked)

    @property
    def best(self) -> str | None:
        """The experiment that is better than every other one, None where these runs do not say."""
        return self.best_of(self.names)

    @property
    def p_star(self) -> float:
        """The p value of the claim that the one with the best mean is the best of all; NaN where it is not tested."""
        return self.p_star_of(self.names)

    @property
    def is_interim(self) -> bool:
        """Whether seeds are missing that were planned."""
        return self.alpha < ALPHA

    def pair(self, a: str, b: str) -> Pair | None:
        """Return what is concluded of two experiments, None where they are not compared."""
        return self.pairs.get(frozenset((a, b)))

    def sample(self, name: str) -> Sample:
        """Return the sample of a name."""
        return next(sample for sample in self.samples if sample.name == name)

    def ranked_of(self, names: Collection[str]) -> list[Sample]:
        """Return those of some names that are judged, the best mean first."""
        return [sample for sample in self.ranked if sample.name in names]

    def leader_of(self, names: Collection[str]) -> str | None:
        """Return which of some has three seeds and is told from every other one, on whatever split."""
        ranked = self.ranked_of(names)
        if len(ranked) < 2 or len(ranked[0].values) < LEAST_SEEDS:
            return None
        pairs = (self.pair(ranked[0].name, other.name) for other in ranked[1:])
        return ranked[0].name if all(pair is not None and pair.is_significant for pair in pairs) else None

    def best_of(self, names: Collection[str]) -> str | None:
        """Return the best of some; only scores on the test split make one."""
        return self.leader_of(names) if self.metric.split == "test" else None

    def p_star_of(self, names: Collection[str]) -> float:
        """Return the p value of the claim that the top of some is the best of them; NaN where it is not tested."""
        ranked = self.ranked_of(names)
        if self.leader_of(names) is not None:
            return max(self.pairs[frozenset((ranked[0].name, other.name))].p for other in ranked[1:])
        return self.p_stars.get(frozenset(sample.name for sample in ranked), math.nan)

    def bold(self, name: str) -> bool:
        """Return whether a table prints the score of ``name`` bold."""
        return name == self.best

    def direction(self, name: str, baseline: str) -> int:
        """Return 1 where ``name`` is told to be better than ``baseline``, -1 where worse, 0 where neither is told."""
        pair = self.pair(name, baseline)
        if pair is None or not pair.is_significant:
            return 0
        return 1 if pair.better == name else -1

    def rank_ranges(self, names: Collection[str] | None = None) -> dict[str, tuple[int, int]]:
        """Return which ranks each judged experiment can have, all of them together at the level.

        Args:
            names: Those that are ranked; all of them where it is None.
        """
        ranked = self.ranked_of(self.names if names is None else names)
        above = dict.fromkeys((sample.name for sample in ranked), 0)
        below = dict(above)
        for pair in self.pairs.values():
            if pair.is_significant and pair.key <= above.keys():
                above[pair.worse] += 1
                below[pair.better] += 1
        return {name: (1 + above[name], len(above) - below[name]) for name in above}


def judge(
    samples: Iterable[Sample],
    *,
    pool: Pool,
    metric: Metric,
    baseline: str | None = None,
    sets: Sequence[Collection[str]] | None = None,
    margin: float | None = None,
    planned_seeds: int | None = None,
    configurations: int | None = None,
    image_variance: Mapping[Key, float] | None = None,
    models: Mapping[str, Estimate] | None = None,
    model_tests: Mapping[Key, ModelTest] | None = None,
) -> Judgement:
    """Return what the seeds of some experiments say, on the same data and by one metric.

    Args:
        samples: The experiments that are shown, in any order.
        pool: How much seeds differ in the whole project, as ``pool_of`` returns it.
        metric: What is compared.
        baseline: Compare each with this one only; every pair where it is None.
        sets: The experiments of each figure of a report, judged together; one figure with all where it is None.
        margin: A difference below it does not matter to the user; None where nothing is known of that.
        planned_seeds: How many seeds of each are to be trained; with fewer the level is stricter (``level_of_plan``).
        configurations: How many configurations were tried on the same images, shown or not, where that is known.
        image_variance: By pair: the variance of the difference that the choice of test images makes.
        models: By name: the interval over images of experiments with one model.
        model_tests: By pair of one model each: a test over images, paired ones before those of ``models``; the
            difference is that of the first by name less that of the second.

    Raises:
        ValueError: Two samples have one name, or no sample has the baseline's.
    """
    ordered = sorted(samples, key=lambda sample: sample.name)
    names = [sample.name for sample in ordered]
    if len(set(names)) < len(names):
        raise ValueError("two samples have one name")
    if baseline is not None and baseline not in names:
        raise ValueError(f"there is no {baseline} among the samples")
    judged = [sample for sample in ordered if not why_unjudged(sample, metric)]
    sign = 1 if metric.higher_is_better else -1
    ranked = sorted(judged, key=lambda sample: -sign * sample.mean)
    family = _family([frozenset(members) & set(names) for members in sets or [names]], baseline)
    tests = _Tests(ranked, pool)
    raw = {key: tests.of(key) for key in family}
    m = sum(not math.isnan(test.p) for test in raw.values())
    alpha = level_of_plan([len(sample.values) for sample in judged], planned_seeds)
    groups = {frozenset(members) & tests.names for members in sets or [names]}
    groups = {group for group in groups if len(group) > 1}
    p_stars = {group: tests.p_star(group, len(groups)) for group in sorted(groups, key=sorted)}
    best_claims = tests.best_claims(p_stars, alpha)
    raw |= {key: tests.of(key) for key in best_claims}
    by_name = {sample.name: sample for sample in ordered}
    shared = Family(metric, m, alpha, margin)
    variances = image_variance or {}
    pairs: dict[Key, Pair] = {}
    for key in sorted(raw, key=sorted):
        better, worse = (by_name[name] for name in tests.by_rank(key))
        claim, variance = best_claims.get(key), variances.get(key)
        pairs[key] = conclude(better, worse, raw[key], shared, best_claim=claim, image_variance=variance)
    return Judgement(
        samples=tuple(ordered),
        ranked=tuple(ranked),
        pairs=pairs,
        metric=metric,
        pool=pool,
        m=m,
        alpha=alpha,
        baseline=baseline,
        margin=margin,
        planned_seeds=planned_seeds,
        configurations=configurations,
        p_stars=p_stars,
        model_tests=_model_tests(judged, family, models or {}, model_tests or {}),
        image_variance=variances,
    )


class _Tests:
    """The raw tests of the samples that are judged."""

    def __init__(self, ranked: Sequence[Sample], pool: Pool) -> None:
        self._ranked = ranked
        self._pool = pool
        self._samples = {sample.name: sample for sample in ranked}
        self._order = {sample.name: rank for rank, sample in enumerate(ranked)}
        self.names = frozenset(self._samples)

    def of(self, key: Key) -> RawTest:
        """Return the test of a pair, the better mean less the worse; without p where one of them is not judged."""
        if not key <= self.names:
            return RawTest(math.nan, math.nan, math.nan, math.nan)
        better, worse = self.by_rank(key)
        return raw_test(self._samples[better], self._samples[worse], self._pool)

    def by_rank(self, names: Key) -> list[str]:
        """Return some names, the best mean first; those that are not judged come last."""
        return sorted(sorted(names), key=lambda name: self._order.get(name, len(self._order)))

    def ranked_of(self, names: Key) -> list[Sample]:
        """Return some of the samples, the best mean first."""
        return [sample for sample in self._ranked if sample.name in names]

    def p_star(self, names: Key, sets: int) -> float:
        """Return the p value of the claim that the top of some is the best (Gutmann & Maymin 1987); NaN without."""
        top, *others = self.ranked_of(names)
        p_values = [raw_test(top, other, self._pool).p for other in others]
        return math.nan if any(map(math.isnan, p_values)) else min(1.0, max(p_values) * sets)

    def best_claims(self, p_stars: Mapping[Key, float], alpha: float) -> dict[Key, float]:
        """Return the pairs that a told claim "the best of a set" consists of, with its p value."""
        claims: dict[Key, float] = {}
        for names, p_star in p_stars.items():
            top, *others = self.ranked_of(names)
            if p_star < alpha and len(top.values) >= LEAST_SEEDS:
                for other in others:
                    key = frozenset((top.name, other.name))
                    claims[key] = min(p_star, claims.get(key, 1.0))
        return claims


def _family(groups: Iterable[Key], baseline: str | None) -> list[Key]:
    """Return the distinct pairs that some sets show: each with the baseline where a set has it, else all."""
    pairs: set[Key] = set()
    for group in groups:
        for two in combinations(sorted(group), 2):
            if baseline not in group or baseline in two:
                pairs.add(frozenset(two))
    return sorted(pairs, key=sorted)


def _model_tests(
    judged: Sequence[Sample],
    family: Iterable[Key],
    models: Mapping[str, Estimate],
    given: Mapping[Key, ModelTest],
) -> dict[Key, ModelTest]:
    """Return the tests over images of pairs with one model each, corrected for how many they are."""
    single = {sample.name for sample in judged if len(sample.values) == 1}
    tests: dict[Key, ModelTest] = {}
    for key in family:
        first, second = sorted(key)
        if not key <= single:
            continue
        if key in given:
            tests[key] = given[key]
        elif first in models and second in models and (test := z_test(models[first], models[second])):
            tests[key] = test
    return {key: test.among(len(tests)) for key, test in tests.items()}
