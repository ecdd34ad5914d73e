"""What is sent to the terminal: only what differs, and always what makes it show the same as sending everything."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from tests.hostile_texts import HOSTILE, acted_on
from tui.terminal.cell_diff import TerminalCells, change, without_controls
from tui.terminal.textual_private import ChopsUpdate, CompositorUpdate, DiffUpdate, LayoutUpdate

WIDTH, HEIGHT = 12, 3
CONSOLE = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")
STYLES = (
    None,
    Style(color="#102030", bgcolor="#405060"),
    Style(color="#102030", bgcolor="#405061", bold=True),
    Style(color="red", italic=True),
    Style(color="bright_blue", bgcolor="bright_yellow"),
    Style(bgcolor="color(99)", reverse=True),
    Style(color="#ffffff", underline=True, link="https://example.org"),
)
texts = st.text(st.sampled_from("aab  ⣿⡇─●好e\N{COMBINING ACUTE ACCENT}"), min_size=1, max_size=6).filter(
    lambda text: cell_len(text[0]) > 0
)
segments = st.lists(st.tuples(texts, st.sampled_from(STYLES)), min_size=1, max_size=3)


def strip(said: Sequence[tuple[str, Style | None]], width: int) -> Strip:
    return Strip([Segment(text, style) for text, style in said]).adjust_cell_length(width, STYLES[1])


def chops(
    rows: Sequence[Sequence[tuple[str, Style | None]]], spans: Sequence[tuple[int, int]]
) -> ChopsUpdate:
    """An update as the compositor makes it: rows in two pieces, of which spans are new."""
    cut = WIDTH // 2
    return ChopsUpdate(
        [{0: strip(row, cut), cut: strip(row[::-1], WIDTH - cut)} for row in rows],
        [(y, *span) for y, span in enumerate(spans)],
        [[cut, WIDTH] for _ in rows],
    )


rows = st.lists(segments, min_size=HEIGHT, max_size=HEIGHT)
layouts = rows.map(
    lambda said: LayoutUpdate([[strip(row, WIDTH)] for row in said], Region(0, 0, WIDTH, HEIGHT))
)
spans = st.lists(
    st.tuples(st.integers(0, WIDTH), st.integers(0, WIDTH)).filter(lambda span: span[0] < span[1]),
    min_size=HEIGHT,
    max_size=HEIGHT,
)
updates = st.lists(st.one_of(layouts, st.builds(chops, rows, spans)), min_size=1, max_size=6)


class Screen:
    """A terminal in memory."""

    def __init__(self) -> None:
        self.screen = pyte.Screen(WIDTH + 1, HEIGHT)  # it takes a mark in its last column for one more
        self.screen.set_mode(pyte.modes.LNM)
        self._stream = pyte.Stream(self.screen)

    def get(self, update: CompositorUpdate) -> int:
        sent = update.render_segments(CONSOLE)
        self._stream.feed(re.sub(r"\x1b]8;[^\x1b]*\x1b\\", "", sent))
        return len(sent)

    @property
    def cells(self) -> list[list[pyte.screens.Char]]:
        return [[seen(self.screen.buffer[y][x]) for x in range(WIDTH)] for y in range(HEIGHT)]


def seen(cell: pyte.screens.Char) -> pyte.screens.Char:
    """What one sees of a cell: in which colour a space is written does not show."""
    if cell.data != " " or cell.reverse or cell.underscore or cell.strikethrough:
        return cell
    return cell._replace(fg="default", bold=False, italics=False)


@given(updates)
def test_the_terminal_shows_what_it_would_if_all_were_sent(said: list[LayoutUpdate | ChopsUpdate]) -> None:
    whole, spared, shown = Screen(), Screen(), TerminalCells()
    for update in said:
        whole.get(update)
        spared.get(DiffUpdate(update, shown))
        assert spared.cells == whole.cells


@given(layouts)
def test_what_stands_there_is_not_sent_again(update: LayoutUpdate) -> None:
    shown = TerminalCells()
    assert DiffUpdate(update, shown).render_segments(CONSOLE)
    assert DiffUpdate(update, shown).render_segments(CONSOLE) == ""
    shown.forget()
    assert DiffUpdate(update, shown).render_segments(CONSOLE)


def test_one_cell_takes_few_bytes() -> None:
    shown, colours = TerminalCells(), ColorSystem.TRUECOLOR
    before, after = (strip([(text, STYLES[1])], WIDTH) for text in ("F1 0.812", "F1 0.816"))
    shown.send([(1, 0, before)], colours)
    assert shown.send([(1, 0, after)], colours) == "\x1b[2;8H\x1b[38;2;16;32;48;48;2;64;80;96m6\x1b[0m"


def test_a_change_of_style_says_no_more_than_it_has_to() -> None:
    assert change("1;31;44", "1;32;44") == "\x1b[32m"
    assert change("38;2;1;2;3;48;5;9", "38;2;1;2;3") == "\x1b[49m"
    assert change("38;2;1;2;3", "1;38;2;1;2;3;48;5;9") == "\x1b[1;48;5;9m"
    assert change("1;31", "31") == "\x1b[0;31m"
    assert change("31", "") == "\x1b[0m"


def test_a_mark_without_a_width_goes_with_what_is_before_it() -> None:
    said = [("e", STYLES[3]), ("\N{COMBINING ACUTE ACCENT}", STYLES[1]), ("a", STYLES[1])]
    sent = TerminalCells().send([(0, 0, strip(said, 3))], ColorSystem.TRUECOLOR)
    assert "e\N{COMBINING ACUTE ACCENT}" in sent
    assert re.sub(r"\x1b\[[\d;]*[Hm]", "", sent) == "e\N{COMBINING ACUTE ACCENT}a "


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4))
def test_nothing_reaches_the_terminal_that_it_would_act_on(said: list[str]) -> None:
    sent = TerminalCells().send([(0, 0, Strip([Segment(text) for text in said]))], ColorSystem.TRUECOLOR)
    assert re.sub(r"\x1b\[\d+;\d+H", "", sent).isprintable()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_not_shown_leaves_all_else_where_it_stood(text: str) -> None:
    shown = without_controls(f"a{text}b")
    assert acted_on(shown) == []
    assert cell_len(shown) == cell_len(f"a{text}b")
