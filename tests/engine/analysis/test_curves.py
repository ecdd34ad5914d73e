"""Smoothing and averaging: what is flat stays flat, what is equal has no spread, nobody is averaged who is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from engine.analysis.curves import (
    Curve,
    alike,
    band_words,
    bounds_of,
    curve_of,
    mean_over_seeds,
    outcome_of,
    smooth,
)

values = arrays.arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e6, 1e6) | st.just(np.nan))
weights = st.floats(0, 0.999)


several = arrays.arrays(
    np.float64,
    st.tuples(st.integers(2, 9), st.integers(1, 12)),
    elements=st.floats(-1e6, 1e6) | st.sampled_from([np.nan, np.inf]),
)


def points(*y: float):
    return np.arange(len(y), dtype=float), np.array(y, dtype=float)


def curve(*y: float):
    return Curve("run", *points(*y))


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


class TestMean:
    @given(values, st.integers(2, 8))
    def test_of_equal_curves_is_that_curve_without_spread(self, y, n):
        mean = mean_over_seeds([curve(*y)] * n)
        np.testing.assert_allclose(mean.y, y, rtol=1e-12)
        np.testing.assert_allclose(mean.high - mean.low, np.where(np.isfinite(y), 0, np.nan), atol=1e-6)
        assert mean.n == n

    def test_a_curve_alone_is_as_it_is(self):
        only = curve(1, 2)
        assert mean_over_seeds([only]) is only
        assert mean_over_seeds([only, curve()]) is only

    @given(several)
    def test_lies_between_the_seeds_and_so_does_its_band(self, rows):
        mean = mean_over_seeds([curve(*row) for row in rows])
        whole = np.isfinite(rows).all(axis=0)
        np.testing.assert_equal(np.isfinite(mean.low), whole)  # a band is of all seeds or there is none
        np.testing.assert_equal(np.isfinite(mean.y), whole)
        np.testing.assert_allclose(mean.y[whole], rows[:, whole].mean(axis=0), rtol=1e-9, atol=1e-6)
        if len(rows) <= 5:
            assert mean.band == "range"
            np.testing.assert_array_equal(mean.low[whole], rows[:, whole].min(axis=0))
            np.testing.assert_array_equal(mean.high[whole], rows[:, whole].max(axis=0))
        else:
            assert mean.band == "deviation"
            deviation = rows[:, whole].std(axis=0, ddof=1)
            np.testing.assert_allclose((mean.high - mean.low)[whole] / 2, deviation, rtol=1e-6, atol=1e-6)

    @given(several, st.randoms())
    def test_the_order_of_seeds_changes_nothing(self, rows, random):
        shuffled = list(rows)
        random.shuffle(shuffled)
        a, b = (mean_over_seeds([curve(*row) for row in each]) for each in (rows, shuffled))
        np.testing.assert_allclose(a.y, b.y, rtol=1e-9, atol=1e-6)
        np.testing.assert_allclose(a.low, b.low, rtol=1e-9, atol=1e-6)
        assert (a.lost, a.missing) == (b.lost, b.missing)

    @given(
        arrays.arrays(np.float64, st.tuples(st.integers(2, 9), st.integers(1, 12)), elements=st.floats(0, 1))
    )
    def test_a_band_stays_within_what_a_metric_can_be(self, rows):
        mean = mean_over_seeds([curve(*row) for row in rows], bounds_of("test/f1"))
        assert mean.low.min() >= 0
        assert mean.high.max() <= 1
        times = mean_over_seeds([curve(*(100 * row)) for row in rows], bounds_of("time/backward"))
        assert times.low.min() >= 0

    @given(several, st.floats(0.1, 0.99))
    def test_smoothing_changes_the_mean_alone(self, rows, weight):
        seeds = [curve(*row) for row in rows]
        smoothed = mean_over_seeds([curve_of(c.run, c.x, c.y, weight) for c in seeds], smoothing=weight)
        plain = mean_over_seeds(seeds)
        np.testing.assert_array_equal(smoothed.raw, plain.y)
        np.testing.assert_array_equal(smoothed.low, plain.low)
        np.testing.assert_array_equal(smoothed.high, plain.high)
        np.testing.assert_array_equal(smoothed.y, smooth(plain.y, weight))

    def test_where_a_seed_ended_early_the_rest_is_of_the_others_without_a_band(self):
        mean = mean_over_seeds([curve(1, 2, 3, 5), curve(3, 4), curve(2, 3, 5, 7)])
        np.testing.assert_allclose(mean.y, [2, 3, 4, 6])
        assert mean.partial.tolist() == [False, False, True, True]
        np.testing.assert_array_equal(mean.low, [1, 2, np.nan, np.nan])
        np.testing.assert_array_equal(mean.whole, [2, 3, np.nan, np.nan])
        np.testing.assert_array_equal(mean.rest, [np.nan, 3, 4, 6])  # joined to what it goes on from
        assert (mean.fewer, mean.missing) == ("2 of 3 seeds", "2 of 3 seeds")

    @pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf, 1e200])
    def test_where_a_seed_diverged_the_mean_ends(self, lost):
        mean = mean_over_seeds([curve(0.4, 0.4, 0.8, 0.8), curve(0.5, 0.6, lost, lost)])
        np.testing.assert_allclose(mean.y, [0.45, 0.5, np.nan, np.nan])
        assert mean.partial is None
        assert (mean.lost, mean.crosses, mean.missing) == (1, ((1.0, 0.6),), "1 diverged")

    def test_one_that_diverged_and_then_ended_is_lost_to_the_end(self):
        mean = mean_over_seeds([curve(1, 1, 1, 1), curve(1, np.nan)])
        np.testing.assert_array_equal(mean.y, [1, np.nan, np.nan, np.nan])

    def test_a_hole_is_a_gap_and_nobody_lost(self):
        mean = mean_over_seeds([curve(1, np.nan, 3), curve(3, 4, 5)])
        np.testing.assert_array_equal(mean.y, [2, np.nan, 4])
        assert (mean.lost, mean.missing) == (0, "")

    def test_other_places_are_interpolated(self):
        coarse = curve_of("b", np.array([0.0, 2.0]), np.array([0.0, 4.0]))
        assert mean_over_seeds([curve(0, 0, 0), coarse]).y.tolist() == [0, 1, 2]
        holed = curve_of("b", np.array([0.0, 0.5, 1.5, 2.0]), np.array([0.0, 1.0, np.nan, 4.0]))
        dense = curve_of("a", np.array([0.0, 0.25, 1.0, 1.75, 2.0]), np.zeros(5))
        np.testing.assert_array_equal(mean_over_seeds([dense, holed]).y, [0, 0.25, np.nan, np.nan, 2])

    def test_it_goes_as_far_as_the_farthest_seed(self):
        dense = curve_of("a", np.linspace(0, 1, 50), np.zeros(50))
        far = curve_of("b", np.array([0.0, 1.0, 4.0]), np.ones(3))
        mean = mean_over_seeds([dense, far])
        assert mean.x.tolist() == [0, 1, 4]
        assert mean.y.tolist() == [0.5, 0.5, 1]

    def test_points_come_from_left_to_right(self):
        made = curve_of("a", np.array([2.0, np.nan, 1.0]), np.array([20.0, 5.0, 10.0]))
        assert (made.x.tolist(), made.y.tolist()) == ([1, 2], [10, 20])

    def test_of_nothing_is_an_error(self):
        with pytest.raises(ValueError, match="no curve"):
            mean_over_seeds([])


class TestBands:
    @pytest.mark.parametrize(
        ("counts", "words"),
        [
            ((1, 1), ""),
            ((3,), "3 seeds, lowest to highest"),
            ((1, 6), "± standard deviation of 6 seeds"),
            ((6, 8), "± standard deviation of seeds"),
            ((3, 8), "seeds, lowest to highest"),
        ],
    )
    def test_of_one_picture_have_one_meaning(self, counts, words):
        curves = alike([mean_over_seeds([curve(i, i + 1) for i in range(n)]) for n in counts])
        assert len({each.band for each in curves} - {None}) <= 1
        assert band_words(curves) == words

    def test_change_with_their_meaning(self):
        few, many = (mean_over_seeds([curve(i) for i in range(n)]) for n in (2, 9))
        assert many.low.tolist() == [pytest.approx(4 - np.std(range(9), ddof=1))]
        assert alike([few, many])[1].low.tolist() == [0]
        assert alike([many])[0] is many


class TestOutcome:
    def test_does_not_depend_on_the_axis(self):
        on_epochs = mean_over_seeds([curve(0.1, 0.6), curve(0.2, 0.8)]).outcome
        late = curve_of("b", np.array([0.0, 3.0]), np.array([0.2, 0.8]))
        assert mean_over_seeds([curve(0.1, 0.6), late]).outcome == on_epochs
        assert on_epochs.last == pytest.approx(0.7)
        assert on_epochs.spread == pytest.approx(np.sqrt(0.02))
        assert on_epochs.peak == 0.8

    def test_is_of_unsmoothed_values(self):
        smoothed = outcome_of(
            [curve_of(run, np.arange(2.0), np.array([0.1, y]), 0.9) for run, y in (("a", 0.9), ("b", 0.7))]
        )
        assert smoothed.last == pytest.approx(0.8)

    def test_a_run_that_goes_on_does_not_count_beside_finished_ones(self):
        curves = [Curve(run, *points(*y)) for run, y in (("a", (0.1, 0.6)), ("b", (0.2, 0.8)), ("c", (0.1,)))]
        assert mean_over_seeds(curves, finished={"a", "b"}).outcome.last == pytest.approx(0.7)
        alone = mean_over_seeds(curves, finished={"a"}).outcome
        assert (alone.last, alone.spread) == (0.6, None)

    def test_one_that_diverged_does_not_count(self):
        assert outcome_of([curve(0.5), curve(0.9, np.nan)]) == (0.5, None, 0.9)

    def test_nothing_finite_comes_to_nothing(self):
        assert outcome_of([curve(np.nan), curve(np.inf), curve(1e300)]) is None


class TestPart:
    def test_holds_what_is_within_it(self):
        mean = mean_over_seeds([curve(1, 2, 3, 4), curve(3, 4, np.nan, np.nan)])
        part = mean.within(1, 3)
        assert part.x.tolist() == [1, 2, 3]
        assert part.seeds.shape == (2, 3)
        assert part.crosses == mean.crosses == ((1.0, 4.0),)
        assert mean.within(2, 3).crosses == ()


@pytest.mark.parametrize(
    ("metric", "bounds"),
    [
        ("test/f1", (0, 1)),
        ("val/accuracy", (0, 1)),
        ("time/backward", (0, None)),
        ("train/images_per_s", (0, None)),
        ("gpu/1/memory_used", (0, None)),
        ("gpu/utilization", (0, 100)),
        ("train/loss", (None, None)),
        ("anything", (None, None)),
    ],
)
def test_what_a_metric_can_be(metric, bounds):
    assert bounds_of(metric) == bounds
