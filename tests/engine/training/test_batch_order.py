"""Which images each step of a training sees."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.training.batch_order import BatchOrder, mixed_seed

pytestmark = pytest.mark.xdist_group("engine")

orders = st.builds(
    BatchOrder,
    images=st.integers(1, 200),
    batch_size=st.integers(1, 64),
    accumulate=st.integers(1, 5),
    least_batch=st.integers(1, 3),
    seed=st.integers(0, 2**32),
)


def seen(order: BatchOrder, epoch: int, first: int = 0) -> list[list[list[int]]]:
    return [[batch.tolist() for batch in batches] for batches in order.steps(epoch, first)]


@given(orders, st.integers(0, 5), st.data())
def test_every_image_is_seen_once_an_epoch_and_the_rest_of_an_epoch_is_its_rest(order, epoch, data):
    steps = seen(order, epoch)
    assert len(steps) == order.steps_per_epoch
    assert sorted(index for step in steps for batch in step for index in batch) == list(range(order.images))
    assert all(1 <= len(step) <= order.accumulate for step in steps)
    first = data.draw(st.integers(0, len(steps)))
    assert seen(order, epoch, first) == steps[first:]


@given(orders)
def test_only_an_only_batch_is_smaller_than_the_smallest_that_may_be_trained_on(order):
    sizes = [len(batch) for step in seen(order, 0) for batch in step]
    assert len(sizes) == 1 or min(sizes) >= min(order.least_batch, order.batch_size)
    assert max(sizes) < order.batch_size + order.least_batch


def test_each_epoch_and_each_seed_has_an_order_of_its_own():
    first = BatchOrder(images=90, batch_size=16, accumulate=1, least_batch=1, seed=0)
    second = BatchOrder(images=90, batch_size=16, accumulate=1, least_batch=1, seed=1)
    drawn = [torch.cat([torch.cat(step) for step in o.steps(e, 0)]) for o in (first, second) for e in (0, 1)]
    assert len({tuple(order.tolist()) for order in drawn}) == 4


@given(st.lists(st.tuples(st.integers(0, 2**40), st.integers(0, 50)), min_size=2, max_size=50, unique=True))
def test_every_combination_of_numbers_has_a_seed_of_its_own(pairs):
    seeds = {mixed_seed(*pair) for pair in pairs}
    assert len(seeds) == len(pairs)
    assert all(0 <= seed < 2**63 for seed in seeds)
