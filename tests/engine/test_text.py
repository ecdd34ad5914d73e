"""Values as text: settings, sizes, times, names made short, Markdown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text import (
    GIB,
    Strong,
    cells,
    count,
    disk_size,
    duration,
    gib,
    is_printable,
    markdown,
    markdown_table,
    milliseconds,
    number,
    score,
    setting_text,
    shorten,
    size,
    span,
)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"), ("", "–"), ([], "–"), ({}, "–"), (True, "true"), (False, "false"), (0, "0"), (1e-4, "0.0001"),
        (2.0, "2"), ("vit_b", "vit_b"), ([0, 1, 2], "0,1,2"), ({"pool": "mean", "ema": 0.1}, "pool=mean,ema=0.1"),
        ("a\nb\x1b[2J", "a b"), ([None, True], "–,true"),
    ],
)  # fmt: skip
def test_a_setting_is_told_in_one_way(value: Any, said: str) -> None:
    assert setting_text(value, "–") == said


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(JSON)
def test_any_setting_is_one_line_of_text(value: Any) -> None:
    assert setting_text(value).isprintable()


@given(
    st.text(st.characters(exclude_categories=["Cs"])), st.integers(-2, 30), st.sampled_from(["middle", "end"])
)
def test_what_is_shortened_fits(text: str, room: int, cut: Any) -> None:
    for dots in ("…", ".."):
        assert cells(shorten(text, room, cut, dots)) <= max(room, cells(text) * (cells(text) <= room))


def test_sizes_and_times() -> None:
    assert [gib(size * GIB) for size in (0.5, 3.14, 34.2, 2048)] == [
        "0.5 GiB",
        "3.1 GiB",
        "34 GiB",
        "2,048 GiB",
    ]
    assert gib(28 * GIB, 2) == "28.00 GiB"
    assert [disk_size(size) for size in (999, 340_000, 1.24e9, 2e13)] == [
        "999 B",
        "340 kB",
        "1.2 GB",
        "20.0 TB",
    ]
    assert [duration(seconds, fine=True) for seconds in (0.42, 5, 42, 185, 7800)] == [
        "0.42 s", "5 s", "42 s", "3:05", "2 h 10",
    ]  # fmt: skip
    assert [milliseconds(each) for each in (0.4234, 50, 999.2, 9440, 16_300, 240_000)] == [
        "0.423 ms", "50 ms", "999 ms", "9.44 s", "16.3 s", "4 min",
    ]  # fmt: skip
    assert [span(seconds, 2) for seconds in (30, 90, 7200, 172_800)] == ["30 s", "1.5 min", "2 h", "2 d"]


@given(st.floats(min_value=0))
def test_an_absurd_number_is_told_in_few_characters(value: float) -> None:
    for told in (duration, span, number, gib, disk_size, count, size, score):
        assert len(told(value)) <= 18


def test_times_beyond_a_year_are_not_counted() -> None:
    assert [span(365 * 86_400), span(366 * 86_400), duration(1e308)] == [
        "365 d",
        "over a year",
        "over a year",
    ]


def test_a_table_in_markdown_is_text_in_its_cells() -> None:
    table = markdown_table(["", "a*b*c"], [["x|y", Strong("0.5")]], right=[1])
    assert table == "|  | a\\*b\\*c |\n| --- | ---: |\n| x\\|y | **0.5** |\n"
    assert markdown("at 14:02:43, http://x: y") == "at 14:02:43, http\\:\\/\\/x: y"
    assert markdown("# no [heading](x) <img>") == "\\# no \\[heading\\](x) \\<img\\>"


@given(
    st.text(st.sampled_from("ab \n\t\x1b\x7f\x9b\u202eé漢"), max_size=6),
    st.sampled_from(["", "a" * 300, "é" * 300]),
)
def test_long_texts_are_judged_as_short_ones(text, more):
    assert is_printable(text + more) == (text + more).isprintable()
    assert is_printable(text + more, lines=True) == (text + more).replace("\n", "").isprintable()
