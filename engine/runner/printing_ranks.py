"""Which of the ranks of a distributed program counts, where several print the same measurements: the lowest.

A launcher puts the rank before what each process prints: ``[rank1]: ``, ``[default1]:``, ``1: ``, ``[1,1]<stdout>:``.
A number there may mean anything. It is believed to be a rank once two of them print one metric at one step.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.events import MAX_METRICS, Metrics
from engine.runner.printed_events import Refusal
from engine.text import shorten

SHOWN = 60
"""Characters of a metric's name that are shown."""
NEAR = 200
"""Characters before an object in which its rank is looked for."""
_RANK = re.compile(
    r"\brank[ :=#]{0,2}(\d{1,6})\b"
    r"|^\s*\[[A-Za-z_.-]*(\d{1,6})\](?:<\w+>)?:?"
    r"|^\s*\[\d+,\s*(\d{1,6})\](?:<\w+>)?:?"
    r"|^\s*(\d{1,6}):\s",
    re.IGNORECASE,
)


def rank_of(fields: Mapping[str, Any], before: str) -> int | None:
    """Return the rank that an object says it is of, or the one that stands before it on its line; None for neither."""
    said = fields.get("rank")
    if isinstance(said, int) and not isinstance(said, bool) and said >= 0:
        return said
    found = _RANK.search(before.rpartition("\r")[2][:NEAR])
    return int(next(number for number in found.groups() if number)) if found is not None else None


class Counted(NamedTuple):
    """What counts of measurements that were printed."""

    values: dict[str, float | None]
    refused: tuple[Refusal, ...] = ()
    remark: str = ""
    """A sentence on them, for the run's log."""


class PrintingRanks:
    """Leaves out what higher ranks measure of a metric that a lower one measures too."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[tuple[int, float], int | None]] = {}
        """Where each metric was measured last, and by which rank."""
        self._lowest: dict[str, int] = {}
        self._are_ranks = False

    def sift(self, event: Metrics, rank: int | None) -> Counted:
        """Return what counts of the measurements of a rank; None stands for an unknown rank."""
        place = event.step, event.epoch
        again = [name for name in event.values if name in self._last and self._last[name][0] == place]
        others = {self._last[name][1] for name in again} - {rank, None}
        self._are_ranks |= rank is not None and bool(others)
        for name in event.values if len(self._last) < MAX_METRICS else again:
            self._last[name] = place, rank
            if rank is not None:
                self._lowest[name] = min(rank, self._lowest.get(name, rank))
        if self._are_ranks and rank is not None:
            higher = [name for name in event.values if self._lowest.get(name, rank) < rank]
            if not higher:
                return Counted(event.values)
            why = f"ranks print the same metrics, {_shown(higher[0])} among them: only the lowest rank counts"
            left = {name: value for name, value in event.values.items() if name not in higher}
            return Counted(left, (Refusal("measurements of higher ranks", why),))
        if not again:
            return Counted(event.values)
        remark = (
            f"its program printed {_shown(again[0])} twice at step {event.step}: the last one counts; where several "
            "ranks print, let rank 0 alone do it"
        )
        return Counted(event.values, remark=remark)


def _shown(name: str) -> str:
    return repr(shorten(name, SHOWN))
