"""The commands of a screen: what its keys do, those of its panes that have not the focus, and those of the app."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Input

from tui.keymap.action import UNLISTED, Action, Hotkey, is_command
from tui.keymap.all_keys import LINES
from tui.keymap.bindings import TYPED, Declared, bindings, declared
from tui.views.command_palette.search import Command
from tui.widgets.key_bar import KeyBar

HERE = "Here"
"""The head over what only one screen does, and the page of keys does not have."""
SCREENSHOT = Command(
    "Save a screenshot",
    "",
    "Screen",
    "save what is on the screen as a picture, an SVG file",
    "screenshot",
    "picture svg export image",
)

FIRST = "Run"
"""The group that stands before all others, which are in the order of the page of keys."""
DRAWN_S = 0.1
"""Seconds after which the commands are gone from the screen."""
Does = dict[Command, Callable[[], None]]
"""What each command does."""


def commands_of(app: App[str], screen: Screen[object]) -> Does:
    """Return the commands of a screen, in the order of the page of keys; each does what its key does."""
    useless = {name for bar in screen.query(KeyBar) for name in bar.needless}
    commands: Does = {}
    places: dict[Command, tuple[int, int, int]] = {}
    titles: set[str] = set()
    for node, binding in _bound(screen):
        found = declared(binding)
        if found is None or not is_command(found.action):
            continue
        title = title_of(found.key)
        if not title or title in titles:
            continue
        titles.add(title)
        first = dataclasses.replace(binding, key=binding.key.partition(",")[0])
        command = command_of(found, app.get_key_display(first), useless=found.action.name in useless)
        places[command] = _place(found)
        commands[command] = _deed(app, node, binding.action)
    for found in TYPED:
        command = command_of(found, f":{found.action.name}")
        places[command] = _place(found)
        commands[command] = _deed(app, _owner(app, found.action), found.action.name)
    commands[SCREENSHOT] = _screenshot(app)
    return dict(
        sorted(
            commands.items(),
            key=lambda each: (each[0].group != FIRST, places.get(each[0], (len(LINES), 0, 0))),
        )
    )


def _place(found: Declared) -> tuple[int, int, int]:
    """Return where a key stands in the table."""
    line, action, key = found
    return LINES.index(line), line.actions.index(action), action.keys.index(key)


def title_of(key: Hotkey) -> str:
    """Return what a key is called among the commands; empty for none of them."""
    return key.command or key.words


def command_of(found: Declared, key: str, *, useless: bool = False) -> Command:
    """Return the command of a key.

    Args:
        found: Where it stands in the table.
        key: How it is written.
        useless: Whether it would do nothing now.
    """
    line, action = found.line, found.action
    group = line.group or (line.section if line.section != UNLISTED else HERE)
    is_one = len({title_of(each) for each in action.keys}) == 1
    name = action.name.replace("_", "-") if is_one else ""
    return Command(title_of(found.key), key, group, line.words, name, line.also, useless=useless)


def _deed(app: App[str], node: DOMNode, action: str) -> Callable[[], None]:
    def do() -> None:
        app.call_later(app.run_action, action, node)

    return do


def _owner(app: App[str], action: Action) -> DOMNode:
    """Return the screen that does what has no key."""
    return next(screen for screen in app.screen_stack if type(screen).__name__ in action.owners)


def _screenshot(app: App[str]) -> Callable[[], None]:
    def do() -> None:
        app.set_timer(DRAWN_S, app.deliver_screenshot)

    return do


def _bound(screen: Screen[object]) -> Iterator[tuple[DOMNode, Binding]]:
    """Yield the bindings of a screen and of all that can have the focus on it, each with what has it."""
    for active in screen.active_bindings.values():
        yield active.node, active.binding
    for widget in screen.focus_chain:
        for kind in () if isinstance(widget, Input) else type(widget).__mro__:
            for each in bindings(kind.__name__):
                if isinstance(each, Binding):
                    yield widget, each
