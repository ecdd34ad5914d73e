"""The page of keys: searched as one types, left layer by layer, readable in a small terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Input

from tests.tui.conftest import Write
from tests.tui.pilot import AppPilot, board, opened, until
from tui.keymap.action import UNLISTED
from tui.keymap.all_keys import LINES
from tui.screens.command_palette.screen import CommandScreen
from tui.screens.help import KEYS, HelpScreen, matching, why_not
from tui.screens.run_page import RunScreen
from tui.state.snapshot import Project
from tui.terminal.textual_private import screen_strips
from tui.widgets.key_list import KeyList

TEXTS = [(section, key, what) for section, keys in KEYS.items() for key, what in keys]


def shown(pilot: AppPilot) -> str:
    return "\n".join("".join(segment.text for segment in strip) for strip in screen_strips(pilot.app.screen))


@given(st.sampled_from(TEXTS), st.data())
def test_every_piece_of_a_line_finds_it(entry: tuple[str, str, str], data: st.DataObject) -> None:
    section, key, what = entry
    start = data.draw(st.integers(0, len(what) - 1))
    end = data.draw(st.integers(start + 1, len(what)))
    piece = what[start:end]
    if piece.strip() and not piece.strip().startswith("/"):
        assert (key, what) in matching(piece.swapcase())[section]
        assert (key, what) in matching(f"/{piece.strip()}")[section]


def test_only_what_has_all_the_words_is_found() -> None:
    assert matching("") == KEYS
    assert matching("copy table") == {"Runs": [("Y", "copy: row, path, command, list; a table for papers")]}
    assert set(matching("queue hold")) == {"Queue"}  # the section counts too
    assert all("/" in f"{key}{what}" for keys in matching("/").values() for key, what in keys)
    assert matching("[x") == {}
    assert matching("[") == {
        "Screen": [("[ ]", "show or hide the side panes; [ first widens a list that lacks room")]
    }


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("check", ":check"), ("resu", "R"), ("C", "C"), ("smooth", "+ -  ="), ("r", "r"), ("theme", ": ctrl+p"),
        ("kill", "."), ("gpu", "4 5"), ("hides 4", "×4 …1 ✗1 –1"), ("/search the log", "/  n N  &"),
    ],
)  # fmt: skip
def test_the_key_that_is_called_so_comes_before_those_that_only_mention_it(text: str, keys: str) -> None:
    (first, *_), *_ = matching(text, "Runs").values()
    assert first[0] == keys


def test_of_what_is_not_done_here_it_is_said_where() -> None:
    assert len({line.words for line in LINES}) == len(LINES)  # by them a line finds its commands
    said = {line.keys: why_not(line) for line in LINES if line.section != UNLISTED}
    assert "not here, but elsewhere" not in said.values()
    assert said["drag"] == said["click"] == "the mouse does that"
    assert said["h j k l"] == "only its keys do that"
    assert said["1 … 5  tab"] == "not here, but on the page of a run: enter"
    assert said["2 of 3"] == "nothing to do: it says what is seen"


@pytest.mark.slow
async def test_enter_does_what_a_line_says_and_the_pane_with_the_keys_comes_first(
    project: Project, write_run: Write
) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        grid = board(pilot).grid
        await pilot.press("2", "question_mark")
        page = pilot.app.screen.query_one(KeyList)
        assert page.chosen is not None
        assert page.chosen.keys == "x"
        await pilot.press(*"one chart", "enter")
        await pilot.pause()
        assert pilot.app.screen is board(pilot)
        assert grid.zoomed
        await pilot.press("question_mark", *"counts or", "enter")
        assert "not here, but on the matrix of a run" in shown(pilot)
        await pilot.press("escape", *"smooth", "enter")  # three keys: which of them?
        await pilot.pause()
        assert isinstance(pilot.app.screen, CommandScreen)
        await pilot.press("down", "down", "enter")
        await pilot.pause()
        assert pilot.app.screen is board(pilot)
        await pilot.press("question_mark", *"columns and rows", "enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, CommandScreen)
        assert pilot.app.screen.query_one(Input).value == ":grid "
        await pilot.press("escape")
        await pilot.pause()
        await pilot.press("question_mark", *"one chart")
        await pilot.click(KeyList, offset=(5, 1))
        await pilot.pause()
        assert not grid.zoomed


@pytest.mark.slow
async def test_typing_searches_and_escape_goes_back_layer_by_layer(project: Project) -> None:
    async with opened(project, (80, 24)) as pilot:
        await pilot.press("question_mark")
        assert isinstance(pilot.app.screen, HelpScreen)
        assert "search the log" not in shown(pilot)  # further down
        await pilot.press(*"search the l")
        await pilot.pause()
        assert "search the log" in shown(pilot)
        assert "baseline" not in shown(pilot)
        await pilot.press(*"ier")
        await pilot.pause()
        assert "No key does that." in shown(pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert "baseline" in shown(pilot)
        await pilot.press("escape")
        assert pilot.app.screen is board(pilot)


@pytest.mark.slow
async def test_letters_that_are_keys_elsewhere_are_searched_for(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("question_mark", "slash", "q", "u", "e", "D")
        assert isinstance(pilot.app.screen, HelpScreen)
        assert pilot.app.screen.query_one(Input).value == "/queD"
        await pilot.press("enter")  # nothing is found, and nothing is done
        assert isinstance(pilot.app.screen, HelpScreen)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_it_scrolls_to_its_end(project: Project, size: tuple[int, int]) -> None:
    async with opened(project, size) as pilot:
        await pilot.press("question_mark")
        page = pilot.app.screen.query_one(KeyList)
        await until(pilot, lambda: page.max_scroll_y > 0)
        await pilot.press("down", "down")
        assert page.chosen is not None
        assert page.chosen.keys == "×4 …1 ✗1 –1"
        await pilot.press(*["pagedown"] * 9)
        await pilot.pause()
        assert "leave; the runs go on" in shown(pilot)
        await pilot.press(*["pageup"] * 9)
        await pilot.pause()
        assert "→ ←  l h" in shown(pilot)
        assert page.scroll_offset.y == 0


@pytest.mark.slow
async def test_it_searches_over_the_run_screen(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        await pilot.press("enter", "question_mark", *"matrix", "escape", "escape")
        assert isinstance(pilot.app.screen, RunScreen)


async def test_all_words_are_whole_again_once_the_search_is_cleared(project: Project) -> None:
    """The bar goes with a list that is short, and comes back: the lines are wrapped beside it then."""
    async with opened(project, (120, 36)) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        keys = pilot.app.screen.query_one(KeyList)
        before = list(keys._lines)
        await pilot.press(*"epoch")
        await pilot.pause()
        assert "esc shows all" in shown(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: list(keys._lines) == before)
