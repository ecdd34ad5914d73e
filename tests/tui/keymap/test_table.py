"""The table of actions and the classes that have them agree, and what is made from the table is whole."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

import tui
from tests.tui.conftest import Write
from tests.tui.pilot import board, opened, toasts
from tui.keymap.action import UNLISTED, Situation
from tui.keymap.lookup import ACTIONS, CHANGING, action_of, bindings, names_of, page_of_keys, useless
from tui.keymap.table import LINES
from tui.options import READONLY, Options
from tui.state.snapshot import Project


def classes() -> dict[str, type[DOMNode]]:
    """Return the screens, widgets and the app of this program that bind keys, by name."""
    found = {}
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        for kind in vars(importlib.import_module(module.name)).values():
            if isinstance(kind, type) and issubclass(kind, DOMNode) and kind.__module__ == module.name:
                found[kind.__name__] = kind
    return found


OWNERS = sorted({owner for action in ACTIONS for owner in action.owners})
WITH_HELP = {owner for action in ACTIONS if action.name == "help" for owner in action.owners}


def test_all_keys_of_this_program_are_bound_by_the_table() -> None:
    bound = {name for name, kind in classes().items() if kind.__dict__.get("BINDINGS")}
    assert bound == set(OWNERS)
    for name in OWNERS:
        own = classes()[name].__dict__["BINDINGS"]
        assert own == bindings(name), name
        assert all(isinstance(each, Binding) and action_of(each) is not None for each in own), name


def test_an_action_is_in_the_table_once_for_each_class() -> None:
    pairs = [(owner, action.name) for action in ACTIONS for owner in action.owners]
    assert len(pairs) == len(set(pairs))
    keys = [(owner, key) for owner in OWNERS for key in _keys(owner)]
    assert len(keys) == len(set(keys))


def _keys(owner: str) -> list[str]:
    return [key for each in bindings(owner) if isinstance(each, Binding) for key in each.key.split(",")]


def test_the_page_of_keys_lists_all_that_its_screens_do() -> None:
    for line in LINES:
        on_page = (line.keys, line.words) in page_of_keys().get(line.section, [])
        assert on_page == (line.section != UNLISTED)
        for action in line.actions:
            assert on_page or not WITH_HELP & set(action.owners), action.name
            assert line.words


def test_what_needs_a_run_is_useless_without_one() -> None:
    assert useless("Dashboard", Situation()) == {"open", "stop", "resume", "shift", "hold"}
    assert useless("QueueScreen", Situation()) == {"stop", "shift", "hold"}
    assert useless("Log", Situation()) == frozenset()


@pytest.mark.parametrize("name", sorted(CHANGING))
def test_what_changes_anything_is_never_a_way_out_or_a_move(name: str) -> None:
    assert not any(action.moves for action in ACTIONS if action.name == name)


async def test_read_only_every_action_that_changes_anything_is_refused(
    project: Project, write_run: Write
) -> None:
    write_run("ViT-small", end="stopped")
    async with opened(project, options=Options(readonly=True)) as pilot:
        screens = len(pilot.app.screen_stack)
        for way in ((), ("enter",), ("5", "5")):
            await pilot.press(*way)
            screen = pilot.app.screen
            names = [name for name in names_of(type(screen).__name__) if name in CHANGING]
            assert names
            for name in names:
                for node, action in ((screen, name), (screen.focused or screen, f"screen.{name}")):
                    pilot.app.clear_notifications()
                    await pilot.app.run_action(action, node)
                    await pilot.pause()
                    assert toasts(pilot).strip() == READONLY, (type(screen).__name__, action)
                    assert pilot.app.screen is screen
            while len(pilot.app.screen_stack) > screens:
                await pilot.press("escape")
        assert pilot.app.screen is board(pilot)
