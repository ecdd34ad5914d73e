"""Which classes and mistakes differ between confusion matrices, and which differences seeds and images make."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.analysis.confusion import Matrix, make_matrix
from engine.analysis.confusion_change import Shifts, shifts
from engine.analysis.statistics.significance import Sample, pool_of, raw_test, sidak
from engine.events import Confusion
from engine.history.confusion_index import location_of


def matrix(counts: list[list[int]], labels: str = "abc") -> Matrix:
    event = Confusion(time=1.0, run="r", step=1, epoch=1.0, split="test", labels=list(labels), matrix=counts)
    made = make_matrix(event, location_of(event, 0, 1))
    assert made is not None
    return made


def around(right: Sequence[int], images: int = 100) -> list[Matrix]:
    """Return a seed each with so many images of the first class right, and all of the second."""
    return [matrix([[each, images - each], [0, images]], "ab") for each in right]


def found_of(found: Sequence[Matrix], baseline: Sequence[Matrix]) -> Shifts:
    made = shifts(found, baseline)
    assert made is not None
    return made


def test_other_classes_are_not_compared() -> None:
    assert shifts([matrix([[1, 0], [0, 1]], "ab")], [matrix([[1, 0], [0, 1]], "ac")]) is None


def test_the_f1_of_a_class_is_tested_over_seeds() -> None:
    found = found_of(around([88, 90, 92]), around([60, 61, 62]))
    assert found.seeds == (3, 3)
    first, second = found.classes
    assert (first.true, second.true) == ("a", "b")
    assert first.before == pytest.approx(np.mean([2 * n / (n + 100) for n in (60, 61, 62)]))
    assert first.is_significant
    assert found.summary == "recognises 2 of 2 classes better: a, b"
    wild = found_of(around([55, 95, 100]), around([60, 61, 62]))
    assert [shift.is_significant for shift in wild.classes] == [False, False]
    assert wild.summary == ""


def test_it_is_the_test_of_all_other_comparisons_corrected_for_the_classes() -> None:
    here, before = around([85, 90, 92]), around([70, 78, 80])
    found = {shift.true: shift.is_significant for shift in found_of(here, before).classes}
    samples = {
        (name, side): Sample(name, tuple(float(each.by_class.f1[place]) for each in seeds))
        for place, name in enumerate("ab")
        for side, seeds in enumerate((here, before))
    }
    pool = pool_of(samples.values())
    for name in "ab":
        assert found[name] == (sidak(raw_test(samples[name, 0], samples[name, 1], pool).p, 2) < 0.05)


def test_one_seed_each_says_nothing_of_seeds_and_lists_what_to_look_at() -> None:
    before = matrix([[500, 400, 100], [0, 1000, 0], [1, 0, 999]])
    after = matrix([[880, 20, 100], [0, 1000, 0], [2, 0, 998]])
    found = found_of([after], [before])
    assert {shift.is_significant for shift in found.classes} == {None}
    assert [(each.true, each.taken) for each in found.mistakes] == [("a", "b")]
    assert found.mistakes[0].delta == pytest.approx(-0.38)


def test_a_class_that_never_occurs_is_not_compared() -> None:
    empty = [[9, 1, 0], [1, 9, 0], [0, 0, 0]]
    found = found_of([matrix(empty)] * 2, [matrix(empty)] * 2)
    assert sorted(shift.true for shift in found.classes) == ["a", "b"]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_equal_models_have_hardly_a_mistake_to_look_at(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.dirichlet(np.ones(20) * 2, size=20)  # (C, C)
    labels = "".join(chr(97 + each) for each in range(20))
    one, other = (
        [matrix([random.multinomial(2000, row).tolist() for row in truth], labels) for _ in range(3)]
        for _ in range(2)
    )
    made = shifts(one, other, most=400)
    assert made is not None
    assert len(made.mistakes) <= 4
    assert sum(bool(each.is_significant) for each in made.classes) <= 2


@given(st.lists(st.lists(st.integers(0, 2**40), min_size=3, max_size=3), min_size=3, max_size=3))
def test_whatever_the_counts_a_matrix_does_not_differ_from_itself(counts: list[list[int]]) -> None:
    for seeds in (1, 2):
        found = found_of([matrix(counts)] * seeds, [matrix(counts)] * seeds)
        assert not found.mistakes
        assert not any(each.is_significant for each in found.classes)


def test_seeds_that_spread_are_noise_of_mistakes_too() -> None:
    steady = found_of(around([80, 80, 81]), around([60, 61, 61]))
    assert [(each.true, each.taken) for each in steady.mistakes] == [("a", "b")]
    assert not found_of(around([50, 90, 100]), around([60, 61, 62])).mistakes


def test_more_seeds_are_not_more_images() -> None:
    few = found_of(around([68]), around([60]))
    many = found_of(around([68]) * 50, around([60]) * 50)
    assert not few.mistakes
    assert not many.mistakes
