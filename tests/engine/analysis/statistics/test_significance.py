"""The raw test, its correction and its interval: the numbers of worked examples, scipy's, and what must always hold."""

from __future__ import annotations

import json
import math
import tarfile
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from engine.analysis.statistics.significance import (
    NO_POOL,
    NO_SPREAD,
    Pool,
    RawTest,
    Sample,
    agreeing_half,
    benjamini_hochberg,
    interval,
    pool_of,
    raw_test,
    sidak,
)

REPLAY = Path(__file__).parents[4] / "docs" / "replay.tar.xz"

scores = st.lists(st.floats(0, 1).map(lambda value: round(value, 6)), min_size=2, max_size=8)
any_size = st.one_of(
    st.floats(-1e100, 1e100),
    st.floats(-1e-90, 1e-90),
    st.sampled_from([0.0, 1e100, -1e100, 1e-100, 5e-324]),
)


def of(values, name="A", **more):
    return Sample(name, tuple(values), **more)


def half(raw, m):
    low, high = interval(raw, m)
    return (high - low) / 2


def test_the_worked_example_of_four_experiments():
    samples = [of(each) for each in [(0.60, 0.62, 0.61), (0.57, 0.58, 0.56), (0.55, 0.56, 0.57), (0.64,)]]
    pool = pool_of(samples)
    assert (pool.sd**2, pool.freedom, pool.experiments) == (pytest.approx(1e-4, abs=1e-12), 6, 3)
    raw = raw_test(samples[0], samples[1], pool)
    assert (raw.error, raw.freedom, raw.p) == pytest.approx((0.008165, 6, 0.002714), abs=1e-5)
    assert sidak(raw.p, 6) == pytest.approx(0.016172, abs=1e-5)
    assert half(raw, 6) == pytest.approx(0.031392, abs=1e-5)
    single = raw_test(samples[3], samples[1], pool)
    assert (single.error, single.freedom, single.p) == pytest.approx((0.011547, 3.36842, 0.006400), abs=1e-5)
    assert sidak(single.p, 6) == pytest.approx(0.037792, abs=1e-5)


def test_a_spread_is_never_below_what_its_own_seeds_show():
    a, b = of((0.60, 0.62, 0.61)), of((0.50, 0.58, 0.54))
    pool = pool_of([a, b])
    raw = raw_test(a, b, pool)
    assert pool.sd**2 == pytest.approx(0.00085, abs=1e-9)
    assert (raw.error, raw.freedom, raw.p) == pytest.approx((0.026300, 4, 0.056294), abs=1e-5)
    assert raw_test(a, b, pool, guard=False).error < raw.error


HYBRID = "ViT(B)-Hyb-32x32-14"
WORKED = {
    "BiT-M-R50x1-32x32-7": 3, "DropPath-0.1": 3, "LayerScale-0.1": 3, "LayerScale-1e-5": 3,
    "ViT-B-32x32-16-7": 3, "ViT-B-32x32-32-7": 3, HYBRID: 1,
}  # fmt: skip
"""The experiments that were worked by hand, and how many of their seeds; the archive may hold more."""


def replayed() -> dict[str, Sample]:
    """Return the last test/f1 of the runs that were worked by hand, to four digits."""
    found: dict[str, list[float]] = {}
    with tarfile.open(REPLAY) as archive:
        for member in archive.getmembers():
            if not member.name.endswith("events.jsonl"):
                continue
            events = [json.loads(line) for line in archive.extractfile(member)]
            last = [each["values"]["test/f1"] for each in events if "test/f1" in each.get("values", {})]
            if last and any(each["event"] == "end" and each["state"] == "finished" for each in events):
                start = next(each for each in events if each["event"] == "start")
                if start["seed"] < WORKED.get(start["experiment"], 0):
                    found.setdefault(start["experiment"], []).append(round(last[-1], 4))
    return {name: of(values, name) for name, values in found.items()}


def test_the_recorded_runs_come_out_as_worked_by_hand():
    samples = replayed()
    pool = pool_of(samples.values())
    assert (pool.experiments, pool.freedom) == (6, 12)
    assert pool.sd == pytest.approx(0.01335, abs=1e-5)
    vit16, vit32 = samples["ViT-B-32x32-16-7"], samples["ViT-B-32x32-32-7"]
    bit = samples["BiT-M-R50x1-32x32-7"]
    hybrid = samples[HYBRID]
    raw = raw_test(vit16, bit, pool)
    assert (raw.delta, raw.error) == pytest.approx((0.0722, 0.01127), abs=1e-4)
    assert raw.freedom == pytest.approx(6.44, abs=0.01)
    assert raw.p == pytest.approx(0.00051, abs=1e-5)
    assert sidak(raw.p, 6) == pytest.approx(0.0031, abs=1e-4)
    assert half(raw, 6) == pytest.approx(0.0421, abs=1e-4)
    assert raw_test(vit32, vit16, pool).p == pytest.approx(0.229, abs=1e-3)
    single = raw_test(vit32, hybrid, pool)
    assert single.p == pytest.approx(0.0492, abs=1e-3)
    assert sidak(single.p, 6) == pytest.approx(0.261, abs=1e-3)


@given(scores, scores)
@example([0.1, 0.2], [0.3, 0.5])
def test_without_a_prior_it_is_welchs_test(a, b):
    stats = pytest.importorskip("scipy.stats")
    samples = of(a), of(b)
    assume(min(sample.sd for sample in samples) > 1e-7)
    raw = raw_test(*samples, pool_of(samples), d0=0, guard=False)
    known = stats.ttest_ind(a, b, equal_var=False)
    assert raw.p == pytest.approx(known.pvalue, abs=1e-9, rel=1e-6)
    low, high = known.confidence_interval(0.95)
    assert interval(raw, 1) == pytest.approx((low, high), abs=1e-9, rel=1e-6)


def test_one_seed_takes_the_spread_of_the_others():
    pool = pool_of([of((0.5, 0.52, 0.54)), of((0.6, 0.61))])
    raw = raw_test(of((0.7,)), of((0.6,)), pool)
    assert raw.error == pytest.approx(pool.sd * math.sqrt(2))
    assert raw.freedom == pytest.approx(3)  # 4, but for the pool of 3


def test_where_no_experiment_has_two_seeds_nothing_is_tested():
    samples = [of((0.7,)), of((0.6,))]
    raw = raw_test(*samples, pool_of(samples))
    assert math.isnan(raw.p)
    assert (raw.delta, raw.reason) == (pytest.approx(0.1), NO_POOL)
    assert all(map(math.isnan, interval(raw, 1)))
    assert math.isnan(sidak(raw.p, 3))
    assert math.isnan(raw_test(of(()), of((0.6, 0.7)), pool_of([of((0.6, 0.7))])).p)


def test_experiments_that_go_on_are_no_part_of_the_pool():
    assert pool_of([of((0.6, 0.7), finished=False)]) == Pool()


def test_a_score_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        of((0.5, math.nan))


@given(
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(2, 5),
    st.integers(1, 5),
    st.sampled_from([0, 1e-4, 1 / 360]),
)
@example(0.5, 0.505, 2, 2, 0)
@example(0.1, 0.30000000000000004, 3, 3, 0)
def test_seeds_without_any_difference_are_never_certain(a, b, n, other, resolution):
    samples = of([a] * n, resolution=resolution), of([b] * other, resolution=resolution)
    raw = raw_test(*samples, pool_of(samples))
    if a == b:
        assert raw.p == 1
    elif resolution:
        assert raw.p > 0
    else:
        assert (math.isnan(raw.p) and raw.reason == NO_SPREAD) or (raw.p == 1 and abs(a - b) < 1e-15)


def test_rounding_of_the_arithmetic_is_no_spread():
    samples = of((0.1 + 0.2, 0.3)), of((0.4, 0.4))
    assert raw_test(*samples, pool_of(samples)).reason == NO_SPREAD


def test_rounding_of_recorded_values_is_a_spread():
    samples = of((0.5, 0.5), resolution=0.001), of((0.505, 0.505), resolution=0.001)
    assert raw_test(*samples, pool_of(samples)).error == pytest.approx(0.001 / math.sqrt(12))


@given(
    st.lists(any_size, min_size=1, max_size=4), st.lists(any_size, min_size=2, max_size=4), st.integers(1, 28)
)
@example([0.0, 1.0], [2.3714219875802357e80, 2.3714219875802357e80], 1)
@example([1e-160, 2e-160], [3e-160, 5e-160], 1)
@example([1e100, -1e100], [0.0, 5e-324], 1)
@example([1e-160], [3e-160, 5e-160], 1)
@example([1e100], [0.0, 5e-324], 1)
def test_numbers_of_any_size_are_compared(a, b, m):
    samples = of(a), of(b)
    raw = raw_test(*samples, pool_of(samples))
    if math.isnan(raw.p):
        assert raw.reason == NO_SPREAD
        return
    low, high = interval(raw, m)
    assert 0 <= raw.p <= 1
    assert low <= raw.delta <= high
    assert math.isfinite(low)
    assert math.isfinite(high)
    assert (sidak(raw.p, m) < 0.05) == (low > 0 or high < 0)


@given(scores, scores, st.sampled_from([1e-90, 1e-3, 2.0, 1e90]), st.floats(-1, 1))
def test_scale_and_origin_do_not_matter(a, b, factor, shift):
    samples = of(a), of(b)
    assume(min(sample.sd for sample in samples) > 1e-7)
    raw = raw_test(*samples, pool_of(samples))
    moved = [of([factor * (value + shift) for value in sample.values]) for sample in samples]
    assert raw_test(*moved, pool_of(moved)).p == pytest.approx(raw.p, rel=1e-5, abs=1e-12)


@given(scores, scores)
def test_changing_the_sides_mirrors_everything(a, b):
    samples = of(a), of(b)
    pool = pool_of(samples)
    one, other = raw_test(*samples, pool), raw_test(*reversed(samples), pool)
    if math.isnan(one.p):
        assert math.isnan(other.p)
        return
    assert one.p == other.p
    low, high = interval(other, 3)
    assert interval(one, 3) == (-high, -low)


@given(st.floats(0, 1), st.integers(1, 100))
def test_sidaks_correction(p, m):
    corrected = sidak(p, m)
    assert corrected == pytest.approx(1 - (1 - p) ** m, abs=1e-12)
    assert p <= corrected * (1 + 1e-12)
    assert sidak(p, m + 1) >= corrected * (1 - 1e-12)


def test_a_small_p_keeps_its_digits():
    assert sidak(1e-30, 6) == pytest.approx(6e-30)


@settings(max_examples=200)
@given(st.floats(1e-12, 10), st.floats(-10, 10), st.booleans())
def test_rounding_never_parts_p_from_the_interval(width, delta, told):
    assume(delta or not told)
    assert told == (agreeing_half(width, delta, significant=told) < abs(delta))


@given(st.lists(st.one_of(st.floats(0, 1), st.just(math.nan)), max_size=20))
def test_what_to_look_at_is_benjaminis_and_hochbergs(ps):
    stats = pytest.importorskip("scipy.stats")
    tested = [p for p in ps if not math.isnan(p)]
    adjusted = iter(stats.false_discovery_control(tested) if tested else [])
    for p, shown in zip(ps, benjamini_hochberg(ps), strict=True):
        assert shown == (not math.isnan(p) and next(adjusted) <= 0.10)


def test_at_the_level_itself_the_interval_says_what_p_says():
    error = 0.1 / 2.4469118511449692  # the quantile with 6 degrees of freedom
    for p, told in ((0.05 - 1e-13, True), (0.05, False)):
        for rounding in (1 - 1e-12, 1 + 1e-12):
            low, high = interval(RawTest(0.1, error * rounding, 6, p), 1)
            assert told == (low > 0)
            assert high == pytest.approx(0.2)
