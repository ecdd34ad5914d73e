"""Memory: of each step its most, and of several seeds at the steps that all have: no spike is lost, none is made."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.curves import curve_of, mean_over_seeds
from engine.analysis.memory_curves import Points, highest_by_place, is_memory, on_common_places

samples = st.lists(st.tuples(st.integers(0, 9), st.floats(0, 1e12)), min_size=1, max_size=60).map(sorted)


def points(pairs: list[tuple[int, float]]) -> Points:
    x, y = np.array(pairs, dtype=float).T
    return x, y


@given(samples)
def test_a_step_has_its_highest_sample(pairs: list[tuple[int, float]]) -> None:
    x, y = highest_by_place(*points(pairs))
    assert dict(zip(x, y, strict=True)) == dict(pairs)  # sorted: the last of a step is its highest
    assert (np.diff(x) > 0).all()


@given(st.lists(samples, min_size=2, max_size=4))
def test_seeds_meet_where_all_were_sampled_and_none_loses_its_highest(
    seeds: list[list[tuple[int, float]]],
) -> None:
    before = [highest_by_place(*points(pairs)) for pairs in seeds]
    after = on_common_places(before)
    shared = set.intersection(*(set(x.tolist()) for x, _ in before))
    for (_, y), (at, most) in zip(before, after, strict=True):
        assert most.max() == y.max()
        assert (np.diff(at) > 0).all()
        if len(shared) > 1:
            assert set(at[at <= max(shared)]) == shared


def test_a_mean_of_seeds_has_no_spike_and_no_triangle() -> None:
    one = curve_of("a", np.array([0.0, 0, 0, 8, 10, 16]), np.array([1.0, 2, 1, 3, 4, 4]), highest=True)
    two = curve_of("b", np.array([0.0, 0, 8, 8, 16]), np.array([2.0, 1, 1, 3, 4]), highest=True)
    mean = mean_over_seeds([one, two])
    assert (mean.x.tolist(), mean.y.tolist()) == ([0, 8, 16], [2, 3, 4])
    assert mean.low is not None
    assert mean.low.tolist() == mean.y.tolist()


def test_gaps_stay_gaps() -> None:
    x, y = highest_by_place(np.array([0.0, 0, 1, 1]), np.array([np.nan, 3, np.nan, np.nan]))
    np.testing.assert_equal((x, y), (np.array([0.0, 1]), np.array([3, np.nan])))


@pytest.mark.parametrize(
    ("metric", "is_so"),
    [("cpu/memory_process", True), ("gpu/1/memory_used", True), ("gpu/power", False), ("test/f1", False)],
)
def test_it_is_of_metrics_in_bytes(metric: str, is_so: bool) -> None:
    assert is_memory(metric) == is_so
