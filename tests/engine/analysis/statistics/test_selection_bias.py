"""The best of many is luckier than it is good."""

from __future__ import annotations

import numpy as np
import pytest

from engine.analysis.conclusions.judgement import judge
from engine.analysis.conclusions.pairs import Metric
from engine.analysis.conclusions.sentences import sentences
from engine.analysis.statistics.selection_bias import shrunk_mean
from engine.analysis.statistics.significance import Pool, Sample, pool_of
from tests.engine.analysis.conclusions.agreement import assert_agrees


def samples_of(groups):
    return [Sample(f"E{number}", tuple(values)) for number, values in enumerate(groups)]


def test_what_differs_far_more_than_chance_is_left():
    samples = samples_of([[0.1, 0.1001], [0.4, 0.4001], [0.6, 0.6001], [0.9, 0.9001]])
    assert shrunk_mean(samples[3], samples, pool_of(samples)) == pytest.approx(0.90005, abs=1e-5)


def test_what_differs_no_more_than_chance_is_the_mean_of_all():
    samples = samples_of([[0.50, 0.60], [0.51, 0.61], [0.49, 0.59], [0.52, 0.62]])
    assert shrunk_mean(samples[3], samples, pool_of(samples)) == pytest.approx(0.555)
    alike = samples_of([[0.5, 0.6]] * 4)
    assert shrunk_mean(alike[0], alike, pool_of(alike)) == 0.55


def test_few_experiments_are_not_shrunk():
    samples = samples_of([[0.50, 0.60]] * 3)
    assert shrunk_mean(samples[0], samples, pool_of(samples)) is None
    assert shrunk_mean(samples[0], samples * 2, Pool()) is None


@pytest.mark.parametrize("scale", [1e-90, 1e90])
def test_numbers_of_any_size_are_shrunk(scale):
    groups = [[0.50, 0.52], [0.51, 0.53], [0.56, 0.55], [0.59, 0.62]]
    one, other = (samples_of([[s * x for x in values] for values in groups]) for s in (1, scale))
    known = shrunk_mean(one[3], one, pool_of(one))
    assert shrunk_mean(other[3], other, pool_of(other)) == pytest.approx(scale * known)


@pytest.mark.parametrize(("k", "overstated"), [(4, 0.6), (8, 0.8), (20, 1.1)])
def test_the_best_of_equals_is_overstated_and_shrinking_takes_most_of_it_off(k, overstated):
    raw, shrunk = [], []
    for study in np.random.default_rng(4).normal(size=(400, k, 3)).tolist():
        samples = samples_of(study)
        best = max(samples, key=lambda sample: sample.mean)
        raw.append(best.mean)
        shrunk.append(shrunk_mean(best, samples, pool_of(samples)))
    assert np.mean(raw) == pytest.approx(overstated, abs=0.1)
    assert np.mean(shrunk) < 0.45 * np.mean(raw)


def test_the_best_says_of_how_many_it_was_chosen():
    samples = samples_of([[0.70, 0.71, 0.69], [0.64, 0.65, 0.63], [0.65, 0.64, 0.66], [0.63, 0.62, 0.64]])
    judgement = judge(samples, pool=pool_of(samples), metric=Metric("F1"), configurations=20)
    assert sentences(judgement)[0].endswith(
        "at least 3 seeds each), chosen from 20 configurations tried on these images; "
        "drawn towards the others its mean is 0.698, and fresh seeds of it would say more."
    )
    assert_agrees(judgement)
    assert "chosen" not in sentences(judge(samples, pool=pool_of(samples), metric=Metric("F1")))[0]
