"""A chart as text shows what the app's canvas shows, in the size that was asked for, whatever the data are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.analysis.curves import curve_of, mean_over_seeds
from engine.text import cells
from tui import axis_ticks
from tui.curve_palette import MARKERS, PALETTE
from tui.state.chart_line import ChartLine
from tui.widgets.chart.axis_limits import window_of, x_limits
from tui.widgets.chart.braille_canvas import Canvas
from tui.widgets.chart.plotext_frame import layout_for
from tui.widgets.chart.series import Series
from tui.widgets.chart.text_chart import TextSetting, chart_text

NUMBERS = st.floats(width=64) | st.sampled_from(
    [0.0, -0.0, 1e-320, 1e308, -1e308, float("nan"), float("inf")]
)
METRICS = st.sampled_from(["test/f1", "train/loss", "gpu/memory_peak", "train/lr", "time/data", "x" * 300])


@st.composite
def lines(draw: st.DrawFn) -> list[ChartLine]:
    found = []
    for index in range(draw(st.integers(0, 4))):
        members = []
        for seed in range(draw(st.integers(1, 3))):
            points = draw(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=12))
            x, y = np.array(points, np.float64).reshape(-1, 2).T
            members.append(curve_of(f"r{index}{seed}", x, y))
        name = draw(st.text(max_size=30))
        found.append(
            ChartLine(
                name, PALETTE[index], mean_over_seeds(members), draw(st.sampled_from(["", MARKERS[index]]))
            )
        )
    return found


@settings(max_examples=15)  # plotext takes 10 ms for a chart
@given(
    lines(), METRICS, st.integers(20, 120), st.integers(6, 40), st.sampled_from(["epoch", "step", "time"]),
    st.booleans(), st.booleans(), st.sampled_from([0, 256, 2**24]),
)  # fmt: skip
def test_whatever_the_data_are_it_has_its_size_and_is_text(
    curves, metric, width, height, x_label, log_y, ascii_only, colours
):
    setting = TextSetting(metric, width, height, x_label, log_y, ascii_only, colours)
    import plotext

    drawn = [plotext.uncolorize(line) for line in chart_text(curves, setting, ["a note \x1b[2J"])]
    assert all(line.isprintable() for line in drawn)
    assert max(map(cells, drawn)) <= width
    assert len(drawn) >= min(height, 6)
    if ascii_only:
        assert all(line.isascii() for line in drawn)


@pytest.mark.parametrize("log_y", [False, True])
@pytest.mark.parametrize("points", [2, 7, 1000, 100_000])
def test_the_curve_is_that_of_the_apps_canvas_dot_by_dot(points: int, log_y: bool):
    rng = np.random.default_rng(points)
    x = np.sort(rng.uniform(0, 7, points))
    y = 1 + rng.random(points) * x
    y[points // 3] = 40.0  # a spike of one point
    line = ChartLine("net", PALETTE[0], curve_of("r", x, y), MARKERS[0])
    setting = TextSetting("train/loss", 90, 22, "epoch", log_y)
    drawn = chart_text([line], setting)
    series, unit = Series.of(line.curve), axis_ticks.unit_of("train/loss")
    ends = x_limits([series], None)
    assert ends is not None
    window = window_of([series], ends, unit, view=None, log_y=log_y)
    assert window is not None
    layout = layout_for(window, 90, 20, unit, "epoch")
    assert layout is not None
    canvas = Canvas(layout.width, layout.height, window)
    canvas.curve(series.x, series.solid, 0)
    wanted = canvas.cells()[0]
    left = drawn[1].index("┤") + 1 if "┤" in drawn[1] else drawn[1].index("│") + 1
    for row in range(layout.height):
        text = drawn[1 + row].ljust(90)[left : left + layout.width]
        shown = [ord(c) if 0x2800 < ord(c) < 0x2900 else 0x20 for c in text]
        same = [a == b or c == MARKERS[0] for a, b, c in zip(shown, wanted[row], text, strict=True)]
        assert all(same), row


@pytest.mark.parametrize(
    ("metric", "x", "y", "across", "up"),
    [
        ("train/loss", 0.1, 2.31, (0, 0.1), (2.175, 2.45)),
        ("train/loss", 0.0, 0.0, (0, 1), (0, 1)),
        ("test/f1", 1, 0.12, (0, 1), (0.11375, 0.12625)),
        ("test/f1", 1, 0.0, (0, 1), (0, 1)),
        ("test/f1", 1, 1.0, (0, 1), (0.95, 1)),
        ("train/lr", 10, 0.0, (0, 10), (0, 1e-3)),
        ("gpu/memory_used", 10, 2.0**30, (0, 10), (0, 2.0**30)),
        ("own/delta", -5, -0.5, (-5.25, -4.75), (-0.525, -0.475)),
    ],
)
def test_a_first_value_has_axes_that_fit_it_and_what_can_be(
    metric: str, x: float, y: float, across: tuple[float, float], up: tuple[float, float]
) -> None:
    first = [Series.of(curve_of("r", np.array([x]), np.array([y])))]
    ends = x_limits(first, None)
    assert ends == pytest.approx(across)
    assert ends is not None
    window = window_of(first, ends, axis_ticks.unit_of(metric), view=None, log_y=False)
    assert window is not None
    assert (window.bottom, window.top) == pytest.approx(up)
