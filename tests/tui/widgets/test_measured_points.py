"""A reading stands where something was measured, and says of other curves what they had by then."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.curves import curve_of
from tui.widgets.chart.dot_spans import Window
from tui.widgets.chart.measured_points import nearest, places_of, steps_from, values_at
from tui.widgets.chart.series import Series

NAN = float("nan")


def series(x: list[float], y: list[float]) -> Series:
    return Series.of(curve_of("r", np.array(x), np.array(y)))


def test_places_are_those_of_all_curves_in_view_each_once() -> None:
    curves = [series([1, 2, 3, 9], [1, NAN, 1, 1]), series([0, 1 + 1e-12, 2.5], [1, 1, 1])]
    assert places_of(curves, Window(0.5, 5, 0, 1)).tolist() == [1, 2.5, 3]
    assert places_of([], Window(0, 1, 0, 1)).size == 0


@pytest.mark.parametrize(
    ("x", "steps", "there"),
    [
        (None, 0, 7), (7, -1, 5), (1, -1, 1), (7, 1, 7), (2, 10, 7), (7, -10, 1), (5, 1, 7),
        (4, 1, 5), (4, -1, 2), (9, -1, 7), (0, 1, 1),
    ],
)  # fmt: skip
def test_steps_go_from_place_to_place(x: float | None, steps: int, there: float) -> None:
    assert steps_from(np.array([1.0, 2.0, 5.0, 7.0]), x, steps) == there
    assert steps_from(np.zeros(0), x, steps) is None
    assert nearest(np.zeros(0), 1) is None


@pytest.mark.parametrize(
    ("x", "value"),
    [(0.5, None), (1, 10), (1.9, 10), (2, 20), (3.5, 20), (4, 40), (5.9, 40), (6, None), (6 - 1e-12, None)],
)
def test_a_curve_says_the_last_value_it_had_until_it_ends(x: float, value: float | None) -> None:
    curve = series([1, 2, 3, 4], [10, 20, NAN, 40])
    point = curve.at(x)
    assert (None if point is None else curve.y[point]) == value


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.floats(-1e6, 1e6), st.integers(-30, 30))
def test_a_reading_always_stands_on_a_measured_point(xs: list[float], x: float, steps: int) -> None:
    places = places_of([series(xs, [1.0] * len(xs))], Window(-1e6, 1e6, 0, 1))
    assert steps_from(places, x, steps) in places
    assert nearest(places, x) in places


def test_values_are_told_by_run_as_they_were_measured() -> None:
    x, y = np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0, 8.0])
    assert values_at([curve_of("r", x, y)], 1.5) == {"r": (3.0, None)}
    assert values_at([curve_of("r", x, y, 0.8)], 3.0) == {"r": (8.0, None)}
