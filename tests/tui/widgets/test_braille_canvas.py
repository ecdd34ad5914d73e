"""The raster: dots where the data are, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.style import Style

from tui.widgets.chart.braille_canvas import NO_INK, Canvas, CellGrid, Layer
from tui.widgets.chart.dot_spans import Spans, Window

NAN = float("nan")


def picture(canvas: Canvas, *, ascii_only: bool = False) -> list[str]:
    codes, _ = canvas.cells(ascii_only=ascii_only)
    return ["".join(map(chr, row)) for row in codes.tolist()]


def drawn(x: list[float], y: list[float], window: Window, width: int = 10, height: int = 4) -> Canvas:
    canvas = Canvas(width, height, window)
    canvas.curve(np.array(x, float), np.array(y, float), 0)
    return canvas


def test_a_rising_line_joins_its_corners() -> None:
    assert picture(drawn([0, 1], [0, 1], Window(0, 1, 0, 1), 4, 2)) == ["  ⡠⠊", "⡠⠊  "]


def test_a_flat_line_is_one_dot_thin() -> None:
    assert picture(drawn([0, 1], [1, 1], Window(0, 1, 0, 1), 5, 2)) == ["⠉⠉⠉⠉⠉", "     "]


def test_a_vertical_step_is_drawn_whole() -> None:
    spans = Spans.of(np.array([0.0, 1.0]), np.array([0.0, 1.0]), Window(0, 1, 0, 1), 2, 40)
    assert (spans.top.min(), spans.bottom.max()) == (0, 39)
    assert spans.top[0] == spans.bottom[1] + 1  # the halves meet and share no row


def test_one_point_is_one_dot() -> None:
    canvas = drawn([0.5], [0.5], Window(0, 1, 0, 1))
    assert canvas.covered().sum() == 1


@pytest.mark.parametrize("y", [[], [NAN], [NAN, NAN], [float("inf")] * 3, [float("-inf"), NAN]])
def test_nothing_to_draw_draws_nothing(y: list[float]) -> None:
    canvas = drawn(list(range(len(y))), y, Window(0, 2, 0, 1))
    assert not canvas.covered().any()


@pytest.mark.parametrize("hole", [NAN, float("inf"), float("-inf")])
def test_what_is_not_finite_is_a_gap(hole: float) -> None:
    rows = picture(drawn([0, 1, 2, 3, 4], [1, 1, hole, 1, 1], Window(0, 4, 0, 1), 10, 1))
    assert rows[0].strip() == rows[0]
    assert " " in rows[0]


def test_a_log_axis_leaves_out_what_is_not_above_zero() -> None:
    window = Window(0, 4, 0.1, 10, log_y=True)
    rows = picture(drawn([0, 1, 2, 3, 4], [1, 1, 0, 1, -1], window, 10, 1))
    assert rows[0].startswith("⠤") or rows[0].startswith("⠒")
    assert rows[0].endswith(" ")


def test_a_line_between_two_points_outside_crosses_the_picture() -> None:
    canvas = drawn([-100, 100], [0, 1], Window(0, 1, 0, 1))
    assert canvas.covered().any(axis=0).all()


def test_points_outside_leave_no_dot() -> None:
    assert not drawn([-5, -4], [0.5, 0.5], Window(0, 1, 0, 1)).covered().any()
    assert not drawn([0, 1], [7, 8], Window(0, 1, 0, 1)).covered().any()


def test_the_widest_window_there_is() -> None:
    window = Window(-1e308, 1e308, -1e308, 1e308)
    assert drawn([-1e308, 1e308], [-1e308, 1e308], window).covered().any(axis=0).all()


@settings(max_examples=200, deadline=None)
@given(
    points=st.integers(2, 5000),
    at=st.floats(0, 1),
    width=st.integers(1, 120),
    height=st.integers(1, 40),
    up=st.booleans(),
    seed=st.integers(0, 10),
)
def test_a_spike_never_vanishes(points: int, at: float, width: int, height: int, up: bool, seed: int) -> None:
    y = np.random.default_rng(seed).uniform(0.4, 0.6, points)
    spike = round(at * (points - 1))
    y[spike] = 1.0 if up else 0.0
    canvas = Canvas(width, height, Window(0, points - 1, 0, 1))
    canvas.curve(np.arange(points, dtype=float), y, 0)
    cell = canvas.cell(float(spike), float(y[spike]))
    assert cell is not None
    assert cell[0] == (0 if up else height - 1)
    assert canvas.covered()[cell]


any_float = st.floats(allow_nan=True, allow_infinity=True, width=64)


@settings(max_examples=200, deadline=None)
@given(data=st.lists(st.tuples(any_float, any_float), max_size=30), log_y=st.booleans())
def test_no_data_break_it(data: list[tuple[float, float]], log_y: bool) -> None:
    x = np.array(sorted(x for x, _ in data if np.isfinite(x)), float)
    y = np.array([y for _, y in data][: x.size], float)
    canvas = Canvas(12, 5, Window(-10, 10, 1e-3, 1e3, log_y=log_y))
    canvas.curve(x, y, 0)
    canvas.band(x, y, y + 1, 1)
    assert canvas.covered().shape == (5, 12)


@given(data=st.lists(st.floats(0, 1), min_size=2, max_size=60))
def test_neighbouring_columns_touch(data: list[float]) -> None:
    y = np.array(data)
    spans = Spans.of(np.arange(y.size, dtype=float), y, Window(0, y.size - 1, 0, 1), 80, 64)
    assert (spans.top <= spans.bottom).all()
    assert (spans.top[1:] <= spans.bottom[:-1] + 1).all()
    assert (spans.bottom[1:] >= spans.top[:-1] - 1).all()


def test_the_last_curve_wins_a_cell_and_a_faint_one_never_does() -> None:
    canvas = Canvas(4, 1, Window(0, 1, 0, 1))
    x = np.array([0.0, 1.0])
    canvas.curve(x, np.array([0.0, 0.0]), 1)
    canvas.curve(x, np.array([1.0, 1.0]), 2)
    canvas.curve(x, np.array([0.5, 0.5]), 3, Layer.FAINT)
    codes, inks = canvas.cells()
    assert set(inks.ravel().tolist()) == {2}
    assert "".join(map(chr, codes[0].tolist())) == "⣉⣉⣉⣉"


def test_a_band_lies_under_everything() -> None:
    canvas = Canvas(6, 4, Window(0, 1, 0, 1))
    x = np.array([0.0, 1.0])
    canvas.band(x, np.array([0.0, 0.0]), np.array([0.5, 0.5]), 7)
    canvas.curve(x, np.array([0.25, 0.25]), 1)
    _, inks = canvas.cells()
    assert set(inks[0].tolist()) == {NO_INK}
    assert 7 in inks
    assert 1 in inks


def test_ascii_uses_ascii() -> None:
    x = np.linspace(0, 6, 50)
    canvas = Canvas(30, 8, Window(0, 6, -1, 1))
    canvas.curve(x, np.sin(x), 0)
    rows = picture(canvas, ascii_only=True)
    assert all(row.isascii() for row in rows)
    assert any(row.strip() for row in rows)


def test_a_sheet_keeps_wide_characters_on_the_grid() -> None:
    sheet = CellGrid(8, 2)
    assert sheet.write(0, 0, "a模型b", 0) == 6
    assert sheet.write(1, 7, "模", 0) == 7  # half of it would not fit
    strips = sheet.strips([Style()])
    assert strips[0].text == "a模型b  "
    assert all(sum(segment.cell_length for segment in strip) == 8 for strip in strips)


def test_a_strip_has_a_segment_for_each_ink_only() -> None:
    sheet = CellGrid(9, 1)
    sheet.write(0, 0, "ab", 0)
    sheet.write(0, 4, "cd", 1)
    styles = [Style(color="red"), Style(color="blue")]
    assert [(segment.text, segment.style) for segment in sheet.strips(styles)[0]] == [
        ("ab  ", styles[0]),
        ("cd   ", styles[1]),
    ]


@given(st.integers(20_000, 60_000), st.integers(0, 2**32 - 1), st.booleans())
@example(34240, 2077, False)  # the spike is the first point of its column
@settings(max_examples=25, deadline=None)
def test_of_very_many_points_the_extremes_stand_for_all(size: int, seed: int, log_y: bool) -> None:
    random = np.random.default_rng(seed)
    x, y = np.arange(size, dtype=float), random.uniform(1.0, 2.0, size)
    spike = int(random.integers(size))
    y[spike] = 9.0
    window = Window(0, size - 1, 0.5, 10, log_y)
    spans = Spans.of(x, y, window, 100, 40)
    at = int(np.rint(window.columns(x[spike : spike + 1], 100))[0])
    highest = int(np.rint(window.rows(y[spike : spike + 1], 40))[0])
    assert spans.top[at] == highest
    parts = np.array_split(np.arange(size), 400)  # no column may show less than a fifth of its points would
    everything = np.rint(window.rows(y, 40))
    columns = np.rint(window.columns(x, 100)).astype(int)
    for part in parts[4:-4:40]:
        column = columns[part[0]]
        if abs(column - at) <= 1:  # half of the line to the spike belongs to the column beside it
            continue
        whole = everything[columns == column]
        assert abs(spans.top[column] - whole.min()) <= 1
        assert abs(spans.bottom[column] - whole.max()) <= 1
