"""Runs that differ in their seed alone become one curve: their mean, with their standard deviation as a band."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import msgspec

from engine.store import Run, StoreError
from tui.snapshot import RunCurve


class Bands:
    """Folds curves by group; a group without news gives the same object as before, so that nobody draws it anew."""

    def __init__(self) -> None:
        self._groups: dict[str, Hashable] = {}
        self._folded: dict[tuple[str, Hashable], tuple[tuple[RunCurve, ...], RunCurve]] = {}

    def fold(
        self, curves: Mapping[str, Sequence[RunCurve]], runs: Mapping[str, Run]
    ) -> dict[str, tuple[RunCurve, ...]]:
        """Return the curves by metric, one for each group of runs, under the name of its newest run."""
        before, self._folded = self._folded, {}
        folded = {}
        for metric, found in curves.items():
            groups: dict[Hashable, list[RunCurve]] = {}
            for curve in found:
                groups.setdefault(self._group(runs[curve.run]), []).append(curve)
            for group, members in groups.items():
                known = before.get((metric, group))
                if (
                    known is None
                    or len(known[0]) != len(members)
                    or any(a is not b for a, b in zip(known[0], members, strict=True))
                ):
                    known = tuple(members), mean(members)
                self._folded[metric, group] = known
            folded[metric] = tuple(self._folded[metric, group][1] for group in groups)
        return folded

    def _group(self, run: Run) -> Hashable:
        """Return what a run shares with those that differ in their seed alone."""
        if run.id not in self._groups:
            from engine.selection import settings

            try:
                info = run.info()
                self._groups[run.id] = info.experiment, msgspec.json.encode(settings(info.config))
            except (StoreError, TypeError):
                self._groups[run.id] = run.id
        return self._groups[run.id]


def mean(curves: Sequence[RunCurve]) -> RunCurve:
    """Return the mean of curves, with a band of one standard deviation; a curve alone as it is."""
    if len(curves) == 1:
        return curves[0]
    from engine.curves import aggregate

    band = aggregate([(curve.x, curve.y) for curve in curves])
    return RunCurve(
        curves[-1].run, band.x, band.mean, low=band.mean - band.sd, high=band.mean + band.sd, n=len(curves)
    )
