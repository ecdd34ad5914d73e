from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from engine.text import clean, size
from tui.text import LONGEST_SEARCH, message_line, searched, shorten, without_common_start


@given(st.text(), st.integers(0, 40))
def test_shortened_text_fills_its_cells_exactly_and_is_safe(text: str, width: int) -> None:
    shown = shorten(text, width)
    assert cell_len(shown) == width
    assert shown.isprintable() or shown == ""


@given(st.text())
def test_clean_text_is_one_printable_line(text: str) -> None:
    assert clean(text) == "" or clean(text).isprintable()


@pytest.mark.parametrize(
    ("dirty", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]52;c;aGVsbG8=\x1b\\x", "x"),
        ("10 %\r 50 %\r100 %", "100 %"),
        ("[bold]not markup[/]", "[bold]not markup[/]"),
        ("a\tb", "a b"),
    ],
)
def test_escapes_and_carriage_returns_are_taken_out(dirty: str, shown: str) -> None:
    assert clean(dirty) == shown


def test_names_keep_both_ends_when_shortened() -> None:
    assert shorten("BiT-M-R50x1-224x224-7", 13) == "BiT-M-…x224-7"


def test_common_first_words_go_where_a_letter_begins_the_rest() -> None:
    assert without_common_start(["quick-ViT", "quick-BiT"]) == ["ViT", "BiT"]
    assert without_common_start(["ViT-B-32x32-16-7", "ViT-B-32x32-32-7"]) == ["B-32x32-16-7", "B-32x32-32-7"]
    assert without_common_start(["same", "same"]) == ["same", "same"]


def test_sizes_are_short() -> None:
    assert [size(value) for value in (None, 900, 5 * 2**20, 3.1 * 2**30, 139 * 2**30)] == [
        "",
        "900B",
        "5.0M",
        "3.1G",
        "139G",
    ]


@given(
    st.text() | st.just("a: unknown key 'x' in experiment 'y'; did you mean 'z'? Known: z"),
    st.integers(0, 70),
)
def test_a_message_fills_its_cells_and_keeps_its_cure(text: str, width: int) -> None:
    shown = message_line(text, width)
    assert cell_len(shown) == width
    assert ("did you mean 'z'?" in shown) == ("did you mean" in text and width >= 40)


def test_a_message_is_cut_before_its_cure() -> None:
    text = "experiments.toml:26:1: unknown key 'learning_rate' in experiment 'a'; did you mean 'lr'? Known: model"
    assert message_line(text, 60) == "experiments.toml:26:1: unknown key 'le…; did you mean 'lr'?…"


def test_a_sentence_is_cut_at_its_end() -> None:
    assert shorten("taken out of the queue", 9, end=True) == "taken ou…"
    assert shorten("taken", 9, end=True) == "taken    "
    assert shorten("taken", 1, end=True) == "…"


@pytest.mark.parametrize("text", ["(", "(" * 5000, "x{99999999999}", "[a"])
def test_what_is_no_regular_expression_is_searched_as_it_stands(text: str) -> None:
    pattern, why = searched(text)
    assert pattern.search(f"x {text} x")
    assert why.endswith(": taken as plain text")


def test_a_search_has_a_length() -> None:
    pattern, why = searched("a" * 60_000)
    assert (len(pattern.pattern), why) == (LONGEST_SEARCH, "")
