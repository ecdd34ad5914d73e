"""The table [notify] of experiments.toml: who is told of what happens to runs, and how."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta

from engine.config.schema import Text, Words
from engine.config.validate import ConfigError, Mistake, convert_fields
from engine.system.permissions import who_else_can_write
from engine.text import nearest

Occasion = Literal["finished", "failed", "alarm", "queue-empty"]
OCCASIONS: tuple[Occasion, ...] = get_args(Occasion)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})")


class Notify(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where messages go, and on which occasions."""

    command: Words = []
    """A program that gets each message on its standard input."""
    url: Text = ""
    """An address that each message is posted to; $NAME stands for a variable of the environment."""
    on: Annotated[
        list[Occasion],
        Meta(
            min_length=1,
            description=f"a list of {', '.join(map(repr, OCCASIONS[:-1]))} and {OCCASIONS[-1]!r}",
        ),
    ] = msgspec.field(default_factory=lambda: list(OCCASIONS))

    @property
    def variables(self) -> list[str]:
        """The names of the variables in the address."""
        return [one or other for one, other in _VARIABLE.findall(self.url)]

    def address(self, environment: Mapping[str, str] = os.environ) -> str:
        """Return the address with the values of its variables, which is shown and written nowhere.

        Raises:
            ValueError: A variable is not set, or the address is none that messages can go to; the text has no values.
        """
        for name in self.variables:
            if not environment.get(name):
                raise ValueError(f"${name} is not set in the environment of what sends it")
        address = _VARIABLE.sub(lambda match: environment[match[1] or match[2]].strip(), self.url)
        if wrong := _wrong_address(address, has_secret=bool(self.variables)):
            names = ", ".join(f"${name}" for name in self.variables)
            raise ValueError(f"{names} make no address: {wrong}" if names else wrong)
        return address


FIELDS: dict[str, Any] = get_type_hints(Notify, include_extras=True)
"""The keys of the table, each with its type."""
Report = Callable[[str, str], None]


def build_notify(table: Mapping[str, Any], report: Report) -> Notify | None:
    """Return what a table [notify] says, or None after reporting what is wrong with it.

    Args:
        table: A value for each key; unknown keys have been reported.
        report: Called with the key and a sentence for each mistake.
    """
    fields = {key: value for key, value in table.items() if key in FIELDS}
    values, failed = convert_fields(fields, FIELDS, Notify, report)
    if failed:
        return None
    notify = Notify(**values)
    wrong = dict(_impossible(notify))
    for key, message in wrong.items():
        report(key, message)
    return None if wrong else notify


def read_notify(path: Path) -> Notify | None:
    """Return the table of a file whose other tables may have mistakes; None without the file or the table.

    What it says is executed without a question, so others must not be able to write it.

    Raises:
        ConfigError: It cannot be read, or used.
    """
    import tomli  # a worker without the file needs none of it

    try:
        document = tomli.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError([Mistake(str(path), f"it cannot be read: {error}")]) from None
    table = document.get("notify")
    if table is None:
        return None
    if not isinstance(table, dict):
        raise ConfigError([Mistake(str(path), "[notify] has to be a table")])
    mistakes = [
        Mistake(str(path), f"unknown key {key!r} in [notify]{nearest(key, FIELDS)}")
        for key in table
        if key not in FIELDS
    ]
    notify = build_notify(
        table, lambda key, message: mistakes.append(Mistake(str(path), f"{key} in [notify]: {message}"))
    )
    if others := who_else_can_write(path.resolve()):
        mistakes.append(Mistake(str(path), _exposed(others, path)))
    if mistakes:
        raise ConfigError(mistakes)
    return notify


def notes_on_notify(notify: Notify | None, path: Path) -> list[str]:
    """Return why no message could be sent from here, though the table is right: a sentence each."""
    if notify is None:
        return []
    notes = [
        f"[notify]: ${name} is not set here; a worker that is started here cannot send"
        for name in notify.variables
        if not os.environ.get(name)
    ]
    try:
        others = who_else_can_write(path.resolve())
    except OSError:
        others = ""
    return [*notes, *([_exposed(others, path)] if others else [])]


def _exposed(others: str, path: Path) -> str:
    return f"[notify] is not used, as {others} can write {path}: `chmod go-w {path}`"


def _impossible(notify: Notify) -> list[tuple[str, str]]:
    """Return ``(key, why)`` for what is of the right type and wrong."""
    if bool(notify.command) == bool(notify.url):
        both = (
            "is there beside command: leave one of them out"
            if notify.url
            else "and command are missing: set one"
        )
        return [("url", both)]
    if notify.command and (not notify.command[0].strip() or any("\0" in word for word in notify.command)):
        return [("command", "its first word has to be a program, and no word has a null character")]
    starts_unknown = _VARIABLE.match(notify.url) is not None  # all of it may be in the environment
    if notify.url and not starts_unknown:
        wrong = _wrong_address(notify.url, has_secret=bool(notify.variables))
        return [("url", wrong)] if wrong else []
    return []


def _wrong_address(address: str, *, has_secret: bool) -> str:
    """Return why messages cannot go to an address, without quoting it; empty where they can."""
    from urllib.parse import urlsplit  # most commands need none of it

    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is no address such as 'https://host/path'"
    if not address.isascii() or not address.isprintable() or " " in address:
        return "it has characters that no address has: write them as %XX"
    if parts.scheme not in ("https", "http") or not host:
        return "it has to begin with https://, http:// or $NAME"
    if parts.username is not None or parts.password is not None:
        return "it has a name or password before the host, which is not sent: `command` with curl does that"
    if parts.scheme == "http" and has_secret and host not in LOOPBACK:
        return "a secret goes over https:// alone, or to this machine"
    return ""
