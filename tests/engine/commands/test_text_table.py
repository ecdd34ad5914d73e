"""Tables of text: as wide as they need to be, never wider than the terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from engine.commands.text_table import TableColumn, draw, terminal_width, wants_colour
from engine.text import cells, shorten

NAMES = (
    TableColumn("name", least=4, cut="middle"),
    TableColumn("n", right=True, spare=True),
    TableColumn("why", least=3),
)
wide = st.text(st.sampled_from("ab-é日本語👍e\u0301"), max_size=20)


def test_columns_are_as_wide_as_what_they_hold():
    assert draw(NAMES, [("vit", "7", ""), ("a", "12", "no")]) == ["name   n  why", "vit    7", "a     12  no"]


def test_a_table_without_rows_is_its_titles():
    assert draw(NAMES, []) == ["name  n  why"]


def test_a_narrow_terminal_has_the_last_columns_cut_first():
    row = ("abcdefgh", "12", "because of it")
    assert draw(NAMES, [row], 27)[1] == "abcdefgh  12  because of it"
    assert draw(NAMES, [row], 26)[1] == "abcdefgh  12  because of …"
    assert draw(NAMES, [row], 17)[1] == "abcdefgh  12  be…"
    assert draw(NAMES, [row], 15)[1] == "abc…gh  12  be…"


def test_a_narrower_one_does_without_what_is_spare():
    row = ("abcdefgh", "12", "because of it")
    assert (
        draw(NAMES, [row], 12) == ["name     why", "abc…gh…  be…"]
        or draw(NAMES, [row], 12)[1].count("12") == 0
    )


@pytest.mark.parametrize("room", range(9))
def test_what_does_not_fit_at_all_is_left_out(room):
    lines = draw(NAMES, [("abcdefgh", "12", "because of it")], room)
    assert all(cells(line) <= room for line in lines)


@given(st.lists(st.tuples(wide, wide, wide), max_size=5), st.integers(1, 60))
def test_no_line_is_wider_than_the_terminal(rows, room):
    lines = draw(NAMES, rows, room)
    assert len(lines) == len(rows) + 1
    assert all(cell_len(line) <= room for line in lines)


@given(wide, st.integers(0, 20), st.sampled_from(["middle", "end"]))
def test_a_shortened_text_fits_and_says_that_it_was_cut(text, room, cut):
    short = shorten(text, room, cut)
    assert cell_len(short) <= room
    assert short == text or room == 0 or "…" in short


def test_wide_characters_take_two_cells():
    lines = draw((TableColumn("a"), TableColumn("b")), [("日本", "x"), ("abcd", "y"), ("e\u0301", "z")])
    assert lines == ["a     b", "日本  x", "abcd  y", "e\u0301     z"]
    assert shorten("日本語", 4) == "日…"


def test_colours_do_not_move_anything():
    rows = [("vit", "7", "no"), ("bit-long", "12", "")]
    plain, coloured = draw(NAMES, rows), draw(NAMES, rows, colours=[31, 32])
    assert coloured[0] == "\x1b[1mname    \x1b[0m   n  why"
    assert coloured[1] == "\x1b[31mvit     \x1b[0m   7  no"
    assert plain == [line.replace("\x1b[0m", "").replace("\x1b[1m", "").replace("\x1b[31m", "")
                     .replace("\x1b[32m", "") for line in coloured]  # fmt: skip


@pytest.mark.parametrize(
    ("terminal", "env", "wanted"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colour_is_for_terminals_whose_user_wants_it(monkeypatch, terminal, env, wanted):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    assert wants_colour() is wanted


def test_the_width_is_what_columns_or_the_terminal_says(monkeypatch):
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    monkeypatch.delenv("COLUMNS", raising=False)
    with os.fdopen(its, "w") as terminal, os.fdopen(ours):
        monkeypatch.setattr("sys.stdout", terminal)
        assert terminal_width() == 60
        monkeypatch.setenv("COLUMNS", "77")
        assert terminal_width() == 77
        monkeypatch.setenv("COLUMNS", "many")
        assert terminal_width() == 60


def test_what_another_program_reads_is_not_cut(monkeypatch):
    monkeypatch.setenv("COLUMNS", "77")
    assert terminal_width() is None
