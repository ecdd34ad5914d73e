"""Changes to experiments.toml as a person would make them: everything else in it stays, comments and order included.

Text in, text out. tomlkit puts another value in the place of one; a new key goes right below the last one of its
table. Either way the new text is read again and compared with what it should hold.
"""

from __future__ import annotations

import copy
import json
import pprint
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli
import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from engine.config.toml_positions import KeyPath, TomlStatement, statements
from engine.errors import UserError
from engine.system.files import write_atomic

HOME = "experiments"


class EditError(UserError):
    """A file cannot be changed as asked."""


class StaleError(EditError):
    """A file is no longer what was changed."""


def set_values(text: str, experiment: str, changes: Mapping[str, Any]) -> str:
    """Return the text of a configuration with other values for some keys of an experiment.

    Args:
        text: TOML; its line ends are kept.
        experiment: The name of an experiment in it.
        changes: The new value of each key; None takes the key out, with the comment on its line. ``options.NAME``
            stands for one option.

    Raises:
        EditError: There is no such experiment, or it is written in a way that only an editor can change.
    """
    table = _table(_data(text), experiment)
    for key, value in _one_by_one(changes, table):
        group, dot, name = key.partition(".")
        path = (HOME, experiment, group, name) if dot else (HOME, experiment, key)
        text = _with_ends_of(text, _set(_plain(text), path, value))
    return text


def clone(text: str, experiment: str, new_name: str) -> str:
    """Return the text of a configuration with a copy of an experiment right below it, under another name.

    Raises:
        EditError: There is no such experiment, or the name is taken or no name.
    """
    data = _data(text)
    target = copy.deepcopy(data)
    target[HOME][new_name] = copy.deepcopy(_table(data, experiment))
    if (problem := name_problem(new_name, data[HOME])) is not None:
        raise EditError(problem)
    plain = _plain(text)
    return _with_ends_of(text, _first_right([_copied(plain, experiment, new_name)], target, new_name))


def name_problem(name: str, taken: Mapping[str, Any]) -> str | None:
    """Return why a new experiment cannot have that name, None if it can."""
    if not name.strip() or len(name) > 120 or not name.isprintable():
        return f"{name!r} is no name: 1 to 120 printable characters"
    return f"there is an experiment {name!r} already" if name in taken else None


def line_of(text: str, experiment: str) -> int:
    """Return the line on which an experiment begins, counted from 1; 1 if there is none."""
    return next((line for line, path in _lines(text) if path[:2] == (HOME, experiment)), 1)


def setting_at(text: str, line: int) -> tuple[str | None, str]:
    """Return the experiment that a line is of, counted from 1, and its key there, as ``options.NAME`` for an option.

    Returns:
        None for a line of no experiment; an empty key for the header of one.
    """
    before = [path for begins, path in _lines(text) if begins <= line]
    path = before[-1] if before else ()
    if len(path) < 2 or path[0] != HOME:
        return None, ""
    return path[1], ".".join(path[2:4] if path[2:3] == ("options",) else path[2:3])


def _lines(text: str) -> list[tuple[int, KeyPath]]:
    """Return the line of each statement, and the path of what it says; nothing for what is no TOML."""
    try:
        return [(each.line, each.table + each.key) for each in statements(_plain(text))]
    except (ValueError, RecursionError):
        return []


def read(path: Path) -> str:
    """Return the text of a configuration, its line ends as they are.

    Raises:
        EditError: It cannot be read.
    """
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise EditError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise EditError(f"{path} is not UTF-8 text") from None


def save(path: Path, before: str, after: str) -> None:
    """Put another text into a file, all at once.

    Raises:
        StaleError: It no longer holds ``before``.
        EditError: It cannot be written.
    """
    if read(path) != before:
        raise StaleError(f"{path} has changed on disk meanwhile")
    target = path.resolve()  # a link stays a link
    try:
        mode = stat.S_IMODE(target.stat().st_mode)
        write_atomic(target, after.encode(), sync=True)
        target.chmod(mode)
    except OSError as error:
        raise EditError(f"{path} cannot be written: {error.strerror}") from None


def _one_by_one(changes: Mapping[str, Any], table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the changes, a table's in the place of another key by key: so its comments stay."""
    for key, value in changes.items():
        before = table.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            yield from ((f"{key}.{name}", value.get(name)) for name in {**before, **value})
        else:
            yield key, value


def _set(text: str, path: KeyPath, value: Any) -> str:
    target = copy.deepcopy(_data(text))
    table = target
    for part in path[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise EditError(f"{'.'.join(path[2:-1])} of experiment {path[1]!r} is no table")
    is_set = path[-1] in table
    if value is not None:
        table[path[-1]] = value
    elif not is_set:
        return text
    else:
        del table[path[-1]]
        return _first_right([_replaced(text, path, None)], target, path[1])
    ways = (
        [_replaced(text, path, value)]
        if is_set
        else [_added(text, path, value), _replaced(text, path, value)]
    )
    return _first_right(ways, target, path[1])


def _first_right(ways: list[str | None], target: Mapping[str, Any], experiment: str) -> str:
    """Return the first text that holds what is wanted."""
    for text in ways:
        if text is not None and _holds(text, target):
            return text
    raise EditError(f"experiment {experiment!r} is written in a way that only an editor can change")


def _holds(text: str, target: Mapping[str, Any]) -> bool:
    try:
        parsed = tomli.loads(text)
    except (ValueError, RecursionError):
        return False
    return pprint.pformat(parsed) == pprint.pformat(dict(target))  # tells 1 from 1.0 and true, and knows nan


def _replaced(text: str, path: KeyPath, value: Any) -> str | None:
    """Return the text with the value of a key replaced, or the key taken out."""
    try:
        document = tomlkit.parse(text)
        table: Any = document
        for part in path[:-1]:
            if part not in table:
                table[part] = tomlkit.inline_table()
            table = table[part]
        if value is None:
            del table[path[-1]]
        else:
            table[path[-1]] = _item(value)
        return document.as_string()
    except (TOMLKitError, KeyError, TypeError, ValueError, RecursionError):
        return None


def _added(text: str, path: KeyPath, value: Any) -> str | None:
    """Return the text with a key more, below the last statement of the nearest table that has a header."""
    last: dict[KeyPath, TomlStatement] = {statement.table: statement for statement in statements(text)}
    home = next((path[:depth] for depth in range(len(path) - 1, 0, -1) if path[:depth] in last), None)
    if home is None:
        return None
    after = last[home]
    indent = re.match(r"[ \t]*", after.lines[0])
    line = f"{indent[0] if indent else ''}{_dotted(path[len(home) :])} = {_item(value).as_string()}"
    lines = text.split("\n")
    lines.insert(after.line - 1 + len(after.lines), line)
    return "\n".join(lines)


def _copied(text: str, experiment: str, new_name: str) -> str:
    """Return the text with a copy of an experiment's lines below them, or of its values at the end."""
    lines, groups = text.split("\n"), list(_groups(text, experiment))
    if not groups:
        values = _table(_data(text), experiment)
        body = [f"{_dotted((key,))} = {_item(value).as_string()}" for key, value in values.items()]
        return "\n".join([text.rstrip("\n"), "", f"[{_dotted((HOME, new_name))}]", *body, ""])
    copied = [""]
    for group in groups:
        headers = {statement.line: statement for statement in group if not statement.key}
        for number in range(group[0].line, group[-1].line + len(group[-1].lines)):
            line = lines[number - 1]
            copied.append(_renamed(headers[number], new_name) if number in headers else line)
    end = groups[-1][-1].line - 1 + len(groups[-1][-1].lines)
    return "\n".join([*lines[:end], *copied, *lines[end:]])


def _groups(text: str, experiment: str) -> Iterator[list[TomlStatement]]:
    """Yield the statements under an experiment's headers, those together that nothing else parts."""
    group: list[TomlStatement] = []
    for statement in statements(text):
        if statement.table[:2] == (HOME, experiment):
            group.append(statement)
        elif group:
            yield group
            group = []
    if group:
        yield group


def _renamed(header: TomlStatement, name: str) -> str:
    """Return a header's line with another name for the experiment, and the comment that it has."""
    line = header.lines[0]
    ends = (index + 1 for index, letter in enumerate(line) if letter == "]")
    end = next((end for end in ends if _holds(line[:end], tomli.loads(line))), len(line))
    return f"[{_dotted((HOME, name, *header.table[2:]))}]{line[end:]}"


def _dotted(path: KeyPath) -> str:
    """Return a key as TOML; the names of experiments are quoted, as everywhere in such files."""
    return ".".join(part if re.fullmatch(r"[A-Za-z0-9_]+", part) else quoted(part) for part in path)


def quoted(text: str) -> str:
    """Return a text as a string of TOML: JSON's, but for one character that TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _item(value: Any) -> tomlkit.items.Item:
    if not isinstance(value, dict):
        item: tomlkit.items.Item = tomlkit.item(value)
        return item
    table: InlineTable = tomlkit.inline_table()
    for key, part in value.items():
        table.append(tomlkit.key(key), _item(part))
    return table


def _data(text: str) -> dict[str, Any]:
    try:
        return tomli.loads(text)
    except (ValueError, RecursionError) as error:
        raise EditError(f"this is not TOML: {error}") from None


def _table(data: Mapping[str, Any], experiment: str) -> dict[str, Any]:
    experiments = data.get(HOME)
    table = experiments.get(experiment) if isinstance(experiments, dict) else None
    if not isinstance(table, dict):
        raise EditError(f"there is no experiment {experiment!r} in the file")
    return table


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n")


def _with_ends_of(original: str, text: str) -> str:
    return text.replace("\n", "\r\n") if "\r\n" in original else text
