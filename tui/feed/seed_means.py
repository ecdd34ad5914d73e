"""Runs that differ in their seed alone become one curve: their mean, with a band of how they spread."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.analysis.curves import Curve


class Bands:
    """Folds curves by group; a group without news gives the same object as before, so that its chart stays drawn."""

    def __init__(self) -> None:
        self._folded: dict[tuple[str, tuple[str, ...]], tuple[tuple[Curve, ...], set[str], Curve]] = {}

    def fold(
        self,
        curves: Mapping[str, Sequence[Curve]],
        folds: Iterable[tuple[str, ...]],
        finished: Collection[str],
        smoothing: float = 0.0,
    ) -> dict[str, tuple[Curve, ...]]:
        """Return the curves by metric, one for each group of runs, under the name of its newest run.

        Args:
            curves: Of the single runs, smoothed.
            folds: The runs that are one curve together; any other is one alone.
            finished: Those whose last values are what came of them.
            smoothing: The weight of the past in the curves.
        """
        from engine.analysis.curves import bounds_of, mean_over_seeds

        before, self._folded = self._folded, {}
        of_run = {run: fold for fold in folds for run in fold}
        folded = {}
        for metric, of_metric in curves.items():
            groups: dict[tuple[str, ...], list[Curve]] = {}
            for curve in of_metric:
                groups.setdefault(of_run.get(curve.run, (curve.run,)), []).append(curve)
            for group, members in groups.items():
                entry = before.get((metric, group))
                ended = {curve.run for curve in members if curve.run in finished}
                if (
                    entry is None
                    or entry[1] != ended
                    or len(entry[0]) != len(members)
                    or any(a is not b for a, b in zip(entry[0], members, strict=True))
                ):
                    mean = mean_over_seeds(members, bounds_of(metric), smoothing, ended)
                    entry = tuple(members), ended, mean
                self._folded[metric, group] = entry
            folded[metric] = tuple(self._folded[metric, group][2] for group in groups)
        return folded
