"""What is said of differences: the best is called so only beyond the noise, whatever the numbers are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.verdicts import Sample, compare, holm, verdicts
from engine.events import Estimate

P = st.floats(0, 1, allow_nan=False)


@given(st.lists(P | st.just(math.nan), max_size=8))
def test_holm_never_makes_a_difference_surer_and_keeps_the_order(ps: list[float]) -> None:
    corrected = holm(ps)
    tested = [(p, q) for p, q in zip(ps, corrected, strict=True) if not math.isnan(p)]
    assert all(math.isnan(q) for p, q in zip(ps, corrected, strict=True) if math.isnan(p))
    assert all(p <= q <= 1 for p, q in tested)
    in_order = [q for _, q in sorted(tested)]
    assert in_order == sorted(in_order)
    if tested:
        assert min(q for _, q in tested) == min(1, min(p for p, _ in tested) * len(tested))


def test_holm_is_as_published() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])  # Holm's own steps


def test_a_difference_beyond_the_seeds_is_told_and_names_its_test() -> None:
    first, second = verdicts([Sample("a", (0.50, 0.51, 0.52)), Sample("b", (0.70, 0.71, 0.69))])
    assert first == "b has the highest F1 of 2, beyond the noise."
    assert second.startswith("b beats a by 0.190 ± ")
    assert "Welch's t-test, p < 0.001; 3 and 3 seeds" in second


def test_what_cannot_be_told_is_not_called_the_best() -> None:
    samples = [Sample("a", (0.50, 0.60)), Sample("b", (0.52, 0.61)), Sample("c", (0.10, 0.11))]
    first, *rest = verdicts(samples)
    assert first.startswith("Which is best these runs do not say: b has the highest F1, and ")
    assert "a" in first
    assert any(
        "cannot be told apart" in sentence and "by Holm for 2 comparisons" in sentence for sentence in rest
    )


def test_two_seeds_are_said_to_be_few() -> None:
    first, _ = verdicts([Sample("a", (0.50, 0.501)), Sample("b", (0.70, 0.701))])
    assert first == "b has the highest F1 of 2, beyond the noise, as far as two seeds can tell."


def test_one_seed_each_speaks_of_the_models_alone() -> None:
    samples = [
        Sample("a", (0.5,), Estimate(value=0.5, low=0.48, high=0.52, n=1000)),
        Sample("b", (0.8,), Estimate(value=0.8, low=0.78, high=0.82, n=1000)),
    ]
    first, second = verdicts(samples)
    assert first == "b has the highest F1 of 2, beyond the noise of the test images; seeds may differ."
    assert second.endswith("of these two models, not of other seeds.")


def test_one_seed_against_several_is_measured_by_how_much_those_differ() -> None:
    several = Sample("a", (0.50, 0.51, 0.52))
    final = Estimate(value=0.7, low=0.68, high=0.72, n=1000)
    first, second = verdicts([several, Sample("b", (0.70,), final)])
    assert first == "b has the highest F1 of 2, beyond the noise, as far as one seed can tell."
    assert second.startswith("b beats a by 0.190 ± 0.050 F1 (t-test of one seed against several, p = 0.004; ")
    assert second.endswith("; 1 and 3 seeds), if seeds of both spread alike.")
    first, second = verdicts([several, Sample("b", (0.54,), final)])
    assert first.startswith("Which is best these runs do not say")
    assert "cannot be told apart" in second


def test_one_seed_against_two_is_as_far_as_two_seeds_can_tell() -> None:
    first, second = verdicts([Sample("a", (0.50, 0.501)), Sample("b", (0.70,))])
    assert first == "b has the highest F1 of 2, beyond the noise, as far as two seeds can tell."
    assert second.endswith("; as far as two seeds can tell.")


def test_only_what_was_tested_is_corrected_for() -> None:
    """Of one seed against several, and against one without intervals, only the former is a test."""
    samples = [Sample("a", (0.50, 0.51, 0.52)), Sample("b", (0.70,)), Sample("c", (0.40,))]
    _, *rest = verdicts(samples)
    assert not any("Holm" in sentence for sentence in rest)
    *_, last = verdicts([*samples, Sample("d", (0.30, 0.31, 0.32))])
    assert "by Holm for 2 comparisons" in last


def test_without_any_interval_nothing_is_claimed() -> None:
    first, second = verdicts([Sample("a", (0.5,)), Sample("b", (0.9,))])
    assert first.startswith("Which is best these runs do not say")
    assert "two seeds each would say how much that means" in second


def test_one_experiment_is_compared_with_nothing() -> None:
    assert verdicts([Sample("a", (0.5, 0.6)), Sample("none", ())]) == []


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [(3, 3), (3,) * 6, (1, 3), (1, 3, 3, 3), (1, 2)])
def test_equal_experiments_have_a_best_in_about_one_of_twenty_reports_at_most(seeds: tuple[int, ...]) -> None:
    random = np.random.default_rng(7)
    trials, wrong = 600, 0
    for _ in range(trials):
        samples = [Sample(f"e{i}", tuple(random.normal(0.6, 0.02, count))) for i, count in enumerate(seeds)]
        ranked = sorted(samples, key=lambda each: -each.mean)
        told = [compare(ranked[0], other) for other in ranked[1:]]
        corrected = holm([each.p for each in told])
        wrong += all(p < 0.05 for p in corrected)
        assert ("beyond the noise" in verdicts(samples)[0]) == all(p < 0.05 for p in corrected)
    assert wrong / trials < 0.05 + 3 * math.sqrt(0.05 * 0.95 / trials)
