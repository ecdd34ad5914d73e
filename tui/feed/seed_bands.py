"""Runs that differ in their seed alone become one curve: their mean, with their standard deviation as a band."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence

from tui.state.snapshot import Outcome, RunCurve


class Bands:
    """Folds curves by group; a group without news gives the same object as before, so that nobody draws it anew."""

    def __init__(self) -> None:
        self._folded: dict[tuple[str, tuple[str, ...]], tuple[tuple[RunCurve, ...], set[str], RunCurve]] = {}

    def fold(
        self,
        curves: Mapping[str, Sequence[RunCurve]],
        folds: Iterable[tuple[str, ...]],
        finished: Collection[str],
    ) -> dict[str, tuple[RunCurve, ...]]:
        """Return the curves by metric, one for each group of runs, under the name of its newest run.

        Args:
            curves: Of the single runs.
            folds: The runs that are one curve together; any other is one alone.
            finished: Those whose last values are what came of them.
        """
        before, self._folded = self._folded, {}
        of_run = {run: fold for fold in folds for run in fold}
        folded = {}
        for metric, found in curves.items():
            groups: dict[tuple[str, ...], list[RunCurve]] = {}
            for curve in found:
                groups.setdefault(of_run.get(curve.run, (curve.run,)), []).append(curve)
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
