"""ASCII alone: a sign means one thing wherever it can stand beside others, and no line changes its width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from engine.runs.state_symbols import HELD, MARKS
from tui.terminal.ascii_text import ALIKE, plain, plain_line
from tui.widgets.run_page.confusion_matrix import SHADES

STATES = [shape for shape, _ in MARKS.values()]
PLACES = {
    "before a row": ("{} name", [*STATES, HELD, "·"]),
    "behind a row": ("{}1  ", ["×", "≠", *STATES]),
    "behind a number": ("1{}  ", ["±", "≈", "?", "=", "×", "+", "-", ".", "…", "!"]),
    "in a number": ("1{}2", ["±", "≈", "?", "=", "×", "+", "-", "."]),
    "in a matrix": ("{}", [*SHADES]),
    "as a load": ("{}", [*" ▁▂▃▄▅▆▇█"]),
    "as a key": ("{} ", [*"←→↑↓⇧"]),
    "before what is marked": ("{}", ["┃", "⚑", "*", " "]),
}
"""Signs that can stand in one place, and how they stand there."""


@pytest.mark.parametrize("place", PLACES)
def test_no_two_signs_of_one_place_become_the_same(place: str) -> None:
    form, signs = PLACES[place]
    written = {sign: plain(form.format(sign)) for sign in signs}
    assert len(set(written.values())) == len(signs), written


@pytest.mark.parametrize(
    ("line", "written"),
    [
        (("F1   .296±.005  1.484",), ("F1   .296+-.005 1.484",)),
        (("F1  ", ".296±.005", " 1.484"), ("F1 ", ".296+-.005", " 1.484")),
        (("-0.015≈", "  ", "x"), ("-0.015=?", " ", "x")),
        (("BiT-M…", "  7/7"), ("BiT-M..", " 7/7")),
        (("… 2 waiting",), (": 2 waiting",)),
        (("│a±b│  ",), ("|a~b|  ",)),
        (("no room a±b≈c…",), ("no room a~bnc.",)),
        (("×3 ✗1",), ("x3 X1",)),
        (("vitui lab › as it", "  › 1"), ("vitui lab > as it", "  ) 1")),
        (("‹state› ━━╸ ✎",), ("(state) --- &",)),
        (("end zoom ‹ charts",), ("end zoom < charts",)),
    ],
)
def test_a_sign_of_two_letters_takes_a_blank_nearby(line: tuple[str, ...], written: tuple[str, ...]) -> None:
    assert plain_line(line) == written


@given(st.lists(st.text("ab ±≈…≠│×日é", max_size=8), max_size=5))
def test_a_line_keeps_its_cells_and_its_words(texts: list[str]) -> None:
    line = "".join(plain_line(tuple(texts)))
    assert line.isascii()
    assert len(line) == cell_len("".join(texts))
    assert len(line.split()) >= len("".join(texts).split())


def test_nothing_that_is_replaced_is_ascii() -> None:
    assert not [letter for letter in ALIKE if letter.isascii()]


def test_dots_within_a_word_move_nothing_beside_it() -> None:
    assert plain("  ✓ ViT-B-32x32-…has-room  …1") == "  v ViT-B-32x32..has-room  :1"
    assert plain("  ✓ ViT-B-32x32-…  7/7") == "  v ViT-B-32x32-.. 7/7"
    assert plain("│x…│") == "|x.|"
