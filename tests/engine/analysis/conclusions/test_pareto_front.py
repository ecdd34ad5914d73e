"""Nothing is said to be worth less than its cost where seeds do not say so."""

from __future__ import annotations

import pytest

from engine.analysis.conclusions.costs import is_cheaper, takes_less_memory
from engine.analysis.conclusions.judgement import judge
from engine.analysis.conclusions.pairs import Metric
from engine.analysis.conclusions.pareto_front import Mark, pareto_front
from engine.analysis.statistics.significance import Sample, pool_of

SCORES = {"A": (0.70, 0.71, 0.69), "B": (0.60, 0.61, 0.59), "C": (0.601, 0.60, 0.605)}


def front(margin=None, **cheaper):
    samples = [Sample(name, values) for name, values in SCORES.items()]
    judgement = judge(samples, pool=pool_of(samples), metric=Metric("F1"), margin=margin)
    return pareto_front(judgement, {name: frozenset(others) for name, others in cheaper.items()})


def test_what_is_dearer_and_worse_is_dominated():
    assert front(B="A") == {"A": Mark.ON_FRONT, "B": Mark.DOMINATED, "C": Mark.ON_FRONT}


def test_what_is_dearer_and_better_is_on_the_front():
    assert front(A="BC")["A"] is Mark.ON_FRONT


def test_what_is_dearer_and_not_told_apart_may_be_on_the_front():
    assert front(C="B")["C"] is Mark.MAY_BE
    assert front(C="AB")["C"] is Mark.DOMINATED


def test_what_is_dearer_and_alike_is_dominated():
    assert front(margin=0.05, C="B")["C"] is Mark.DOMINATED


@pytest.mark.parametrize(
    ("a", "b", "cheaper"),
    [
        ([1.0, 1.1, 1.2], [2.0, 2.1, 2.2], True),
        ([1.0, 1.1, 2.05], [2.0, 2.1, 2.2], False),
        ([1.0, 1.1, 1.12], [1.13, 1.14, 1.15], False),
        ([1.0, 1.1], [2.0, 2.1, 2.2], False),
        ([2.0, 2.1, 2.2], [1.0, 1.1, 1.2], False),
    ],
)
def test_costs_are_told_apart_by_their_ranges(a, b, cheaper):
    assert is_cheaper(a, b) == cheaper


def test_memory_is_told_apart_from_two_percent_on():
    assert takes_less_memory(1.00e9, 1.03e9)
    assert not takes_less_memory(1.00e9, 1.01e9)
