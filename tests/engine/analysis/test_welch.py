"""Two experiments compared: the same as scipy says, and right about what it does not know."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from engine.analysis.welch import difference, difference_of_models, seeds_to_tell
from engine.events import Estimate

scores = st.lists(st.floats(0, 1).map(lambda value: round(value, 6)), min_size=2, max_size=8)


@settings(max_examples=50)
@given(scores, scores)
def test_it_is_welchs_test(a, b):
    assume(len(set(a)) > 1 and len(set(b)) > 1)
    found = difference(a, b)
    expected = stats.ttest_ind(a, b, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-9)
    assert found.delta == pytest.approx(np.mean(a) - np.mean(b), abs=1e-12)


@settings(max_examples=50)
@given(scores, scores)
def test_the_other_way_round_it_is_the_opposite(a, b):
    one, two = difference(a, b), difference(b, a)
    assert one.delta == pytest.approx(-two.delta, abs=1e-12)
    assert (one.low, one.high) == pytest.approx((-two.high, -two.low), abs=1e-9)
    assert one.p == pytest.approx(two.p)
    assert one.seeds == two.seeds


def test_one_seed_each_is_not_tested():
    found = difference([0.8], [0.7])
    assert found.delta == pytest.approx(0.1)
    assert math.isnan(found.p)
    assert not found.told


@settings(max_examples=50)
@given(st.floats(0, 1).map(lambda value: round(value, 6)), scores)
def test_one_seed_against_several_is_tested_as_one_of_their_kind(one, several):
    assume(len(set(several)) > 1)
    n, spread = len(several), np.std(several, ddof=1)
    found, turned = difference([one], several), difference(several, [one])
    t = (one - np.mean(several)) / (spread * np.sqrt(1 + 1 / n))  # Crawford and Howell, 1998
    assert found.p == pytest.approx(2 * stats.t.sf(abs(t), n - 1), rel=1e-6, abs=1e-12)
    half = stats.t.ppf(0.975, n - 1) * spread * np.sqrt(1 + 1 / n)
    assert (found.low, found.high) == pytest.approx((found.delta - half, found.delta + half), abs=1e-9)
    assert (turned.delta, turned.low, turned.p) == pytest.approx((-found.delta, -found.high, found.p))


def test_one_seed_is_not_called_another_because_two_happen_to_be_equal():
    assert math.isnan(difference([0.6], [0.5, 0.5]).p)
    assert difference([0.5], [0.5, 0.5]).p == 1


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_one_seed_of_the_same_experiment_is_told_apart_in_a_twentieth_of_all_cases(seeds):
    random = np.random.default_rng(seeds)
    draws = 1500
    told = sum(
        difference(random.normal(0.6, 0.01, 1).tolist(), random.normal(0.6, 0.01, seeds).tolist()).told
        for _ in range(draws)
    )
    assert told / draws == pytest.approx(0.05, abs=0.017)  # three standard errors


def test_values_without_any_spread():
    assert difference([0.5, 0.5], [0.5, 0.5]).p == 1
    assert difference([0.6, 0.6], [0.5, 0.5]).told


def test_nothing_to_compare():
    with pytest.raises(ValueError, match="no values"):
        difference([], [1.0])


def test_equal_experiments_are_told_apart_in_a_twentieth_of_all_cases():
    random = np.random.default_rng(0)
    draws = 800
    told = sum(difference(*random.normal(0.6, 0.01, (2, 3)).tolist()).told for _ in range(draws))
    assert 0.02 < told / draws < 0.075  # with three seeds Welch's test is a little shy


def test_intervals_hold_the_truth_as_often_as_they_say():
    random = np.random.default_rng(1)
    held = 0
    for _ in range(600):
        found = difference(random.normal(0.62, 0.01, 5).tolist(), random.normal(0.60, 0.02, 5).tolist())
        held += found.low <= 0.02 <= found.high
    assert 0.93 <= held / 600 <= 0.98


def test_so_many_seeds_do_tell():
    random = np.random.default_rng(2)
    pilot = [0.61, 0.60, 0.62], [0.60, 0.59, 0.61]
    needed = seeds_to_tell(0.01, *pilot)
    assert needed == 17  # an effect of one standard deviation: Cohen's table, n = 17 for a power of 0.8
    told = sum(
        difference(
            random.normal(0.61, 0.01, needed).tolist(), random.normal(0.60, 0.01, needed).tolist()
        ).told
        for _ in range(300)
    )
    assert 0.75 < told / 300 < 0.87
    assert seeds_to_tell(0.0, *pilot) is None
    assert seeds_to_tell(1e-6, *pilot) is None


def test_two_models_are_compared_by_their_intervals():
    one = Estimate(value=0.80, low=0.79, high=0.81, n=10_000)
    two = Estimate(value=0.75, low=0.74, high=0.76, n=10_000)
    found = difference_of_models(one, two)
    assert found.told
    assert (found.low, found.high) == pytest.approx((0.05 - 0.01 * 2**0.5, 0.05 + 0.01 * 2**0.5))
    assert not difference_of_models(one, Estimate(value=0.795, low=0.785, high=0.805, n=10_000)).told
    assert math.isnan(difference_of_models(one, Estimate(value=0.7)).p)
