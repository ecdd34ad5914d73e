from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.confusion import MAX_LABEL, MAX_MISTAKES, Matrix, make_matrix
from engine.analysis.confusion_scores import scores
from engine.events import Confusion
from engine.history.confusion_index import location_of
from tui.widgets.run_page.class_bars import ORDERS, sorted_classes
from tui.widgets.run_page.confusion_matrix import heads, plan, shade
from tui.widgets.run_page.epoch_slider import track
from tui.widgets.run_page.frequent_mistakes import mistake_line


def made(cells: list[list[int]], labels: list[str]) -> Matrix | None:
    event = Confusion(time=1.0, run="r", step=1, epoch=1.0, split="test", labels=labels, matrix=cells)
    return make_matrix(event, location_of(event, 0, 1))


@st.composite
def squares(draw: st.DrawFn, most: int = 12) -> list[list[int]]:
    size = draw(st.integers(1, most))
    drawn = draw(
        st.binary(min_size=size * size, max_size=size * size)
    )  # at once: far quicker than one by one
    counts = [2**53 if n > 127 else n for n in drawn]
    return [counts[size * row : size * (row + 1)] for row in range(size)]


@given(squares(), st.lists(st.text(), max_size=14))
def test_a_square_of_counts_with_any_labels_can_be_shown(cells: list[list[int]], labels: list[str]) -> None:
    matrix = made(cells, labels)
    assert matrix is not None
    assert len(matrix.labels) == len(cells)
    assert all(label and label.isprintable() and len(label) <= MAX_LABEL for label in matrix.labels)
    assert np.allclose(matrix.shares.sum(axis=1), matrix.counts.sum(axis=1) > 0)
    assert all(0 <= value <= 1 for value in matrix.scores)
    assert matrix.images == matrix.counts.sum() > -1


@given(squares())
def test_the_mistakes_are_all_that_is_off_the_diagonal_the_most_first(cells: list[list[int]]) -> None:
    matrix = made(cells, [])
    assert matrix is not None
    off = [int(n) for (i, j), n in np.ndenumerate(matrix.counts) if i != j and n]
    assert [mistake.images for mistake in matrix.mistakes] == sorted(off, reverse=True)[:MAX_MISTAKES]
    assert all(matrix.counts[each.true, each.taken] == each.images for each in matrix.mistakes)


@given(st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=4))
def test_what_is_not_square_is_no_matrix(cells: list[list[int]]) -> None:
    is_square = bool(cells) and all(len(row) == len(cells) for row in cells)
    assert (made(cells, []) is not None) == is_square


@given(squares(), st.sampled_from(ORDERS), st.booleans())
def test_every_class_has_one_place_in_every_order(
    cells: list[list[int]], order: object, reverse: bool
) -> None:
    matrix = made(cells, [])
    assert matrix is not None
    shown = sorted_classes(matrix, order, reverse=reverse)  # type: ignore[arg-type]
    assert sorted(shown) == list(range(len(cells)))
    f1 = [matrix.by_class.f1[each] for each in sorted_classes(matrix, ORDERS[0], reverse=reverse)]
    known = [value for value in f1 if not np.isnan(value)]
    assert known == sorted(known, reverse=reverse)
    assert all(np.isnan(value) for value in f1[len(known) :])


def test_scores_are_those_of_the_engine() -> None:
    cells = [[8, 2], [1, 9]]
    matrix = made(cells, ["a", "b"])
    assert matrix is not None
    assert matrix.scores == scores(cells)


@given(squares(), st.integers(1, 250), st.integers(1, 80), st.booleans(), st.none() | st.booleans())
def test_a_cell_holds_its_number(
    cells: list[list[int]], width: int, height: int, shares: bool, numbers: bool | None
) -> None:
    matrix = made(cells, [])
    assert matrix is not None
    found = plan(matrix, width, height, shares=shares, numbers=numbers)
    assert found.cell >= 1
    assert found.lines >= 1
    if found.numbers and not shares:
        assert found.cell > len(str(matrix.counts.max()))
    if numbers is None and found.numbers:
        assert found.label + found.cell * len(cells) <= max(width, found.label + 1)


@pytest.mark.parametrize(
    ("classes", "width", "height", "size"),
    [(10, 74, 14, (7, 1)), (10, 120, 40, (11, 3)), (100, 74, 30, (1, 1))],
)
def test_shades_take_the_room_there_is(classes: int, width: int, height: int, size: tuple[int, int]) -> None:
    matrix = made([[1] * classes] * classes, [f"{number}" for number in range(classes)])
    assert matrix is not None
    found = plan(matrix, width, height, shares=False, numbers=False)
    assert (found.cell, found.lines) == size
    assert found.lines * classes + 2 <= max(height, classes + 2)


def test_heads_of_columns_are_beginnings_or_what_differs() -> None:
    assert heads(["airplane", "cat", "truck"], 4) == ["airp", "cat", "truc"]
    assert len(set(heads(["class-01", "class-02"], 4))) == 2
    assert heads(["\x1b[31mred"], 5) == ["red"]


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_is_never_lighter(a: float, b: float) -> None:
    shades = " ·░▒▓█"
    if a <= b:
        assert shades.index(shade(a)) <= shades.index(shade(b))
    assert (shade(a) == " ") == (a == 0)


@given(st.integers(1, 10_000), st.data())
def test_a_track_has_one_mark(count: int, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, count - 1))
    line = track(at, count)
    assert line.count("●") == 1
    assert len(line) <= 26
    if count > 1:
        assert track(0, count)[1] == track(count - 1, count)[-2] == "●"


@given(squares(4), st.lists(st.text(), max_size=4), st.integers(20, 60))
def test_a_mistake_fits_its_line(cells: list[list[int]], labels: list[str], width: int) -> None:
    from rich.cells import cell_len

    matrix = made([[min(n, 900) for n in row] for row in cells], labels)
    assert matrix is not None
    for index in range(len(matrix.mistakes)):
        assert cell_len(mistake_line(matrix, index, width)) <= width
