"""Runs that are handed in together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sites.job_arrays import ARRAY_FROM, ARRAY_MOST, job_ids, split


@given(st.integers(0, 2 * ARRAY_MOST + 1))
def test_each_run_is_handed_in_once_and_in_order(number):
    parts = list(split(range(number)))
    assert [run for part in parts for run in part] == list(range(number))
    assert all(1 <= len(part) <= ARRAY_MOST for part in parts)


@pytest.mark.parametrize(
    ("number", "sizes"),
    [
        (ARRAY_FROM - 1, [1] * (ARRAY_FROM - 1)),
        (ARRAY_FROM, [ARRAY_FROM]),
        (ARRAY_MOST + 1, [ARRAY_MOST, 1]),
    ],
)
def test_few_runs_are_jobs_of_their_own(number, sizes):
    assert [len(part) for part in split(range(number))] == sizes


def test_a_job_of_one_run_is_named_without_a_task():
    assert job_ids("7", 1) == ["7"]
    assert job_ids("7", 3) == ["7_0", "7_1", "7_2"]
