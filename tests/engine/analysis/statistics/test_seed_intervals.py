"""Intervals of the mean over seeds are Student's, and those of shares stay shares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.statistics.seed_intervals import over_seeds, share_over_seeds

shares = st.lists(st.floats(0, 1).map(lambda value: round(value, 6)), min_size=2, max_size=8)


@given(shares)
def test_the_interval_over_seeds_is_students(values):
    stats = pytest.importorskip("scipy.stats")
    low, high = over_seeds(values)
    if len(set(values)) == 1:
        assert low == high == pytest.approx(values[0])
        return
    known = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (low, high) == pytest.approx((known.low, known.high), rel=1e-6, abs=1e-12)


@given(shares, st.sampled_from([None, 100, 10_000]))
def test_the_interval_of_a_share_is_one_of_shares(values, images):
    low, high = share_over_seeds(values, images)
    assert 0 <= low <= high <= 1
    if over_seeds(values)[0] >= 0.005 and over_seeds(values)[1] <= 0.995:
        assert (low, high) == over_seeds(values)


def test_shares_near_the_end_keep_a_width():
    low, high = share_over_seeds([0.99, 0.995, 1.0], 1000)
    assert 0.85 < low < 0.99 < high < 1


@pytest.mark.parametrize("values", [[], [0.5]])
def test_one_seed_has_no_interval_over_seeds(values):
    with pytest.raises(ValueError, match="two seeds"):
        over_seeds(values)
