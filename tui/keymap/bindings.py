"""What is made from the table of actions: bindings, the page of keys, and what is refused or useless now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from textual.binding import Binding, BindingType

from tui.keymap.action import UNLISTED, Action, HelpLine, Hotkey, Situation, call
from tui.keymap.all_keys import LINES

ACTIONS: tuple[Action, ...] = tuple(action for line in LINES for action in line.actions)
CHANGING = frozenset(action.name for action in ACTIONS if action.changes)
"""Names of the actions that change runs, the queue or the configuration."""
OF_NOW = CHANGING | {action.name for action in ACTIONS if action.of_now}
"""Names of the actions that are refused while a moment of the past is shown."""


def bindings(owner: str) -> list[BindingType]:
    """Return the bindings of a screen or a widget, by the name of its class."""
    return [_binding(owner, action, key) for action, key in _keys_of(owner) if key.keys]


def _keys_of(owner: str) -> Iterator[tuple[Action, Hotkey]]:
    for action in ACTIONS:
        if owner in action.owners:
            yield from ((action, key) for key in action.keys if key.only in ("", owner))


def _binding(owner: str, action: Action, key: Hotkey) -> Binding:
    return Binding(
        key.keys, call(action, key), key.words, show=key.on_bar or bool(key.pane), key_display=key.display,
        priority=key.priority, group=key.group, id=_id(owner, action, key),
    )  # fmt: skip


def _id(owner: str, action: Action, key: Hotkey) -> str:
    return f"{owner}.{call(action, key)}:{key.keys}"


class Declared(NamedTuple):
    """Where a binding stands in the table."""

    line: HelpLine
    action: Action
    key: Hotkey


_BY_ID: Mapping[str, Declared] = {
    _id(owner, action, key): Declared(line, action, key)
    for line in LINES
    for action in line.actions
    for owner in action.owners
    for key in action.keys
    if key.only in ("", owner)
}


TYPED = tuple(found for found in _BY_ID.values() if not found.key.keys)
"""What has no key, and is done by a command alone."""


def declared(binding: Binding) -> Declared | None:
    """Return where the table has a binding; None for those of Textual's own classes."""
    return _BY_ID.get(binding.id) if binding.id is not None else None


def action_of(binding: Binding) -> Action | None:
    """Return the action of the table that a binding was made for; None for those of Textual's own classes."""
    return found.action if (found := declared(binding)) is not None else None


def names_of(owner: str) -> list[str]:
    """Return the names of the actions that a screen or a widget does."""
    does = (
        action.name for action in ACTIONS if owner in ((action.screen,) if action.screen else action.owners)
    )
    return list(dict.fromkeys(does))


def useless(owner: str, now: Situation) -> frozenset[str]:
    """Return the names of the actions of a screen that would do nothing to the runs that are meant."""
    return frozenset(action.name for action in ACTIONS if owner in action.owners and not action.applies(now))


def words_now(owner: str, now: Situation) -> dict[str, str]:
    """Return what actions of a screen do to the runs that are meant, by name, where they say more than always."""
    return {
        action.name: words for action in ACTIONS if owner in action.owners and (words := action.says(now))
    }


def page_of_keys() -> dict[str, list[tuple[str, str]]]:
    """Return the keys and what they do, at length, by section."""
    page: dict[str, list[tuple[str, str]]] = {}
    for line in (line for line in LINES if line.section != UNLISTED):
        page.setdefault(line.section, []).append((line.keys, line.words))
    return page
