"""The table of actions and the classes that have them agree, and what is made from the table is whole."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap

import pytest
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import ModalScreen

import tui
import tui.screens
from tests.tui.conftest import Write
from tests.tui.pilot import board, opened, toasts
from tui.app_options import READONLY, Options
from tui.keymap.action import UNLISTED, Situation, is_command
from tui.keymap.all_keys import LINES
from tui.keymap.bindings import ACTIONS, CHANGING, TYPED, action_of, bindings, names_of, page_of_keys, useless
from tui.screens.command_palette.commands_from_keys import title_of
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
    assert useless("LogView", Situation()) == frozenset()


@pytest.mark.parametrize("name", sorted(CHANGING))
def test_what_changes_anything_is_never_a_way_out_or_a_move(name: str) -> None:
    assert not any(action.moves for action in ACTIONS if action.name == name)


CONTRACT = {
    "question_mark": "help", "x": "axis", "y": "log_y", "plus": "smooth", "minus": "smooth", "equals_sign": "smooth",
    "escape": "back", "less_than_sign": "zoom", "greater_than_sign": "zoom", "1": "go_to_runs", "2": "go_to_charts",
    "3": "go_to_overview", "4": "console", "5": "machine", "i": "inspect", "left_square_bracket": "pane",
    "right_square_bracket": "pane", "z": "full_screen", "0": "reset", "r": "run", "R": "resume", "full_stop": "stop",
    "enter": "open", "e": "edit", "p": "pin", "E": "export", "f": "filter", "slash": "search", "n": "page", "N": "page",
    "Y": "copy", "s": "sort", "S": "reverse", "t": "tag", "T": "note", "b": "bands", "L": "open_log", "c": "compare",
    "o": "vary", "C": "columns", "B": "group", "D": "throw_away", "u": "undo", "H": "hold", "K": "shift", "J": "shift",
    "left_curly_bracket": "pan", "right_curly_bracket": "pan",
}  # fmt: skip
"""The keys of the dashboard that the design promises."""
IN_THE_LIST = {
    "j": "move", "k": "move", "down": "move", "up": "move", "g": "move", "G": "move", "h": "fold", "l": "fold",
    "space": "overlay", "V": "overlay_range", "A": "overlay_all", "m": "mark", "v": "mark_range", "a": "mark_all",
}  # fmt: skip
ANYWHERE = {"q": "leave", "colon": "command_palette"}


@pytest.mark.parametrize(
    ("owner", "promised"), [("Dashboard", CONTRACT), ("RunList", IN_THE_LIST), ("VituiApp", ANYWHERE)]
)
def test_the_keys_that_the_design_promises_are_there(owner: str, promised: dict[str, str]) -> None:
    bound = {
        key: action.name
        for each in bindings(owner)
        if isinstance(each, Binding) and (action := action_of(each)) is not None
        for key in each.key.split(",")
    }
    assert promised.items() <= bound.items()


def own_actions(kind: type[object]) -> set[str]:
    """Return the actions that a class defines itself."""
    return {name.removeprefix("action_") for name in vars(kind) if name.startswith("action_")}


def areas() -> list[type[object]]:
    """Return the classes whose methods are the actions of screens that they are not themselves."""
    modules = [*pkgutil.walk_packages(tui.screens.__path__, "tui.screens.")]
    kinds = [kind for each in modules for kind in vars(importlib.import_module(each.name)).values()]
    return [
        kind
        for kind in dict.fromkeys(kind for kind in kinds if isinstance(kind, type))
        if kind.__module__.startswith("tui.") and not issubclass(kind, DOMNode) and own_actions(kind)
    ]


def test_every_action_of_a_class_is_in_the_table() -> None:
    for name, kind in classes().items():
        assert own_actions(kind) <= set(names_of(name)), name
    assert len(areas()) > 10
    for area in areas():
        assert own_actions(area) <= set(names_of("Dashboard")), area


async def test_every_action_of_the_table_is_there(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    for name in OWNERS:
        if name not in WITH_HELP:
            assert all(hasattr(classes()[name], f"action_{action}") for action in names_of(name)), name
    async with opened(project) as pilot:
        seen = set()
        for way in ((), ("enter",), ("escape", "5", "5")):
            await pilot.press(*way)
            screen = pilot.app.screen
            seen.add(type(screen).__name__)
            for name in names_of(type(screen).__name__):
                assert callable(getattr(screen, f"action_{name}", None)), (screen, name)
        assert seen == WITH_HELP


WRITTEN = {
    "CompletingInput", "FilterInput", "CommandLine", "CommandScreen", "Prompt", "VariationScreen", "ExportScreen",
    "HelpScreen",
}  # fmt: skip
"""Lines that one writes in, and questions: a colon is a letter there."""


def test_every_action_has_a_key_a_command_and_a_way_for_the_mouse() -> None:
    with_commands = {
        owner for action in ACTIONS if action.name == "command_palette" for owner in action.owners
    }
    for action in (each for each in ACTIONS if is_command(each) and not WRITTEN & set(each.owners)):
        for key in action.keys:
            assert key.keys or action in {found.action for found in TYPED}, action.name
            assert title_of(key), action.name  # a line among the commands, which a click on it does
        for owner in action.owners:  # a click on the colon in the bar lists them
            if issubclass(classes()[owner], ModalScreen):
                assert owner in with_commands, action.name
                assert re.search(r"yield (KeyBar|Foot)\(\)", inspect.getsource(classes()[owner])), owner
    for owner in with_commands:
        colon = next(each for each in bindings(owner) if isinstance(each, Binding) and each.key == "colon")
        assert colon.show


ACTING = {"do", "do_approved", "queue", "suspend"}
"""What actions call to do something with files and processes, or to have it done by another program."""


def calls(kind: type[object], name: str, seen: frozenset[str] = frozenset()) -> set[str]:
    """Return the names of all that a method calls, and the methods of its class that it calls in turn."""
    source = textwrap.dedent(inspect.getsource(getattr(kind, name)))
    functions = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    called = {function.attr for function in functions if isinstance(function, ast.Attribute)}
    called |= {function.id for function in functions if isinstance(function, ast.Name)}
    own = [each for each in called - seen - {name} if each in vars(kind)]
    return called.union(*(calls(kind, each, seen | called | {name}) for each in own))


def test_what_does_something_with_files_is_said_to_change_something() -> None:
    acting = {
        name.removeprefix("action_")
        for area in areas()
        for name in vars(area)
        if name.startswith("action_") and ACTING & calls(area, name)
    }
    assert acting
    assert acting <= CHANGING
    assert (
        acting | {"save", "new", "undo"} == CHANGING
    )  # forms write by themselves, deeds know what takes them back


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
                    board(pilot).app.message_log.said.clear()  # type: ignore[attr-defined]
                    await pilot.app.run_action(action, node)
                    await pilot.pause()
                    assert toasts(pilot).strip() == READONLY, (type(screen).__name__, action)
                    assert pilot.app.screen is screen
            while len(pilot.app.screen_stack) > screens:
                await pilot.press("escape")
        assert pilot.app.screen is board(pilot)
