"""Intervals are those of the textbooks, and hold the true value about as often as they claim."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from engine.analysis.classification import scores
from engine.analysis.intervals import bootstrap_f1, wilson


@pytest.mark.parametrize("successes", [0, 1, 7, 180, 359, 360])
def test_wilson_equals_scipys(successes):
    known = binomtest(successes, 360).proportion_ci(0.95, method="wilson")
    assert wilson(successes, 360) == pytest.approx((known.low, known.high), abs=1e-12)


def test_wilson_of_all_and_nothing_stays_within_0_and_1():
    for trials in range(1, 400):
        assert wilson(0, trials)[0] == 0
        assert wilson(trials, trials)[1] == 1


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_what_is_no_share(successes, trials):
    with pytest.raises(ValueError, match="no share"):
        wilson(successes, trials)


@pytest.mark.parametrize("matrix", [[[0]], [[0, 0], [0, 0]], [[1, 2]], []])
def test_a_bootstrap_needs_images(matrix):
    with pytest.raises(ValueError, match="confusion matrix"):
        bootstrap_f1(matrix)


def test_a_bootstrap_is_the_same_each_time_and_another_with_another_seed():
    matrix = [[50, 10], [5, 35]]
    assert bootstrap_f1(matrix) == bootstrap_f1(matrix)
    assert bootstrap_f1(matrix) != bootstrap_f1(matrix, seed=1)


def test_a_perfect_classifier_of_the_images_at_hand_has_no_spread():
    assert bootstrap_f1([[5, 0], [0, 5]]) == (1, 1)


def test_the_bootstrap_of_tables_is_the_bootstrap_of_images():
    matrix = np.array([[70, 20, 10], [5, 60, 15], [0, 25, 45]])
    images = np.repeat(np.arange(9), matrix.ravel())  # one cell number an image
    random = np.random.default_rng(7)
    drawn = [
        scores(np.bincount(random.choice(images, len(images)), minlength=9).reshape(3, 3)).f1
        for _ in range(3000)
    ]
    assert bootstrap_f1(matrix, draws=3000) == pytest.approx(np.quantile(drawn, (0.025, 0.975)), abs=0.005)


def test_wilson_holds_the_true_accuracy_as_often_as_it_claims():
    found = np.random.default_rng(0).binomial(500, 0.62, size=2000)
    held = [low <= 0.62 <= high for low, high in (wilson(int(right), 500) for right in found)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)  # three standard errors


@pytest.mark.slow
def test_the_bootstrap_holds_the_true_f1_about_as_often_as_it_claims():
    shares = np.array([[0.30, 0.04, 0.02], [0.06, 0.20, 0.05], [0.02, 0.06, 0.25]])
    truth = scores((shares * 10_000).round().astype(int)).f1
    random = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        table = random.multinomial(800, shares.ravel()).reshape(3, 3)
        low, high = bootstrap_f1(table, draws=300)
        held += low <= truth <= high
    assert held / 400 == pytest.approx(0.95, abs=0.033)
