"""Where curves were measured: the places that a reading stands on, and the ways from one to another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from tui.widgets.chart.dot_spans import Floats, Window
from tui.widgets.chart.series import Series

if TYPE_CHECKING:
    from engine.analysis.curves import Curve

ALIKE = 1e-9
"""The share of their width by which places differ that are the same but for rounding."""


def places_of(curves: Iterable[Series], window: Window) -> Floats:
    """Return the places in view where a curve has a value, ascending and each once."""
    found = []
    for series in curves:
        part = series.within(window.left, window.right)
        x = series.x[part][np.isfinite(series.y[part])]
        found.append(x[(x >= window.left) & (x <= window.right)])
    places = np.unique(np.concatenate(found)) if found else np.zeros(0)
    return places[np.diff(places, prepend=-np.inf) > ALIKE * (window.right * 0.5 - window.left * 0.5)]


def nearest(places: Floats, x: float) -> float | None:
    """Return the place that is nearest; None where there is none."""
    return float(places[np.abs(places - x).argmin()]) if places.size else None


def steps_from(places: Floats, x: float | None, steps: int) -> float | None:
    """Return the place that is some places to the right, or to the left; the last one from nowhere."""
    if not places.size:
        return None
    if x is None:
        return float(places[-1])
    at = int(np.searchsorted(places, x))
    if steps > 0 and (at == places.size or places[at] > x):
        at -= 1
    return float(places[min(max(at + steps, 0), places.size - 1)])


def values_at(curves: Sequence[Curve], x: float) -> dict[str, tuple[float, float | None]]:
    """Return what each curve measured at a place, or last before it, with the standard deviation of its seeds.

    Args:
        curves: Of one metric.
        x: The place.

    Returns:
        By the run that each curve is under, before any smoothing; curves without a value there are left out.
    """
    found = {}
    for curve in curves:
        series = Series.of(curve)
        values = series.y if series.raw is None else series.raw
        if (point := series.at(x)) is not None and isfinite(value := float(values[point])):
            found[curve.run] = value, curve.deviation(point)
    return found
