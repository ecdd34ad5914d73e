"""The part of the x axis that a chart shows never leaves its values, and is as wide as was asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.chart.zoom_and_pan import CLOSEST, View, allowed, moved, zoomed

places = st.floats(-1e6, 1e6)
views = st.tuples(places, st.floats(1e-3, 1e6)).map(lambda drawn: (drawn[0], drawn[0] + drawn[1]))


@given(views, views)
def test_a_view_is_inside_and_as_wide_as_asked_for(view: View, limits: View) -> None:
    width, whole = view[1] - view[0], limits[1] - limits[0]
    before = limits
    shown = allowed(view, limits, before)
    if width >= whole * 0.999:
        assert shown is None
    elif width <= whole * CLOSEST:
        assert shown is before
    else:
        assert shown is not None
        slack = 1e-9 * (abs(limits[0]) + abs(limits[1]) + abs(view[0]) + abs(view[1]))
        assert limits[0] - slack <= shown[0] < shown[1] <= limits[1] + slack
        assert shown[1] - shown[0] == pytest.approx(width, abs=slack)


@given(views, st.floats(0.1, 10), st.floats(0, 1))
def test_what_is_under_the_mouse_stays_there(view: View, factor: float, share: float) -> None:
    at = view[0] + share * (view[1] - view[0])
    left, right = zoomed(view, factor, at)
    assert (right - left) * factor == pytest.approx(view[1] - view[0], rel=1e-6, abs=1e-6)
    assert (at - left) * factor == pytest.approx(at - view[0], rel=1e-6, abs=1e-3)


@given(views, st.floats(-2, 2))
def test_a_view_that_is_moved_there_and_back_is_the_same(view: View, share: float) -> None:
    assert moved(moved(view, share), -share) == pytest.approx(view, rel=1e-6, abs=1e-3)
