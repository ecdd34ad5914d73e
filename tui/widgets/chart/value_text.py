"""The values that a chart writes beside its curves: at the cursor, or what came of the runs; of memory the peak."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tui.axis_ticks import Unit
from tui.widgets.chart.inks_and_glyphs import Glyphs
from tui.widgets.chart.series import Series

if TYPE_CHECKING:
    from engine.analysis.curves import Curve

PEAK = "peak"
"""The word for the highest value, which is written of memory."""


class ValueTexts(NamedTuple):
    """Writes the values of curves in the unit of their metric."""

    curves: Sequence[Curve]
    series: Sequence[Series]
    """Of each curve."""
    unit: Unit
    glyphs: Glyphs

    def at(self, index: int, point: int | None) -> str:
        """Return a curve's value at one of its points, with the standard deviation of its seeds."""
        if point is None:
            return self.glyphs.none
        series = self.series[index]
        return self._with_spread(float(series.y[point]), self.curves[index].deviation(point))

    def outcomes(self, room: int) -> tuple[list[str], list[str]]:
        """Return what came of the curves, and the words of the title for it.

        Args:
            room: The cells that the title has beside the name of the metric.
        """
        if self.unit.kind != "binary":
            return [self._outcome(index) for index in range(len(self.series))], []
        outcomes = [curve.outcome for curve in self.curves]
        peaks = [
            series.peak() if outcome is None else outcome.peak
            for series, outcome in zip(self.series, outcomes, strict=True)
        ]
        values = [self.glyphs.none if peak is None else self.unit.format(peak) for peak in peaks]
        if len(values) > 1 and len(PEAK) + 8 <= room:
            return values, [PEAK]
        return [f"{PEAK} {value}" for value in values], []

    def _outcome(self, index: int) -> str:
        """Return the last values of a curve's runs, before any smoothing."""
        outcome = self.curves[index].outcome
        if outcome is not None:
            return self._with_spread(outcome.last, outcome.spread)
        series = self.series[index]
        last = series.last()
        if last is None or series.raw is None:
            return self.at(index, last)
        return self.unit.format(float(series.raw[last]))

    def _with_spread(self, value: float, spread: float | None) -> str:
        text = self.unit.format(value)
        if spread is None:
            return text
        within, name = self.unit.format(spread), self.unit.name
        text = text.removesuffix(name) if within.endswith(name) else text
        return f"{text} {self.glyphs.spread}{within}"
