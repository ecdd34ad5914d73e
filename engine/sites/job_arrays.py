"""Which runs a cluster gets as one job array, and which as jobs of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

ARRAY_FROM = 11
"""So many runs of one kind go as one array; fewer are jobs of their own, whose priorities can differ."""
ARRAY_MOST = 1000
"""Tasks of an array: Slurm's default limit is 1,001."""

T = TypeVar("T")


def split(alike: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield runs of one kind in the parts that are handed in together, each as an array or, alone, as a job."""
    size = ARRAY_MOST if len(alike) >= ARRAY_FROM else 1
    for at in range(0, len(alike), size):
        yield alike[at : at + size]


def job_ids(job: str, tasks: int) -> list[str]:
    """Return the id of each of so many runs that were handed in together as a job, as Slurm names them."""
    return [job] if tasks == 1 else [f"{job}_{task}" for task in range(tasks)]
