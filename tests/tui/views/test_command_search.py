"""Commands are found by name, key, and the words of others; every key of a screen is one, with a group and a noun."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.binding import Binding
from textual.screen import ModalScreen
from textual.widgets import Input

from tests.tui.keymap.test_all_keys import classes
from tui.keymap.action import is_command
from tui.keymap.bindings import ACTIONS, TYPED, bindings, declared
from tui.screens.command_palette.commands_from_keys import HERE, command_of
from tui.views.command_palette.search import Command, begun, found, unknown

BOARD = ("Dashboard", "RunList", "VituiApp")


def commands_of(*owners: str) -> list[Command]:
    declarations = (
        declared(each) for owner in owners for each in bindings(owner) if isinstance(each, Binding)
    )
    commands = [command_of(each, each.key.keys) for each in declarations if each and is_command(each.action)]
    commands += [command_of(each, ":") for each in TYPED if set(owners) & set(each.action.owners)]
    return list({command.title: command for command in reversed(commands)}.values())[::-1]


ALL = commands_of(*BOARD)


def titles(text: str, lately: tuple[str, ...] = ()) -> list[str]:
    return [command.title for _, commands in found(ALL, text, lately) for command in commands]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("kill", "Stop or cancel runs"), ("cancel", "Stop or cancel runs"), ("stop", "Stop or cancel runs"),
        ("delete", "Delete runs"), ("rm", "Delete runs"), ("check", "Mistakes in experiments.toml"),
        ("mistake", "Mistakes in experiments.toml"),
        ("doctor", "Mistakes in experiments.toml"),
        (":q", "Leave the app"), ("quit", "Leave the app"),
        ("lr", "Run with changes"), ("r", "Run experiment"), ("x", "X axis: the next"),
        (":messages", "Show messages"), ("messages", "Show messages"),
        ("smoothing off", "Smoothing: off"), ("lin log", "Y axis: linear or log"), ("columns", "Choose columns"),
        ("gpu", "Show machine and queue"), ("undo", "Undo the last deed"), ("STOP", "Stop or cancel runs"),
        ("q", "Leave the app"), ("new", "New experiment"), ("work", "Queue: start the worker"),
    ],
)  # fmt: skip
def test_it_is_found_by_what_one_would_call_it(text: str, title: str) -> None:
    assert title in titles(text)[:4]
    if len(text) == 1:
        assert titles(text)[0] == title


def test_the_beginning_of_the_word_for_a_command_finds_it_before_others_that_only_have_such_words() -> None:
    assert titles("col")[0] == titles("column")[0] == "Choose columns"
    for command in (each for each in ALL if each.name):
        for letters in range(2, len(command.name) + 1):
            begin = command.name[:letters]
            first = next(each for _, commands in found(ALL, begin) for each in commands)
            assert first.name.startswith(begin) or begin in (first.key, first.title.casefold()), (
                begin,
                first,
            )


def test_all_are_there_for_no_text_and_of_those_that_fit_alike_the_last_used_comes_first() -> None:
    assert (
        sorted(titles(""))
        == sorted(titles(":"))
        == sorted(titles(": :"))
        == sorted(command.title for command in ALL)
    )
    assert titles("queue", ("Queue: move down",))[0] == "Queue: move down"


def test_of_what_is_not_found_the_nearest_word_is_said() -> None:
    assert titles("stpo") == []
    assert (
        unknown(ALL, "::stpo") == unknown(ALL, ":stpo") == "no command is called 'stpo'; did you mean 'stop'?"
    )


def test_the_beginning_of_a_line_is_enough_where_it_begins_no_other() -> None:
    names = ("sort", "site", "run")
    assert [begun(word, names) for word in ("r", "so", "s", "site", "", "x")] == [
        ["run"], ["sort"], ["sort", "site"], ["site"], [], [],
    ]  # fmt: skip
    lines = [Command(name, f":{name}", "List", name, name, line=f":{name} ") for name in names]
    assert unknown(lines, ":s loss") == "'s' begins :sort and :site: which?"
    assert unknown(lines, ":srt loss").startswith("no command is called")


@given(st.text(max_size=40))
def test_any_text_finds_commands_once_each_or_none(text: str) -> None:
    shown = titles(text)
    assert len(shown) == len(set(shown))
    assert shown or unknown(ALL, text)


NOT_BELOW = {"ColumnList"} | {
    name for name, kind in classes().items() if issubclass(kind, Input | ModalScreen)
}
"""What lies over other screens, and boxes that one types in: commands are asked for elsewhere."""


def test_every_command_has_a_group_a_noun_a_key_and_two_other_words() -> None:
    for owner in sorted({owner for action in ACTIONS for owner in action.owners} - NOT_BELOW):
        for command in commands_of(owner):
            where = f"{owner}: {command.title}"
            assert all((command.title, command.key, command.group, command.words)), where
            assert command.group != HERE, where
            assert len(command.title.split()) > 1, where
            assert len(command.also.split()) > 1, where


@pytest.mark.parametrize(
    "owners",
    [BOARD, ("RunScreen", "LogView", "VituiApp"), ("QueueScreen", "VituiApp"), ("FormScreen", "FormList")],
)
def test_no_two_actions_of_a_screen_have_one_name(owners: tuple[str, ...]) -> None:
    named: dict[str, set[str]] = {}
    for owner in owners:
        for each in bindings(owner):
            if isinstance(each, Binding) and (it := declared(each)) is not None and is_command(it.action):
                named.setdefault(it.key.command or it.key.words, set()).add(it.action.name)
    assert {title: names for title, names in named.items() if len(names) > 1} == {}
