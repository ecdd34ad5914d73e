"""Intervals over images are those of the textbooks, and hold the true score as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.analysis.conclusions.pairs import excludes_zero, interval_for_images
from engine.analysis.confusion_scores import scores
from engine.analysis.statistics.score_intervals import (
    accuracy_interval,
    confusion,
    f1_error,
    f1_interval,
    image_variance,
    influence,
    wilson,
)
from engine.analysis.statistics.significance import Sample, pool_of, raw_test

matrices = arrays(np.int64, (4, 4), elements=st.integers(0, 9)).filter(lambda matrix: matrix.any())


@pytest.mark.parametrize("successes", [0, 1, 7, 180, 359, 360])
def test_wilson_equals_scipys(successes):
    stats = pytest.importorskip("scipy.stats")
    known = stats.binomtest(successes, 360).proportion_ci(0.95, method="wilson")
    assert wilson(successes, 360) == pytest.approx((known.low, known.high), abs=1e-12)


def test_wilson_of_all_and_nothing_stays_within_0_and_1():
    for trials in range(1, 400):
        assert wilson(0, trials)[0] == 0
        assert wilson(trials, trials)[1] == 1


def test_wilson_holds_the_true_accuracy_as_often_as_it_claims():
    found = np.random.default_rng(0).binomial(500, 0.62, size=2000)
    held = [low <= 0.62 <= high for low, high in (wilson(int(right), 500) for right in found)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)  # three standard errors


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_what_is_no_share(successes, trials):
    with pytest.raises(ValueError, match="no share"):
        wilson(successes, trials)


@pytest.mark.parametrize("matrix", [[[0]], [[0, 0], [0, 0]], [[1, 2]], []])
def test_an_interval_needs_images(matrix):
    for of in (f1_interval, accuracy_interval, influence, f1_error):
        with pytest.raises(ValueError, match="confusion matrix"):
            of(matrix)


def test_all_and_nothing_right_have_the_intervals_of_the_accuracy():
    assert f1_interval([[5, 0], [0, 5]]) == wilson(10, 10)
    assert f1_interval([[0, 5], [5, 0]]) == wilson(0, 10)
    assert f1_interval([[150, 0], [0, 150]])[0] == pytest.approx(1 - 3.84 / 300, abs=1e-3)


@given(matrices)
def test_the_interval_holds_the_score_and_stays_within_0_and_1(matrix):
    low, high = f1_interval(matrix)
    assert 0 <= low <= scores(matrix).f1 + 1e-12
    assert scores(matrix).f1 - 1e-12 <= high <= 1


@given(matrices)
def test_influences_have_the_mean_0(matrix):
    for score in ("f1", "accuracy"):
        assert (matrix * influence(matrix, score)).sum() / matrix.sum() == pytest.approx(0, abs=1e-12)


@given(matrices)
def test_an_influence_is_the_derivative_by_the_weight_of_an_image(matrix):
    total = matrix.sum()
    for true, guess in np.argwhere(matrix):
        weights = matrix.astype(complex)
        weights[true, guess] += 1e-30j  # the derivative without any cancellation
        occurrences = weights.sum(axis=0) + weights.sum(axis=1)
        occurs = occurrences != 0
        f1 = (2 * weights.diagonal()[occurs] / occurrences[occurs]).mean()
        known = f1.imag / 1e-30 * total
        assert influence(matrix)[true, guess] == pytest.approx(known, abs=1e-12 * max(1, abs(known)))


def test_influences_are_those_of_the_jackknife():
    matrix = np.array([[70, 20, 10], [5, 60, 15], [0, 25, 45]])
    total = matrix.sum()
    for true, guess in np.argwhere(matrix):
        without = matrix.copy()
        without[true, guess] -= 1
        jackknife = (total - 1) * (scores(matrix).f1 - scores(without).f1)
        assert influence(matrix)[true, guess] == pytest.approx(jackknife, abs=0.02)


def test_the_standard_error_is_that_of_the_bootstrap():
    matrix = np.array([[70, 20, 10], [5, 60, 15], [0, 25, 45]])
    tables = np.random.default_rng(7).multinomial(250, matrix.ravel() / 250, size=3000).reshape(-1, 3, 3)
    assert f1_error(matrix) == pytest.approx(np.std([scores(table).f1 for table in tables]), rel=0.05)


@pytest.mark.parametrize(("classes", "images"), [(10, 2000), (100, 1000), (100, 10_000)])
def test_macro_f1_is_held_as_often_as_claimed(classes, images):
    """Also where a class has ten images, as long as every split has as many of each."""
    random = np.random.default_rng(9)
    right = np.clip(random.normal(0.5, 0.15, classes), 0.05, 0.95)
    wrong = random.dirichlet(np.full(classes, 0.3), classes)
    np.fill_diagonal(wrong, 0)
    shares = np.diag(right) + (1 - right)[:, None] * wrong / wrong.sum(axis=1, keepdims=True)
    occurrences = shares.sum(axis=0) + shares.sum(axis=1)
    truth = float((2 * shares.diagonal() / occurrences).mean())
    tables = np.stack([random.multinomial(images // classes, row, size=250) for row in shares], axis=1)
    held = [low <= truth <= high for low, high in map(f1_interval, tables)]
    assert 100 * np.mean(held) == pytest.approx(96, abs=4)


def test_the_variance_of_the_images_is_the_paired_one():
    random = np.random.default_rng(3)
    truth = random.integers(0, 3, 500)
    a, b = (np.where(random.random((1, 500)) < share, truth, 0) for share in (0.8, 0.6))
    right_a, right_b = (guesses[0] == truth for guesses in (a, b))
    known = np.var(right_a.astype(float) - right_b) / 500
    assert image_variance(a, b, truth, "accuracy") == pytest.approx(known)
    assert image_variance(a, a, truth) == 0
    assert image_variance(a, b, truth) == pytest.approx(image_variance(b, a, truth))


def test_the_guesses_are_of_the_same_images():
    with pytest.raises(ValueError, match="are not of"):
        image_variance(np.zeros((2, 5), int), np.zeros((2, 4), int), np.zeros(5, int))


def test_guesses_are_counted():
    assert confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist() == [[1, 1], [0, 1]]


def recipes(random, images, seeds, *, own=1.0, run=0.05):
    """Return whether each image (2 recipes, seeds, images) is guessed: both recipes are equally good."""
    difficulty = random.normal(0, 3, images)
    interaction = random.normal(0, own, (2, 1, images))
    quality = random.normal(0, run, (2, seeds, 1))
    logit = 0.7 + difficulty + interaction + quality
    return random.random((2, seeds, images)) < 1 / (1 + np.exp(-logit))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seeds", "only_seeds", "with_images"), [(10, (8, 22), (0, 8)), (3, (0, 100), (0, 8))]
)
def test_equal_recipes_are_told_apart_for_other_images_in_a_twentieth(seeds, only_seeds, with_images):
    random = np.random.default_rng(9)
    truth = np.ones(2000, dtype=np.int64)
    told = np.zeros(2)
    for _ in range(250):
        a, b = recipes(random, 2000, seeds).astype(np.int64)
        samples = [Sample("A", tuple(a.mean(axis=1).tolist())), Sample("B", tuple(b.mean(axis=1).tolist()))]
        raw = raw_test(*samples, pool_of(samples))
        variance = image_variance(a, b, truth, "accuracy")
        told += raw.p < 0.05, excludes_zero(*interval_for_images(raw, variance))
    found = 100 * told / 250
    assert only_seeds[0] <= found[0] <= only_seeds[1]
    assert with_images[0] <= found[1] <= with_images[1]


def test_what_varies_between_two_seeds_is_taken_off():
    random = np.random.default_rng(5)
    truth = np.ones(400, dtype=np.int64)
    easy = random.random(400) < 0.6  # where the one recipe is right whatever its seed
    a = np.where(random.random((2, 400)) < 0.9, easy, 0).astype(np.int64)
    b = np.where(random.random((2, 400)) < 0.9, ~easy, 0).astype(np.int64)
    right = [side - side.mean(axis=1, keepdims=True) for side in (a, b)]
    seeds = sum(((side[0] - side[1]) ** 2 / 2).mean() / 2 for side in right)
    known = (np.var(right[0].mean(axis=0) - right[1].mean(axis=0)) - seeds) / 400
    assert known > 0
    assert image_variance(a, b, truth, "accuracy") == pytest.approx(known)
