"""Runs that differ in their seed alone become one curve: their mean, with a band of how they spread."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from engine.runs.store import Run, StoreError

if TYPE_CHECKING:
    from engine.analysis.curves import Curve


class Bands:
    """Folds curves by group; a group without news gives the same object as before, so that nobody draws it anew."""

    def __init__(self) -> None:
        self._groups: dict[str, Hashable] = {}
        self._folded: dict[tuple[str, Hashable], tuple[tuple[Curve, ...], set[str], Curve]] = {}

    def fold(
        self,
        curves: Mapping[str, Sequence[Curve]],
        runs: Mapping[str, Run],
        finished: Collection[str],
        smoothing: float = 0.0,
    ) -> dict[str, tuple[Curve, ...]]:
        """Return the curves by metric, one for each group of runs, under the name of its newest run.

        Args:
            curves: Of the single runs, smoothed.
            runs: All of them.
            finished: Those whose last values are what came of them.
            smoothing: The weight of the past in the curves.
        """
        from engine.analysis.curves import bounds_of, mean_over_seeds

        before, self._folded = self._folded, {}
        folded = {}
        for metric, found in curves.items():
            groups: dict[Hashable, list[Curve]] = {}
            for curve in found:
                groups.setdefault(self._group(runs[curve.run]), []).append(curve)
            for group, members in groups.items():
                known = before.get((metric, group))
                ended = {curve.run for curve in members if curve.run in finished}
                if (
                    known is None
                    or known[1] != ended
                    or len(known[0]) != len(members)
                    or any(a is not b for a, b in zip(known[0], members, strict=True))
                ):
                    mean = mean_over_seeds(members, bounds_of(metric), smoothing, ended)
                    known = tuple(members), ended, mean
                self._folded[metric, group] = known
            folded[metric] = tuple(self._folded[metric, group][2] for group in groups)
        return folded

    def _group(self, run: Run) -> Hashable:
        """Return what a run shares with those that differ in their seed alone."""
        if run.id not in self._groups:
            from engine.analysis.selection import settings

            try:
                info = run.info()
                self._groups[run.id] = info.experiment, msgspec.json.encode(settings(info.config))
            except (StoreError, TypeError):
                self._groups[run.id] = run.id
        return self._groups[run.id]
