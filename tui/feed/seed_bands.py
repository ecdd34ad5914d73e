"""Runs that differ in their seed alone become one curve: their mean, with their standard deviation as a band."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Hashable, Mapping, Sequence

import msgspec

from engine.runs.store import Run, StoreError
from tui.state.snapshot import Outcome, RunCurve


class Bands:
    """Folds curves by group; a group without news gives the same object as before, so that nobody draws it anew."""

    def __init__(self) -> None:
        self._groups: dict[str, Hashable] = {}
        self._folded: dict[tuple[str, Hashable], tuple[tuple[RunCurve, ...], set[str], RunCurve]] = {}

    def fold(
        self, curves: Mapping[str, Sequence[RunCurve]], runs: Mapping[str, Run], finished: Collection[str]
    ) -> dict[str, tuple[RunCurve, ...]]:
        """Return the curves by metric, one for each group of runs, under the name of its newest run.

        Args:
            curves: Of the single runs.
            runs: All of them.
            finished: Those whose last values are what came of them.
        """
        before, self._folded = self._folded, {}
        folded = {}
        for metric, found in curves.items():
            groups: dict[Hashable, list[RunCurve]] = {}
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
                    known = tuple(members), ended, mean(members, ended)
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


def mean(curves: Sequence[RunCurve], finished: Collection[str] = ()) -> RunCurve:
    """Return the mean of curves, with a band of one standard deviation; a curve alone as it is.

    What came of them is told by those that are finished, by all where none is.
    """
    if len(curves) == 1:
        return curves[0]
    from engine.analysis.curves import aggregate

    band = aggregate([(curve.x, curve.y) for curve in curves])
    return RunCurve(
        curves[-1].run, band.x, band.mean, low=band.mean - band.sd, high=band.mean + band.sd, n=len(curves),
        outcome=outcome_of([curve for curve in curves if curve.run in finished] or curves),
    )  # fmt: skip


def outcome_of(curves: Sequence[RunCurve]) -> Outcome | None:
    """Return what came of runs, None where nothing of them is finite."""
    import numpy as np

    from engine.analysis.results import LARGEST

    lasts, peaks = [], []
    for curve in curves:
        values = curve.y if curve.raw is None else curve.raw
        known = values[np.isfinite(values) & (np.abs(values) < LARGEST)]
        if len(known):
            lasts.append(float(known[-1]))
            peaks.append(float(known.max()))
    if not lasts:
        return None
    spread = statistics.stdev(lasts) if len(lasts) > 1 else None
    return Outcome(math.fsum(lasts) / len(lasts), spread, max(peaks))
