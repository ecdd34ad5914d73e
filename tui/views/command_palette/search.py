"""Commands found by their names, their keys, and the words that others use for them. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.text import nearest

LONGEST = 200
"""Characters of what is looked for that count."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Command:
    """Something that the app does.

    Args:
        title: Its name, verb and noun; no two on one screen have the same.
        key: The key that does it, as it is written.
        group: The head that it stands under.
        words: What it does, at length.
        name: The one word for it.
        also: Words, with blanks between them, that others look for it by.
        line: The beginning of the line that it is typed as; empty where it is done at once.
        useless: Whether it would do nothing now.
    """

    title: str
    key: str
    group: str
    words: str
    name: str = ""
    also: str = ""
    line: str = ""
    useless: bool = False


def asked(text: str) -> str:
    """Return what a text looks for: colons before it are how commands are typed, and nothing more."""
    return text.strip().lstrip(": ").strip()[:LONGEST]


def found(
    commands: Sequence[Command], text: str, lately: Sequence[str] = ()
) -> list[tuple[str, list[Command]]]:
    """Return the commands that every word of a text finds, by their groups: the best first, then the last used.

    Args:
        commands: All of them, those of one group together.
        text: What was typed; all commands for nothing.
        lately: The titles of those that were used, the last first.
    """
    groups: dict[str, list[Command]] = {}
    if not (looked_for := asked(text)):
        for command in commands:
            groups.setdefault(command.group, []).append(command)
        return list(groups.items())
    scored = [
        (score, lately.index(command.title) if command.title in lately else len(lately), at)
        for at, command in enumerate(commands)
        if (score := misfit(command, looked_for)) is not None
    ]
    for _, _, at in sorted(scored):
        groups.setdefault(commands[at].group, []).append(commands[at])
    return list(groups.items())


def begun(word: str, names: Collection[str]) -> list[str]:
    """Return the names that a word begins; where it is one of them, that alone."""
    if word in names:
        return [word]
    return [name for name in names if word and name.startswith(word)]


def unknown(commands: Collection[Command], text: str) -> str:
    """Return a sentence on a text that finds no command, with the nearest word that finds one, or those it begins."""
    name, blank, _ = asked(text).partition(" ")
    if blank and len(several := begun(name, [each.name for each in commands if each.line])) > 1:
        return f"{name!r} begins {' and '.join(f':{each}' for each in several)}: which?"
    known = {
        word: None
        for command in commands
        for word in (command.name, *_words(command.title), *_words(command.also))
    }
    return f"no command is called {asked(text)!r}{nearest(asked(text), filter(None, known))}"


def misfit(command: Command, text: str) -> int | None:
    """Return how badly a text fits a command, 0 for its own name or key; None where a word of it does not fit.

    The beginning of the one word for it comes before words of its title, those before what others call it, a whole word
    before the beginning of one, that before a part of one, and what it does at length last.
    """
    if (
        text in (command.name, command.key, command.key.removeprefix(":"))
        or text.casefold() == command.title.casefold()
    ):
        return 0
    begins = command.name.startswith(text.casefold())
    if text.casefold() in _words(command.also) and not begins:  # whole: before what only begins so
        return 3
    total = 1
    for word in text.casefold().split():
        fit = _fit(command, word)
        if fit is None:
            return None
        total += fit
    return total


def _fit(command: Command, word: str) -> int | None:
    title, also = _words(command.title), _words(command.also)
    if command.name.startswith(word):
        return 1
    if word in title or word in also:
        return 2 if word in title else 3
    if any(each.startswith(word) for each in title):
        return 3
    if any(each.startswith(word) for each in also):
        return 4
    if any(each.startswith(word) for each in (*_words(command.words), *_words(command.group))):
        return 6
    return 9 if word in command.title.casefold() or word == command.key.casefold() else None


@lru_cache(1024)
def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.casefold()))
