"""The values that a chart writes beside its curves: at a cursor, at their signs, or what came of the runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from engine.catalog.metrics import metric_of
from tui.axis_ticks import Unit
from tui.widgets.chart.inks_and_glyphs import Glyphs
from tui.widgets.chart.series import Series

if TYPE_CHECKING:
    from engine.analysis.curves import Curve

PEAK = "peak"
"""The word for the highest value, which is written of memory."""
DIGITS = (3, 2)
"""Significant digits to which values are cut where that gives more of them room: three, or two that still differ."""
_DECIMALS = re.compile(r"(-?\d*\.\d+)(.*)", re.DOTALL)


class BorderTexts(NamedTuple):
    """Writes the values of curves as short as the list of runs does, for the border of a chart."""

    metric: str
    unit: Unit
    curves: Sequence[Curve]
    series: Sequence[Series]
    """Of each curve."""
    glyphs: Glyphs

    def at(self, index: int, point: int | None) -> tuple[str, str]:
        """Return a curve's value at one of its points, and the standard deviation of its seeds with its sign."""
        if point is None:
            return self.glyphs.none, ""
        series = self.series[index]
        spread = None if series.raw is not None else self.curves[index].deviation(point)
        return self._written(float(series.y[point])), self._spread(spread)

    def at_sign(self, index: int, point: int | None) -> tuple[str, str]:
        """Return the value where a curve has its sign: at its end the one that the list has.

        Args:
            index: Which curve.
            point: The last of its points that is in view; None for none.
        """
        outcome, series = self.curves[index].outcome, self.series[index]
        if outcome is None or series.raw is not None or point is None or point != series.last():
            return self.at(index, point)
        return self._written(outcome.last), self._spread(outcome.spread)

    def _spread(self, value: float | None) -> str:
        return "" if value is None else f"{self.glyphs.spread}{self._written(value)}"

    def _written(self, value: float) -> str:
        kind = metric_of(self.metric).kind
        if kind.unit in ("fraction", "bytes") or kind.name == "loss":
            return kind.text(value)
        return self.unit.format(value).removesuffix(self.unit.name)


class ValueTexts(NamedTuple):
    """Writes the values of curves in the unit of their metric."""

    curves: Sequence[Curve]
    series: Sequence[Series]
    """Of each curve."""
    unit: Unit
    glyphs: Glyphs

    def outcomes(self, room: int) -> tuple[list[str], list[str]]:
        """Return what came of the curves, of memory the peak, and the words of the title for it.

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
        """Return the last value of a curve, or the mean of the last values of its runs."""
        outcome = self.curves[index].outcome
        if outcome is not None:
            return self._with_spread(outcome.last, outcome.spread)
        series = self.series[index]
        last = series.last()
        if last is None:
            return self.glyphs.none
        return self._with_spread(float(series.y[last]), self.curves[index].deviation(last))

    def _with_spread(self, value: float, spread: float | None) -> str:
        text = self.unit.format(value)
        if spread is None:
            return text
        within, name = self.unit.format(spread), self.unit.name
        text = text.removesuffix(name) if within.endswith(name) else text
        return f"{text} {self.glyphs.spread}{within}"


def in_digits(value: str, digits: int) -> str:
    """Return a number that is written with decimals in so many significant digits at most; other texts as they are."""
    if (found := _DECIMALS.fullmatch(value)) is None or not (number := Decimal(found[1])):
        return value
    whole, _, decimals = found[1].partition(".")
    kept = max(digits - 1 - number.adjusted(), 0)
    if kept >= len(decimals):
        return value
    text = f"{number:.{kept}f}"
    return (text.replace("0.", ".", 1) if whole in ("", "-") else text) + found[2]
