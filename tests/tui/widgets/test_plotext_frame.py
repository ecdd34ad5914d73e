"""The frame of a chart: an area of the size asked for, with each label at its tick."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.widgets.chart.plotext_frame import Ticks, draw_frame

GOLDEN = {
    (20, 8, ((3, "43.44"), (11, "43.45")), ((5, "10k"), (3, "20k"), (0, "30k"))): """\
30k┼────────────────────
   │
   │
20k┼────────────────────
   │
10k┼────────────────────
   │
   │
   └───┬───────┬────────
     43.44   43.45""",
    (26, 5, ((0, "0"), (22, "10")), ((3, "50"), (1, "100"), (0, "150"))): """\
150┤
100┤
   │
 50┤
   │
   └┬─────────────────────┬───
    0                    10""",
    (24, 6, ((0, "0"), (23, "1")), ((4, "1e-4"), (2, "0.001"), (0, "0.01"))): """\
 0.01┼────────────────────────
     │
0.001┼────────────────────────
     │
 1e-4┼────────────────────────
     │
     └┬──────────────────────┬
      0                      1""",
    (12, 5, None, ((3, "0.00005"), (2, "0.00010"), (0, "0.00015"))): """\
0.00015┤
       │
0.00010┤
0.00005┤
       │""",
    (13, 2, (), ()): """\
│
│
└─────────────
""",
    (14, 2, ((4, "250k"), (8, "500k"), (12, "750k")), ((0, "1"),)): """\
1┤
 │
 └────┬───────┬─
    250k   750k""",
}  # fmt: skip


@pytest.mark.parametrize("frame", GOLDEN, ids=lambda frame: f"{frame[0]}x{frame[1]}")
def test_frames_look_as_they_did(frame):
    rows = (row.rstrip() for row in draw_frame(*frame).rows)
    assert "\n".join(rows) == GOLDEN[frame]


@st.composite
def frames(draw: st.DrawFn) -> tuple[int, int, Ticks | None, Ticks]:
    width, height = draw(st.integers(2, 60)), draw(st.integers(2, 20))
    labels = st.integers(0, 10**6).map(str)
    places = lambda size: st.lists(st.integers(0, size - 1), unique=True, max_size=6).map(sorted)  # noqa: E731
    columns, rows = draw(st.none() | places(width)), draw(places(height))
    x_ticks = None if columns is None else tuple((column, draw(labels)) for column in columns)
    return width, height, x_ticks, tuple((row, draw(labels)) for row in rows)


@given(frames())
def test_labels_stand_at_their_ticks(drawn):
    width, height, x_ticks, y_ticks = drawn
    frame = draw_frame(*drawn)
    assert {len(row) for row in frame.rows} == {frame.left + width}
    assert len(frame.rows) == height + 2 * (x_ticks is not None)
    labels = dict(y_ticks)
    for row in range(height):
        assert frame.rows[row][: frame.left - 1].strip() == labels.get(row, "")
        assert (frame.rows[row][frame.left - 1] in "┤┼") == (row in labels)
    if x_ticks is not None:
        axis, words = frame.rows[-2][frame.left :], frame.rows[-1]
        ticks = [column for column, mark in enumerate(axis) if mark == "┬"]
        said = [label for column, label in x_ticks if column in ticks]
        assert words.split() == said
        assert all(  # between two others it may stand a cell aside
            words[frame.left + column - 1 : frame.left + column + 2].strip()
            for column, label in x_ticks
            if column in ticks and len(label) < 3
        )


@given(st.lists(frames(), min_size=4, max_size=8))
@settings(max_examples=15)  # plotext takes 10 ms for a frame, and each is drawn twice
def test_threads_draw_what_one_draws(drawn):
    alone = [draw_frame(*each) for each in drawn]
    draw_frame.cache_clear()
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda each: draw_frame(*each), drawn)) == alone
