"""The curves of a look, each made when it is asked for: a run may measure hundreds of metrics, a screen shows a dozen.

What the screen asked of one look, the feed makes of the next in its own thread, so that no key waits for it::

             test/f1  train/loss  x/m0001  x/m0002 …
    look 1      ●         ●          ·        ·         ● asked for by the screen, and made there
    look 2      ◆         ◆          ·        ·         ◆ made by the feed; without news the same object as before
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tui.feed.measured_columns import RunColumns

if TYPE_CHECKING:
    from engine.analysis.curves import Curve


class _Mean(NamedTuple):
    """The curve of several runs, with what it was made from."""

    members: tuple[Curve, ...]
    smoothing: float
    ended: frozenset[str]
    """Those of its runs that have finished."""
    curve: Curve

    def is_of(self, members: Sequence[Curve], smoothing: float, ended: frozenset[str]) -> bool:
        """Return whether it would be made of the same again."""
        same = len(members) == len(self.members) and all(map(operator.is_, members, self.members))
        return same and (smoothing, ended) == (self.smoothing, self.ended)


class LazyCurves(Mapping[str, "tuple[Curve, ...]"]):
    """Curves by metric, one for each run, or for each group of runs under the name of its newest.

    Args:
        runs: What each run has measured, in the order of its curves.
        smoothing: The weight of the past in them.
        folds: The runs that are one curve together; any other is one alone.
        finished: The runs whose last values are what came of them.
        before: The last look, of which one curve without news stays the same object: its chart is not drawn anew.
    """

    def __init__(
        self, runs: Sequence[RunColumns], smoothing: float, folds: Sequence[tuple[str, ...]],
        finished: Collection[str], before: LazyCurves | None = None,
    ) -> None:  # fmt: skip
        self._runs, self._smoothing, self._finished = runs, smoothing, finished
        self._fold_of = {run: fold for fold in folds for run in fold}
        self._metrics = dict.fromkeys(metric for run in runs for metric in run.columns)
        self._single: dict[tuple[str, str], tuple[object, Curve]] = {}
        self._means: dict[tuple[str, tuple[str, ...]], _Mean] = {}
        self._made: dict[str, tuple[Curve, ...]] = {}
        self._asked: set[str] = set()
        self.drawn = self._names()
        """The runs after which the curves are named, of all metrics."""
        if before is not None:
            for metric in before.wanted & self._metrics.keys():
                self._made[metric] = self._curves(metric, before)

    @property
    def wanted(self) -> set[str]:
        """The metrics that were asked for; before any was, those of the look before."""
        return self._asked.copy() or set(self._made)

    def __getitem__(self, metric: str) -> tuple[Curve, ...]:
        """Return the curves of a metric, which are made at the first time."""
        if metric not in self._metrics:
            raise KeyError(metric)
        self._asked.add(metric)
        if (made := self._made.get(metric)) is None:
            made = self._made[metric] = self._curves(metric, self)
        return made

    def __contains__(self, metric: object) -> bool:
        """Return whether a run has measured a metric."""
        return metric in self._metrics

    def __iter__(self) -> Iterator[str]:
        """Yield the metrics."""
        return iter(self._metrics)

    def __len__(self) -> int:
        """Return how many metrics there are."""
        return len(self._metrics)

    def _groups(self, metric: str) -> list[tuple[tuple[str, ...], list[RunColumns]]]:
        """Return the runs behind each curve of a metric."""
        groups: dict[tuple[str, ...], list[RunColumns]] = {}
        for run in self._runs:
            if metric in run.columns:
                groups.setdefault(self._fold_of.get(run.run, (run.run,)), []).append(run)
        return list(groups.items())

    def _names(self) -> frozenset[str]:
        if not self._fold_of:
            return frozenset(run.run for run in self._runs if run.columns)
        return frozenset(
            next((run.run for run in reversed(runs) if run.has_places(metric)), runs[0].run)
            for metric in self._metrics
            for _, runs in self._groups(metric)
        )

    def _curves(self, metric: str, before: LazyCurves) -> tuple[Curve, ...]:
        return tuple(self._curve(metric, fold, runs, before) for fold, runs in self._groups(metric))

    def _curve(
        self, metric: str, fold: tuple[str, ...], runs: Sequence[RunColumns], before: LazyCurves
    ) -> Curve:
        """Return the curve of a run, or of a group: the mean is smoothed, and not what it is the mean of."""
        several = sum(run.has_places(metric) for run in runs) > 1
        smoothing = 0.0 if several else self._smoothing
        members = tuple(self._of_run(metric, run, smoothing, before) for run in runs)
        if len(members) == 1:
            return members[0]
        from engine.analysis.curves import bounds_of, mean_over_seeds

        ended = frozenset(run.run for run in runs if run.run in self._finished)
        made = before._means.get((metric, fold))
        if made is None or not made.is_of(members, self._smoothing, ended):
            mean = mean_over_seeds(members, bounds_of(metric), self._smoothing, ended)
            made = _Mean(members, self._smoothing, ended, mean)
        self._means[metric, fold] = made
        return made.curve

    def _of_run(self, metric: str, run: RunColumns, smoothing: float, before: LazyCurves) -> Curve:
        source = run.source(metric), smoothing
        made = before._single.get((run.run, metric))
        if made is None or made[0] != source:
            made = source, run.curve(metric, smoothing)
        self._single[run.run, metric] = made
        return made[1]
