"""A mistake in a line is said in the colour of any theme, those of sixteen colours too."""

from __future__ import annotations

import pytest
from textual.app import App
from textual.theme import BUILTIN_THEMES
from textual.widgets import Static

from tui.screens.line_prompt import Prompt

# One in Textual 6, two later, by other names.
SIXTEEN_COLOURS = [name for name in BUILTIN_THEMES if "ansi" in name]


@pytest.mark.parametrize("theme", ["textual-dark", *SIXTEEN_COLOURS])
async def test_a_mistake_is_said_in_any_theme(theme: str) -> None:
    app = App[None]()
    async with app.run_test() as pilot:
        app.theme = theme
        await app.push_screen(Prompt("Tags", "words", wrong=lambda line: "no such word" if line else ""))
        await pilot.press("a")
        await pilot.pause()
        hint = app.screen.query_one("#prompt-hint", Static)
        assert str(hint.content) == "no such word"
        assert hint.has_class("-wrong")
        await pilot.press("backspace")
        await pilot.pause()
        assert not hint.has_class("-wrong")
