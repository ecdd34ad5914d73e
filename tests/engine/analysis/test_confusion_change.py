"""Which classes and mistakes differ between two confusion matrices, and which differences are noise."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.analysis.confusion import Matrix, make_matrix
from engine.analysis.confusion_change import shifts
from engine.events import Confusion
from engine.history.confusion import place_of


def matrix(counts: list[list[int]], labels: str = "abc") -> Matrix:
    event = Confusion(time=1.0, run="r", step=1, epoch=1.0, split="test", labels=list(labels), matrix=counts)
    made = make_matrix(event, place_of(event, 0, 1))
    assert made is not None
    return made


def test_what_a_model_tells_better_and_which_mistake_it_makes_less() -> None:
    before = matrix([[500, 400, 100], [0, 1000, 0], [1, 0, 999]])
    after = matrix([[880, 20, 100], [0, 1000, 0], [2, 0, 998]])
    found = shifts([after], [before])
    assert found is not None
    first = found.classes[0]
    assert (first.true, first.before, first.after, first.told) == ("a", 0.5, 0.88, True)
    assert [(each.true, each.taken) for each in found.mistakes] == [("a", "b")]
    assert abs(found.mistakes[0].delta + 0.38) < 1e-12
    rest = {each.true: each.told for each in found.classes[1:]}
    assert rest == {"b": False, "c": False}  # one image of a thousand


def test_other_classes_are_not_compared() -> None:
    assert shifts([matrix([[1, 0], [0, 1]], "ab")], [matrix([[1, 0], [0, 1]], "ac")]) is None


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_equal_models_differ_in_about_one_share_of_twenty(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.dirichlet(np.ones(20) * 2, size=20)  # (C, C)
    a, b = ([random.multinomial(2000, row).tolist() for row in truth] for _ in range(2))
    labels = [chr(97 + each) for each in range(20)]
    found = shifts([matrix(a, "".join(labels))], [matrix(b, "".join(labels))], most=400)
    assert found is not None
    assert 0.01 <= len(found.mistakes) / 380 <= 0.11
    assert sum(each.told for each in found.classes) <= 7


@given(st.lists(st.lists(st.integers(0, 2**40), min_size=3, max_size=3), min_size=3, max_size=3))
def test_whatever_the_counts_a_matrix_does_not_differ_from_itself(counts: list[list[int]]) -> None:
    found = shifts([matrix(counts)], [matrix(counts)])
    assert found is not None
    assert not found.mistakes
    assert not any(each.told for each in found.classes)


def test_seeds_are_summed_and_how_far_they_spread_is_noise() -> None:
    def seed(right: int) -> Matrix:
        return matrix([[right, 100 - right], [0, 100]], "ab")

    found = shifts([seed(70), seed(80), seed(90)], [seed(60), seed(61), seed(62)])
    assert found is not None
    assert found.seeds == (3, 3)
    first = found.classes[0]
    assert (first.true, first.before, first.after) == ("a", 0.61, 0.8)
    assert first.told
    wild = shifts([seed(50), seed(90), seed(100)], [seed(60), seed(61), seed(62)])
    assert wild is not None
    assert wild.classes[0].after == 0.8
    assert not wild.classes[0].told


def test_more_seeds_are_not_more_images() -> None:
    few = shifts([matrix([[70, 30], [0, 100]], "ab")], [matrix([[60, 40], [0, 100]], "ab")])
    many = shifts([matrix([[70, 30], [0, 100]], "ab")] * 50, [matrix([[60, 40], [0, 100]], "ab")] * 50)
    assert few is not None
    assert many is not None
    assert few.classes == many.classes
