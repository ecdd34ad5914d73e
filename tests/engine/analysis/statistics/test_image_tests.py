"""Tests over images speak of two models, and of nothing more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.conclusions.pairs import excludes_zero
from engine.analysis.statistics.image_tests import mcnemar, z_test
from engine.analysis.statistics.score_intervals import wilson
from engine.events import Estimate


def estimate(right, images):
    low, high = wilson(right, images)
    return Estimate(value=right / images, low=low, high=high, n=images)


@pytest.mark.parametrize(("a", "b"), [(0, 0), (3, 1), (1, 9), (12, 12), (0, 24), (5, 19)])
def test_few_discordant_images_are_tested_exactly(a, b):
    stats = pytest.importorskip("scipy.stats")
    known = stats.binomtest(a, a + b, 0.5).pvalue if a + b else 1.0
    assert mcnemar(a, b, 1000).p == pytest.approx(known)


def test_many_discordant_images_are_tested_by_mcnemar():
    stats = pytest.importorskip("scipy.stats")
    assert mcnemar(40, 20, 1000).p == pytest.approx(stats.chi2.sf(20**2 / 60, 1))


@pytest.mark.parametrize(("a", "b", "images"), [(-1, 2, 10), (6, 6, 10), (0, 0, 0)])
def test_mcnemar_refuses_what_is_no_count(a, b, images):
    with pytest.raises(ValueError, match="cannot be right"):
        mcnemar(a, b, images)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(120, 5000), st.integers(1, 28))
def test_mcnemars_p_and_interval_agree(a, b, images, m):
    test = mcnemar(a, b, images).among(m)
    assert test.low <= test.delta <= test.high
    assert (test.p < 0.05) == excludes_zero(test.low, test.high)
    assert mcnemar(b, a, images).among(m) == test.mirrored()


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 28))
def test_the_p_and_the_interval_of_a_z_test_agree(a, b, m):
    test = z_test(estimate(a, 300), estimate(b, 300))
    assert test is not None
    test = test.among(m)
    assert test.low <= test.delta <= test.high
    assert (test.p < 0.05) == excludes_zero(test.low, test.high)
    assert a != b or test.p == 1


def test_a_score_without_an_interval_is_not_tested():
    known = estimate(50, 100)
    assert z_test(known, Estimate(value=0.6)) is None
    assert z_test(Estimate(value=1.0, low=1.0, high=1.0), Estimate(value=0.9, low=0.9, high=0.9)) is None


@pytest.mark.slow
@pytest.mark.parametrize(("run", "paired", "unpaired"), [(0.05, (25, 41), (10, 22)), (0.0, (1, 9), (0, 9))])
def test_two_seeds_of_one_recipe_are_two_models(run, paired, unpaired):
    random = np.random.default_rng(9)
    images = 10_000
    told = np.zeros(2)
    for _ in range(300):
        logit = 0.7 + random.normal(0, 3, images) + random.normal(0, run, (2, 1))
        a, b = random.random((2, images)) < 1 / (1 + np.exp(-logit))
        apart = z_test(estimate(int(a.sum()), images), estimate(int(b.sum()), images))
        together = mcnemar(int((a & ~b).sum()), int((b & ~a).sum()), images)
        told += together.p < 0.05, apart.p < 0.05
    found = 100 * told / 300
    assert paired[0] <= found[0] <= paired[1]
    assert unpaired[0] <= found[1] <= unpaired[1]
