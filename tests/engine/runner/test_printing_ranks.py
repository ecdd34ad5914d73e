"""Where the ranks of a program print the same measurements, the lowest counts."""

from __future__ import annotations

import pytest

from engine.events import Metrics
from engine.runner.printing_ranks import PrintingRanks, rank_of


@pytest.mark.parametrize(
    ("before", "rank"),
    [
        ("[rank0]: ", 0), ("[rank12]:", 12), ("  [default3]:", 3), ("3: ", 3), (" 0: ", 0), ("[1,2]<stdout>:", 2),
        ("[2]<stdout>:", 2), ("[RANK 4] ", 4), ("INFO rank=1 | ", 1), ("Rank: 1 ", 1), ("\r 50%\r[rank1]: ", 1),
        ("", None), ("INFO:root:", None), ("12:30:01 ", None), ("2026-11-29 ", None), ("local_rank=1 ", None),
        ("Epoch 3: ", None), (" 50%|", None),
    ],
)  # fmt: skip
def test_a_rank_is_read_from_what_stands_before(before: str, rank: int | None) -> None:
    assert rank_of({}, before) == rank
    assert rank_of({"rank": 5}, before) == 5
    assert rank_of({"rank": -1}, before) == rank_of({"rank": True}, before) == rank


def event(step: int, **values: float) -> Metrics:
    return Metrics(time=1.0, run="r", step=step, epoch=0.0, values=dict(values))


def test_the_lowest_rank_counts_once_two_print_the_same() -> None:
    ranks = PrintingRanks()
    assert ranks.sift(event(1, loss=0.1), 1).values == {"loss": 0.1}
    assert ranks.sift(event(1, loss=0.2), 0) == ({"loss": 0.2}, (), "")  # comes later, so that it counts
    values, (refused,), _ = ranks.sift(event(2, loss=0.3, own=5.0), 1)
    assert values == {"own": 5.0}  # that rank alone measures it
    assert "only the lowest rank counts" in refused.why
    assert ranks.sift(event(2, loss=0.4), 0).values == {"loss": 0.4}
    assert ranks.sift(event(3, loss=0.5), 2).values == {}


def test_a_number_before_each_epoch_is_no_rank() -> None:
    ranks = PrintingRanks()
    for epoch in range(5):
        assert ranks.sift(event(epoch, loss=0.1), epoch) == ({"loss": 0.1}, (), "")


def test_what_is_printed_twice_counts_and_is_remarked() -> None:
    ranks = PrintingRanks()
    assert ranks.sift(event(1, loss=0.1), None).remark == ""
    assert ranks.sift(event(1, accuracy=0.1), None).remark == ""
    values, refused, remark = ranks.sift(event(1, loss=0.2), None)
    assert (values, refused) == ({"loss": 0.2}, ())
    assert "printed 'loss' twice at step 1: the last one counts" in remark
