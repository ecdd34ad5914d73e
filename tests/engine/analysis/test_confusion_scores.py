"""Scores of a confusion matrix are those that scikit-learn finds in the labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.analysis.confusion_scores import by_class, f1_per_class, scores

CLASSES = 4
pairs = st.lists(st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=50)


@pytest.mark.slow
@pytest.mark.xdist_group("engine")  # scikit-learn takes a second to import: in one process is enough
@settings(max_examples=20)  # scikit-learn takes its time
@given(pairs)
def test_scores_equal_scikit_learns(seen):
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_score, recall_score

    truth, guess = zip(*seen, strict=True)
    matrix = confusion_matrix(truth, guess, labels=range(CLASSES))
    occurring = sorted({*truth, *guess})
    macro = {"average": "macro", "zero_division": 0}
    assert scores(matrix) == pytest.approx(
        (
            accuracy_score(truth, guess),
            f1_score(truth, guess, **macro),
            precision_score(truth, guess, **macro),
            recall_score(truth, guess, **macro),
        )
    )
    by_class = f1_score(truth, guess, labels=occurring, average=None, zero_division=0)
    expected = dict(zip(occurring, by_class, strict=True))
    assert f1_per_class(matrix.tolist()) == pytest.approx([expected.get(k) for k in range(CLASSES)])


def test_a_matrix_without_images_scores_nothing():
    assert scores(np.zeros((3, 3), np.int64)) == (0, 0, 0, 0)
    assert f1_per_class([[0, 0], [0, 0]]) == [None, None]


@pytest.mark.parametrize("matrix", [[], [1, 2], [[1, 2]], [[1], [2]], [[1, 2], [3]]])
def test_what_is_not_square_is_refused(matrix):
    with pytest.raises(ValueError):  # noqa: PT011  numpy has words of its own for a ragged one
        f1_per_class(matrix)


def test_each_class_has_its_own_scores():
    found = by_class([[8, 2, 0], [4, 4, 0], [0, 0, 0]])
    assert found.support.tolist() == [10, 8, 0]
    assert found.recall[:2].tolist() == [0.8, 0.5]
    assert found.precision[:2].tolist() == [8 / 12, 4 / 6]
    assert found.f1[:2].tolist() == f1_per_class([[8, 2, 0], [4, 4, 0], [0, 0, 0]])[:2]
    assert np.isnan([found.f1[2], found.precision[2], found.recall[2]]).all()
