"""How often the scheme is wrong, and how often it tells what is so: simulations with known truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.special import stdtr

from tests.engine.analysis.statistics.oracle import Studies, draw

H = 0.35
"""How much the log of the spread differs between experiments, as in the recorded runs."""


def studies(
    seed: int, draws: int, seeds: Sequence[int], *, extra: int = 0, h: float = H, **more: Sequence[float]
) -> Studies:
    groups = draw(np.random.default_rng(seed), draws, [*seeds, *[seeds[0]] * extra], h=h, **more)
    return Studies(groups[: len(seeds)], groups)


def pairs_of(k: int) -> int:
    return k * (k - 1) // 2


@pytest.mark.parametrize(("h", "expected"), [(0.0, 4.5), (0.35, 4.8), (0.7, 5.4)])
def test_a_pair_is_told_wrongly_in_a_twentieth(h, expected):
    assert 100 * studies(77, 4000, [3] * 4, h=h).told(1).mean() == pytest.approx(expected, abs=1.1)


@pytest.mark.parametrize(
    ("k", "n", "extra", "sidak", "with_best"),
    [(4, 3, 0, 4.1, 5.2), (6, 3, 0, 2.4, 2.9), (4, 10, 0, 3.6, 4.2), (4, 3, 6, 2.4, 2.8)],
)
def test_any_wrong_claim_among_all_pairs_of_equals(k, n, extra, sidak, with_best):
    found = studies(77, 4000, [n] * k, extra=extra)
    told = found.told(pairs_of(k)).any(axis=1)
    _, p_star = found.p_star()
    assert 100 * told.mean() == pytest.approx(sidak, abs=1.0)
    assert 100 * (told | (p_star < 0.05)).mean() == pytest.approx(with_best, abs=1.0)
    assert (told | (p_star < 0.05)).mean() < 0.06


def test_two_equal_tops_are_rarely_told_apart():
    found = studies(5, 6000, [3] * 4, means=[0, 0, -30, -30])
    wrong = found.told(6, [(0, 1), (2, 3)]).any(axis=1) | (found.p_star()[1] < 0.05)
    assert 100 * wrong.mean() == pytest.approx(5.9, abs=0.9)
    assert wrong.mean() < 0.075


@pytest.mark.parametrize(("k", "n", "expected"), [(4, 3, 4.7), (6, 3, 3.4), (6, 5, 2.8)])
def test_any_wrong_claim_against_a_baseline(k, n, expected):
    told = studies(77, 4000, [n] * k).told(k - 1, [(0, other) for other in range(1, k)])
    assert 100 * told.any(axis=1).mean() == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize(
    ("seeds", "expected"), [((3, 3, 3, 3), 95.9), ((3, 5, 10), 96.1), ((1, 3, 3, 3), 96.8), ((2, 2, 2), 95.9)]
)
def test_all_intervals_together_hold_the_truth(seeds, expected):
    found = studies(77, 4000, seeds)
    m = pairs_of(len(seeds))
    held = (np.abs(found.pairs(found.delta)) <= found.pairs(found.half(m))).all(axis=1)
    assert 100 * held.mean() == pytest.approx(expected, abs=1.0)
    assert held.mean() >= 0.94


@pytest.mark.parametrize(("k", "n", "expected"), [(4, 3, 69), (6, 5, 87), (4, 10, 99)])
def test_a_best_that_is_three_deviations_ahead_is_told(k, n, expected):
    top, p_star = studies(5, 6000, [n] * k, means=[3] + [0] * (k - 1)).p_star()
    assert 100 * ((top == 0) & (p_star < 0.05)).mean() == pytest.approx(expected, abs=2)


def test_seeds_that_are_skewed_or_collapse_are_told_apart_less_often():
    random = np.random.default_rng(77)
    shape = (4, 4000, 3)
    skewed = -random.gamma(2, size=shape)  # a skew of -1.4
    collapsing = random.normal(size=shape) - np.where(random.random(shape) < 0.1, 8, 0)
    for groups, expected in ((skewed, 3.0), (collapsing, 1.6)):
        wrong = Studies(list(groups)).told(6).any(axis=1).mean()
        assert 100 * wrong == pytest.approx(expected, abs=1.0)
        assert wrong < 0.05


@pytest.mark.parametrize(
    ("seeds", "spreads", "expected"), [((3, 3, 3, 3), (3, 1, 1, 1), 8.9), ((2, 10), (3, 1), 17.0)]
)
def test_one_that_spreads_thrice_as_much_is_told_too_often(seeds, spreads, expected):
    """Why what two seeds tell is called a hint."""
    found = studies(31, 20_000, seeds, h=0, spreads=spreads)
    told = found.told(1, [(0, other) for other in range(1, len(seeds))])
    assert 100 * told.mean() == pytest.approx(expected, abs=1.0)


def test_one_seed_that_would_spread_twice_as_much_is_told_too_often():
    """Why one seed is told of with an "if"."""
    single, several = draw(np.random.default_rng(31), 20_000, [1, 10], spreads=[2, 1])
    t = (single[:, 0] - several.mean(axis=1)) / several.std(axis=1, ddof=1) / np.sqrt(1.1)
    assert 100 * (2 * stdtr(9, -np.abs(t)) < 0.05).mean() == pytest.approx(27, abs=1.0)
    shared = studies(31, 20_000, [1, 5, 5, 5], h=0, spreads=[2, 1, 1, 1]).told(1, [(0, 1)])
    assert 100 * shared.mean() == pytest.approx(11, abs=1.0)


def test_looking_until_it_shows_is_wrong_twice_as_often_without_a_plan():
    random = np.random.default_rng(21)
    groups = list(random.normal(size=(2, 20_000, 10)))

    def p(n):
        return Studies([group[:, :n] for group in groups], d0=0, guard=False).p[:, 0, 1]

    looks = np.stack([p(3), p(5), p(10)])
    assert 100 * (looks < 0.05).any(axis=0).mean() == pytest.approx(10.0, abs=0.7)
    planned = (looks[:2] < 0.005).any(axis=0) | (looks[2] < 0.05)
    assert 100 * planned.mean() == pytest.approx(5.2, abs=0.5)


@pytest.mark.parametrize(
    ("n", "margin", "expected", "within"), [(3, 3, 2.2, 0.7), (5, 2, 2.4, 0.8), (10, 1, 1.5, 0.6)]
)
def test_what_differs_by_the_margin_is_rarely_called_alike(n, margin, expected, within):
    found = studies(21, 4000, [n, n], h=0, means=[margin, 0])
    delta, half = found.delta[:, 0, 1], found.half(1)[:, 0, 1]
    alike = (delta - half > -margin) & (delta + half < margin)
    assert 100 * alike.mean() == pytest.approx(expected, abs=within)
