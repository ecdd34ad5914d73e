"""The grid of charts has the columns and rows that fit, or those that a user asks for, and never an empty row."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.screens.command_palette.dashboard_commands import GridCommand
from tui.widgets.chart.grid_shape import LEAST_HEIGHT, LEAST_WIDTH, MOST_ASKED, Shape, grid_shape, parse_shape

SHAPES = st.builds(Shape, st.integers(1, MOST_ASKED), st.integers(1, MOST_ASKED))


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("3x2", (3, 2)), (" 3 × 2 ", (3, 2)), ("3 2", (3, 2)), ("3,2", (3, 2)), ("8X8", (8, 8)),
        ("", None), ("3", None), ("0x2", None), ("3x9", None), ("3x22", None), ("auto", None), ("٣x2", None),
    ],
)  # fmt: skip
def test_a_shape_is_written_as_columns_and_rows(text: str, shape: tuple[int, int] | None) -> None:
    assert parse_shape(text) == shape


@pytest.mark.parametrize(
    ("size", "charts", "asked", "shape"),
    [
        ((66, 24), 9, None, (2, 2)),
        ((66, 24), 3, None, (2, 2)),
        ((66, 24), 1, None, (1, 1)),
        ((200, 60), 40, None, (4, 4)),
        ((30, 8), 9, None, (1, 1)),
        ((66, 24), 9, (3, 2), (3, 2)),
        ((66, 24), 9, (1, 4), (1, 4)),
        ((66, 24), 9, (4, 6), (3, 3)),  # as far as there is room, and charts
        ((200, 60), 4, (3, 3), (3, 2)),
        ((200, 60), 2, (3, 3), (2, 1)),
        ((0, 0), 0, (3, 3), (1, 1)),
    ],
)
def test_the_grid_has_what_fits_or_what_is_asked_for(
    size: tuple[int, int], charts: int, asked: tuple[int, int] | None, shape: tuple[int, int]
) -> None:
    assert grid_shape(*size, charts, None if asked is None else Shape(*asked)) == shape


@given(st.integers(0, 400), st.integers(0, 120), st.integers(0, 60), st.none() | SHAPES)
def test_charts_have_room_and_no_row_is_empty(
    width: int, height: int, charts: int, asked: Shape | None
) -> None:
    columns, rows = grid_shape(width, height, charts, asked)
    assert columns >= 1 <= rows
    assert columns == 1 or width // columns >= LEAST_WIDTH
    assert rows == 1 or height // rows >= LEAST_HEIGHT
    assert columns * (rows - 1) < max(charts, 1)
    assert asked is None or (columns <= asked.columns and rows <= asked.rows)
    assert parse_shape(str(asked)) == asked


@pytest.mark.parametrize(
    ("text", "says", "wrong", "done"),
    [
        ("3x2", "charts in 3 columns and 2 rows", "", Shape(3, 2)),
        (
            "5x1",
            "charts in 3 columns and 1 row: 5x1 has more than there is room or charts for",
            "",
            Shape(5, 1),
        ),
        ("auto", "charts in 2 columns and 2 rows", "", None),
        ("", "columns and rows, each from 1 to 8, as 3x2; or auto", "", "nothing"),
        ("3x", "columns and rows, each from 1 to 8, as 3x2; or auto", "", "nothing"),
        ("9x9", "", "'9x9' is not columns and rows, each from 1 to 8, as 3x2; or auto", "nothing"),
        ("many", "", "'many' is not columns and rows, each from 1 to 8, as 3x2; or auto", "nothing"),
    ],
)
def test_the_command_says_what_comes_of_it(text: str, says: str, wrong: str, done: object) -> None:
    grid = SimpleNamespace(asked="nothing", shape_for=lambda asked: grid_shape(66, 24, 9, asked))
    board: Any = SimpleNamespace(grid=grid)
    meaning = GridCommand(board).meaning(text)
    assert ("\n".join(meaning.says), meaning.wrong) == (says, wrong)
    if meaning.do is not None:
        meaning.do()
    assert grid.asked == done
    assert GridCommand(board).offers("3x")
