"""One judgement: its statuses, its families, and that all that is shown of it agrees."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.conclusions.judgement import judge
from engine.analysis.conclusions.pairs import Metric, PairStatus
from engine.analysis.conclusions.sentences import sentences, table_reason
from engine.analysis.statistics.significance import INTERIM_ALPHA, Pool, Sample, pool_of, raw_test, sidak
from engine.events import Estimate
from tests.engine.analysis.conclusions.agreement import assert_agrees
from tests.engine.analysis.statistics.test_significance import HYBRID, replayed

F1 = Metric("F1")
LOSS = Metric("loss", higher_is_better=False)
TRAINING = Metric("accuracy", "training")
NAMES = "ABCDEFGH"


def samples_of(*groups, **more):
    return [Sample(name, tuple(values), **more) for name, values in zip(NAMES, groups, strict=False)]


def judged(*groups, metric=F1, **more):
    samples = samples_of(*groups)
    return judge(samples, pool=pool_of(samples), metric=metric, **more)


@st.composite
def studies(draw):
    """Return 1 to 8 experiments of 1 to 10 seeds, with ties, zeros and any scale."""
    scale = draw(st.sampled_from([1.0, 1.0, 1.0, 1e100, 1e-100, 0.0]))
    groups = []
    for _ in range(draw(st.integers(1, 8))):
        centre = draw(st.sampled_from([0.0, 0.3, 0.5, 0.5, 0.9]))
        spread = draw(st.sampled_from([0.0, 0.001, 0.01, 0.05]))
        shifts = draw(st.lists(st.floats(-1, 1), min_size=1, max_size=10))
        groups.append([scale * (centre + spread * shift) for shift in shifts])
    resolution = draw(st.sampled_from([0.0, 0.0, 0.001]))
    samples = samples_of(*groups, resolution=resolution)
    if draw(st.booleans()):
        samples[0] = replace(samples[0], finished=False)
    if draw(st.booleans()):
        samples[-1] = replace(samples[-1], failed_seeds=2, epochs=7)
    return samples


options = st.fixed_dictionaries(
    {
        "metric": st.sampled_from(
            [F1, F1, LOSS, TRAINING, Metric("loss", "training", higher_is_better=False)]
        ),
        "margin": st.sampled_from([None, 0.01, 0.2]),
        "planned_seeds": st.sampled_from([None, None, 3, 10]),
    }
)


@given(studies(), options, st.booleans())
def test_all_that_is_shown_of_a_judgement_agrees(samples, chosen, has_baseline):
    baseline = samples[-1].name if has_baseline else None
    judgement = judge(samples, pool=pool_of(samples), baseline=baseline, **chosen)
    assert_agrees(judgement)
    assert (
        len([pair for pair in judgement.pairs.values() if pair.status is not PairStatus.UNJUDGED])
        >= judgement.m
    )


@given(studies(), options, st.randoms(use_true_random=False))
def test_the_order_of_the_experiments_changes_nothing(samples, chosen, random):
    shuffled = list(samples)
    random.shuffle(shuffled)
    one = judge(samples, pool=pool_of(samples), **chosen)
    other = judge(shuffled, pool=pool_of(shuffled), **chosen)
    assert sentences(one) == sentences(other)
    assert one.rank_ranges() == other.rank_ranges()
    assert table_reason(one) == table_reason(other)


@given(studies(), st.integers(2, 7))
def test_what_is_told_among_many_is_told_among_fewer(samples, count):
    pool = pool_of(samples)
    many, fewer = (judge(some, pool=pool, metric=F1) for some in (samples, samples[:count]))
    for key, pair in fewer.pairs.items():
        assert pair.is_significant or not many.pairs[key].is_significant
        assert pair.raw == many.pairs[key].raw or math.isnan(pair.raw.p)


@given(studies(), st.booleans())
def test_figures_of_one_report_agree_about_every_pair(samples, has_baseline):
    names = [sample.name for sample in samples]
    sets = [names[:3], names[1:5], names[:2], names]
    baseline = names[0] if has_baseline else None
    judgement = judge(samples, pool=pool_of(samples), metric=F1, sets=sets, baseline=baseline)
    assert_agrees(judgement)
    for each in sets:
        best = judgement.best_of(each)
        lines = sentences(judgement, each)
        assert [line.split()[0] for line in lines if "is the best" in line] == ([best] if best else [])
        for other in sets:
            if best is not None and best in other and set(other) <= set(each) and len(other) > 1:
                assert judgement.best_of(other) in (best, None)


def test_the_recorded_runs_have_no_best():
    samples = replayed()
    pool = pool_of(samples.values())
    shown = [
        samples[name] for name in ("ViT-B-32x32-16-7", "ViT-B-32x32-32-7", "BiT-M-R50x1-32x32-7", HYBRID)
    ]
    judgement = judge(shown, pool=pool, metric=F1)
    assert judgement.m == 6
    assert judgement.p_star == pytest.approx(0.229, abs=1e-3)
    assert judgement.best is None
    assert judgement.ranked[0].name == "ViT-B-32x32-32-7"
    assert judgement.pair("ViT-B-32x32-32-7", HYBRID).status is PairStatus.OPEN
    told = judgement.pair("ViT-B-32x32-16-7", "BiT-M-R50x1-32x32-7")
    assert told.status is PairStatus.ABOVE
    assert told.p == pytest.approx(0.0031, abs=1e-4)


def test_the_best_of_all_is_one_claim():
    judgement = judged([0.62, 0.61, 0.63], [0.59, 0.60, 0.58], [0.595, 0.585, 0.575], [0.58, 0.59, 0.57])
    pair = judgement.pair("A", "B")
    assert judgement.best == "A"
    assert judgement.m == 6
    assert pair.by_itself
    assert judgement.p_star == pytest.approx(
        max(raw.p for raw in (judgement.pair("A", x).raw for x in "BCD"))
    )
    assert pair.p == min(judgement.p_star, sidak(pair.raw.p, 6))
    assert sidak(pair.raw.p, 6) > judgement.p_star
    assert not judgement.pair("B", "C").by_itself
    assert judgement.rank_ranges() == {"A": (1, 1), "B": (2, 4), "C": (2, 4), "D": (2, 4)}


def test_the_best_has_three_seeds_and_may_beat_one_with_one():
    one = judged([0.62, 0.61, 0.63], [0.50], [0.51, 0.50, 0.52])
    assert one.best == "A"
    assert one.pair("A", "B").hint
    two = judged([0.62, 0.63], [0.50, 0.51, 0.49], [0.51, 0.50, 0.52])
    assert two.best is None
    assert all(two.pair("A", name).is_significant for name in "BC")
    assert table_reason(two) == "no best is marked: A has 2 seeds, and a best has three"


def test_a_baseline_is_compared_with_each_and_a_best_with_all():
    judgement = judged(
        [0.70, 0.71, 0.69], [0.60, 0.61, 0.59], [0.605, 0.60, 0.61], [0.50, 0.51, 0.49], baseline="B"
    )
    assert judgement.m == 3
    assert judgement.best == "A"
    assert {tuple(sorted(key)) for key in judgement.pairs} == {
        ("A", "B"),
        ("B", "C"),
        ("B", "D"),
        ("A", "C"),
        ("A", "D"),
    }
    assert judgement.direction("D", "B") == -1
    assert judgement.direction("C", "B") == 0
    assert judgement.direction("A", "B") == 1


def test_experiments_that_go_on_are_not_judged_and_do_not_count():
    samples = samples_of([0.70, 0.71, 0.69], [0.60, 0.61, 0.59], [0.90, 0.91, 0.92])
    samples[2] = replace(samples[2], finished=False)
    judgement = judge(samples, pool=pool_of(samples), metric=F1)
    assert judgement.m == 1
    assert judgement.best == "A"
    assert judgement.pair("A", "C").status is PairStatus.UNJUDGED
    assert judgement.rank_ranges() == {"A": (1, 1), "B": (2, 2)}


def test_the_raw_test_is_one_whatever_is_shown():
    samples = samples_of([0.70, 0.71, 0.69], [0.60, 0.61, 0.59], [0.65, 0.66, 0.62], [0.7])
    pool = pool_of(samples)
    known = raw_test(samples[0], samples[1], pool)
    for shown in (samples, samples[:2], samples[:3]):
        assert judge(shown, pool=pool, metric=F1).pair("A", "B").raw == known


def test_where_nothing_says_how_much_seeds_differ_nothing_is_judged():
    judgement = judge(samples_of([0.7], [0.6]), pool=Pool(), metric=F1)
    assert judgement.pair("A", "B").status is PairStatus.UNJUDGED
    assert judgement.m == 0
    assert math.isnan(judgement.p_star)


def test_what_epochs_were_chosen_by_is_not_judged():
    judgement = judged([0.7, 0.71], [0.6, 0.61], metric=Metric("F1", "validation"))
    assert judgement.best is None
    assert judgement.pair("A", "B").status is PairStatus.UNJUDGED
    assert sentences(judgement) == [
        "Validation F1 is not judged: the epochs were chosen by it. Means over seeds: A 0.705, sd 0.007; B 0.605, sd "
        "0.007."
    ]


def test_training_scores_make_no_best():
    judgement = judged([0.9, 0.91, 0.92], [0.6, 0.61, 0.62], metric=TRAINING)
    assert judgement.best is None
    assert not judgement.bold("A")
    assert judgement.pair("A", "B").is_significant


def test_a_lower_loss_is_better():
    judgement = judged([0.9, 0.91, 0.92], [0.6, 0.61, 0.62], metric=LOSS)
    assert judgement.best == "B"
    assert judgement.pair("A", "B").better == "B"
    assert judgement.direction("A", "B") == -1


def test_alike_needs_a_margin_and_an_interval_within_it():
    close = [0.600, 0.601, 0.602, 0.603], [0.6005, 0.6015, 0.6025, 0.6035]
    assert judged(*close).pair("A", "B").status is PairStatus.OPEN
    assert judged(*close, margin=0.01).pair("A", "B").status is PairStatus.ALIKE
    assert judged(*close, margin=0.0005).pair("A", "B").status is PairStatus.OPEN
    identical = judged([0.6, 0.6, 0.6], [0.6, 0.6, 0.6], margin=0.01).pair("A", "B")
    assert (identical.status, identical.p) == (PairStatus.OPEN, 1)  # without any spread there is no interval


def test_a_small_difference_that_is_told_is_said_to_be_small():
    pair = judged([0.600, 0.601, 0.602], [0.610, 0.611, 0.612], margin=0.02).pair("A", "B")
    assert pair.is_significant
    assert pair.small


def test_while_planned_seeds_are_missing_the_level_is_stricter():
    groups = [0.600, 0.61, 0.62], [0.630, 0.65, 0.64]
    final, interim = judged(*groups), judged(*groups, planned_seeds=10)
    assert final.pair("A", "B").is_significant
    assert interim.alpha == INTERIM_ALPHA
    assert not interim.pair("A", "B").is_significant
    assert interim.pair("A", "B").p == final.pair("A", "B").p
    assert judged(*groups, planned_seeds=3).alpha == final.alpha


def test_the_choice_of_images_widens_the_interval():
    groups = [0.600, 0.61, 0.62], [0.640, 0.65, 0.66]
    key = frozenset("AB")
    unknown = judged(*groups).pair("A", "B")
    few, many = (judged(*groups, image_variance={key: variance}).pair("A", "B") for variance in (1e-3, 1e-8))
    assert unknown.here
    assert few.here
    assert not many.here
    assert few.images_low < few.low < few.high < few.images_high
    assert (many.images_low, many.images_high) == pytest.approx((many.low, many.high), rel=1e-2)


def test_no_images_leave_the_interval_as_it_is():
    pair = judged([0.60, 0.61], [0.64, 0.65], image_variance={frozenset("AB"): 0.0}).pair("A", "B")
    assert (pair.images_low, pair.images_high) == pytest.approx((pair.low, pair.high))


def test_names_are_unique_and_the_baseline_is_one_of_them():
    twice = [Sample("A", (0.5,)), Sample("A", (0.6,))]
    with pytest.raises(ValueError, match="one name"):
        judge(twice, pool=Pool(), metric=F1)
    with pytest.raises(ValueError, match="no Z"):
        judge(twice[:1], pool=Pool(), metric=F1, baseline="Z")


@pytest.mark.parametrize("count", [0, 1])
def test_one_experiment_is_not_compared(count):
    judgement = judged(*[[0.5, 0.6]] * count)
    assert judgement.pairs == {}
    assert judgement.best is None
    assert sentences(judgement) == []
    assert table_reason(judgement) == "no best is marked: there is no other to compare with"


def test_several_figures_pay_for_their_several_bests():
    groups = [0.62, 0.61, 0.63], [0.59, 0.60, 0.585], [0.595, 0.585, 0.575]
    one, three = judged(*groups), judged(*groups, sets=["AB", "AC", "ABC", "CBA", "A"])
    assert three.m == 3
    assert three.p_stars[frozenset("ABC")] == pytest.approx(3 * one.p_stars[frozenset("ABC")])


@pytest.mark.slow
def test_twenty_thousand_studies_hold_no_contradiction():
    draws = np.random.default_rng(2).normal(0, 0.006, (20_000, 3, 3)) + np.array([0.62, 0.60, 0.60])[:, None]
    best = 0
    for study in draws.tolist():
        judgement = judged(*study)
        assert_agrees(judgement)
        best += judgement.best == "A"
    assert best / len(draws) > 0.5


@pytest.mark.slow
def test_the_module_and_its_simulations_test_alike():
    from tests.engine.analysis.statistics.oracle import Studies, draw

    groups = draw(np.random.default_rng(1), 50, [1, 2, 3, 10], h=0.7)
    studies = Studies(groups)
    top, p_star = studies.p_star()
    half = studies.half(6)
    for index in range(50):
        samples = samples_of(*[group[index].tolist() for group in groups])
        judgement = judge(samples, pool=pool_of(samples), metric=F1)
        assert judgement.p_stars[frozenset("ABCD")] == pytest.approx(p_star[index])
        assert judgement.ranked[0].name == NAMES[top[index]]
        for a in range(4):
            for b in range(a):
                pair = judgement.pair(NAMES[a], NAMES[b])
                assert pair.raw.p == pytest.approx(studies.p[index, a, b])
                assert pair.by_itself or pair.high - pair.low == pytest.approx(2 * half[index, a, b])


def test_a_pair_that_is_part_of_two_claims_has_the_smaller_p():
    groups = [0.62, 0.61, 0.63], [0.57, 0.58, 0.56], [0.585, 0.595, 0.575]
    for sets in (["AB", "ABC"], ["ABC", "AB"], ["AB", "ABC", "BC", "AC"]):
        judgement = judged(*groups, sets=sets)
        pair = judgement.pair("A", "B")
        assert pair.by_itself
        assert pair.p == min(sidak(pair.raw.p, 3), len(sets) * pair.raw.p)


def test_models_are_a_family_of_their_own():
    models = {name: Estimate(value=0.7, low=0.68, high=0.72) for name in "ABC"}
    two, three = (judged(*[[0.7]] * count, models=models) for count in (2, 3))
    assert (two.m, three.m) == (0, 0)
    widths = [each.model_tests[frozenset("AB")].high for each in (two, three)]
    assert widths[0] == pytest.approx(0.02 * math.sqrt(2))
    assert widths[1] == pytest.approx(widths[0] * 2.3877 / 1.95996, rel=1e-4)  # Šidák for three
