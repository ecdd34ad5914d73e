"""Smoothing and averaging: what is flat stays flat, what is equal has no spread, and NaN stays a gap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from engine.analysis.curves import aggregate, smooth

values = arrays.arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e6, 1e6) | st.just(np.nan))
weights = st.floats(0, 0.999)


def curve(*y: float):
    return np.arange(len(y), dtype=float), np.array(y, dtype=float)


class TestSmooth:
    @given(values)
    def test_without_weight_is_the_curve_itself(self, y):
        np.testing.assert_equal(smooth(y, 0), y)

    @given(values, weights)
    def test_stays_between_the_least_and_the_greatest_and_keeps_the_gaps(self, y, weight):
        smoothed = smooth(y, weight)
        np.testing.assert_equal(np.isnan(smoothed), np.isnan(y))
        there = np.isfinite(y)
        if there.any():
            slack = 1e-9 * (1 + np.abs(y[there]).max())
            assert smoothed[there].min() >= y[there].min() - slack
            assert smoothed[there].max() <= y[there].max() + slack

    @given(st.floats(-1e6, 1e6), st.integers(1, 50), weights)
    def test_leaves_a_flat_curve_flat(self, level, n, weight):
        np.testing.assert_allclose(smooth(np.full(n, level), weight), level, rtol=1e-9, atol=1e-9)

    def test_is_the_weighted_mean_of_the_past(self):
        np.testing.assert_allclose(smooth(np.array([1.0, 2.0, np.nan, 4.0]), 0.5), [1, 5 / 3, np.nan, 3])

    @pytest.mark.parametrize("weight", [-0.1, 1.0, np.nan])
    def test_refuses_an_impossible_weight(self, weight):
        with pytest.raises(ValueError, match="smoothing weight"):
            smooth(np.ones(3), weight)


class TestAggregate:
    @given(values, st.integers(1, 5))
    def test_of_equal_curves_is_that_curve_without_spread(self, y, n):
        band = aggregate([(np.arange(len(y), dtype=float), y)] * n)
        np.testing.assert_allclose(band.mean, y, rtol=1e-12)
        np.testing.assert_allclose(band.sd, 0, atol=1e-6)
        assert band.n == n

    def test_is_mean_and_sample_deviation(self):
        band = aggregate([curve(1, 2), curve(3, 6)])
        assert band.x.tolist() == [0, 1]
        assert band.mean.tolist() == [2, 4]
        np.testing.assert_allclose(band.sd, [np.sqrt(2), np.sqrt(8)])

    def test_a_curve_counts_as_far_as_it_has_come(self):
        band = aggregate([curve(1, 2, 3), curve(3)])
        assert band.mean.tolist() == [2, 2, 3]
        assert band.sd[1:].tolist() == [0, 0]

    def test_a_gap_in_one_curve_is_filled_by_the_others(self):
        band = aggregate([curve(1, np.nan, np.nan), curve(3, 4, np.nan)])
        np.testing.assert_equal(band.mean, [2, 4, np.nan])

    def test_other_places_are_interpolated(self):
        coarse = (np.array([0.0, 2.0]), np.array([0.0, 4.0]))
        band = aggregate([curve(0, 0, 0), coarse])
        assert band.mean.tolist() == [0, 1, 2]

    def test_a_curve_without_points_changes_nothing(self):
        assert aggregate([curve(1, 2), curve()]).mean.tolist() == [1, 2]
        assert len(aggregate([curve()]).mean) == 0

    def test_of_nothing_is_an_error(self):
        with pytest.raises(ValueError, match="no curve"):
            aggregate([])
