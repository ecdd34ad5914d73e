"""A screen that is asked to close twice closes once, and leaves the one below it open."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

import pytest
from textual import events
from textual.screen import Screen

import tui.screens
from tests.tui.pilot import board, opened
from tui.screens.command_palette.screen import CommandScreen
from tui.state.snapshot import Project
from tui.terminal.dismissal import ClosesOnce
from tui.widgets.message_row import MessageRow


def screens_of(base: type) -> Iterator[type]:
    for each in base.__subclasses__():
        if each.__module__.startswith("tui."):
            yield each
        yield from screens_of(each)


def test_every_screen_of_ours_closes_once() -> None:
    for module in pkgutil.iter_modules(tui.screens.__path__, "tui.screens."):
        import_module(module.name)
    classes = set(screens_of(Screen))
    assert len(classes) >= 12
    assert not {each.__name__ for each in classes if not issubclass(each, ClosesOnce)}


def click(x: int, y: int) -> events.Click:
    return events.Click(None, x, y, 0, 0, 1, False, False, False, x, y)


async def test_a_click_beside_the_commands_closes_them_and_nothing_else(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("colon")
        assert isinstance(pilot.app.screen, CommandScreen)
        await pilot.click(offset=(60, 4))
        pilot.app.screen.post_message(click(500, 500))  # the terminal was larger when it was sent
        await pilot.pause(0.1)
        assert isinstance(pilot.app.screen, CommandScreen)
        for _ in range(2):
            await pilot.click(offset=(0, 0))
            assert pilot.app.screen is board(pilot)


@pytest.mark.parametrize("key", ["question_mark", "C"])
async def test_what_has_closed_does_not_close_what_is_below(project: Project, key: str) -> None:
    async with opened(project) as pilot:
        await pilot.press(key)
        screen = pilot.app.screen
        assert screen is not board(pilot)
        screen.dismiss()
        screen.dismiss()
        await pilot.pause()
        assert pilot.app.screen is board(pilot)


async def test_what_comes_late_to_a_screen_that_has_closed_ends_no_app(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("question_mark")
        screen = pilot.app.screen
        screen.dismiss()
        assert pilot.app.screen is board(pilot)
        screen.call_next(lambda: screen.query_one("#gone"))
        await pilot.pause(0.1)
        assert pilot.app.crash is None
        assert pilot.app.is_running


async def test_a_press_on_what_was_removed_and_is_still_shown_ends_no_app(project: Project) -> None:
    async with opened(project) as pilot:
        widget, y = (
            board(pilot).query_one(MessageRow),
            pilot.app.size.height - 2,
        )  # nothing else is told to it
        assert board(pilot).get_widget_at(3, y)[0] is widget
        parent = widget._parent
        widget._detach()
        pilot.app.post_message(events.MouseDown(None, 3, y, 0, 0, 1, False, False, False, 3, y))
        await pilot.pause(0.1)
        assert pilot.app.crash is None
        assert parent is not None
        widget._attach(parent)
