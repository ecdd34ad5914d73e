"""Numbers of seeds are those of the textbook, and suffice as often as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.statistics.seed_planning import (
    MOST_SEEDS,
    detectable,
    is_out_of_reach,
    seeds_needed,
    upper_spread,
)
from engine.analysis.statistics.significance import Pool, Sample, Spread, pool_of, spread_of


def test_one_standard_deviation_shows_with_17_seeds():
    assert seeds_needed(1.0, 1.0) == 17  # Cohen 1988, table 2.4.1


def test_more_comparisons_need_more_seeds():
    found = [seeds_needed(1.0, 1.0, m) for m in (1, 3, 6, 28)]
    assert found == sorted(set(found))


@pytest.mark.parametrize(("freedom", "factor"), [(2, 2.12), (4, 1.56), (8, 1.32), (16, 1.20)])
def test_the_upper_limit_of_a_spread(freedom, factor):
    spread = upper_spread(Spread(1.0, freedom / 2), Spread(1.0, freedom / 2), Pool(1.0, 99, 9))
    assert spread == pytest.approx(factor, abs=0.005)
    bounded = upper_spread(Spread(1.0, 50), Spread(1.0, 50), Pool(1.0, freedom, 2))
    assert bounded == spread


@given(st.floats(0.01, 10), st.floats(0.01, 1), st.integers(1, 28), st.sampled_from([1e-90, 1.0, 1e90]))
def test_what_shows_with_so_many_seeds_is_what_they_show(margin, spread, m, scale):
    needed = seeds_needed(scale * margin, scale * spread, m)
    if needed is None:
        assert detectable(MOST_SEEDS, MOST_SEEDS, spread, m) > margin
        return
    assert detectable(needed, needed, spread, m) <= margin * (1 + 1e-9)
    assert needed == 2 or detectable(needed - 1, needed - 1, spread, m) > margin * (1 - 1e-9)


def test_seeds_without_spread_need_no_more():
    assert seeds_needed(0.01, 0.0) == 2


def test_few_images_put_a_margin_out_of_reach():
    assert is_out_of_reach(0.01, 0.004**2)
    assert not is_out_of_reach(0.01, 0.003**2)
    assert not is_out_of_reach(0.01, None)


@pytest.mark.slow
def test_the_number_suffices_in_four_of_five_pilots():
    found = []
    for a, b in np.random.default_rng(21).normal(size=(4000, 2, 3)).tolist():
        samples = Sample("A", tuple(a)), Sample("B", tuple(b))
        pool = pool_of(samples)
        spread = upper_spread(*(spread_of(sample, pool) for sample in samples), pool)
        found.append(seeds_needed(1.0, spread) or math.inf)
    assert 100 * np.mean(np.array(found) >= 17) == pytest.approx(84, abs=2)
    assert np.quantile(found, (0.1, 0.5, 0.9)) == pytest.approx((13, 37, 85), abs=4)
