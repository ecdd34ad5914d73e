"""An experiment as rows to be edited: what each key has, where that comes from, and what is wrong with a change.

Pure: texts of configurations in, rows and mistakes out. ``tui.screens.experiment_form`` shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import tomli

from engine.catalog.recipes import fill, inherited
from engine.config.editor import EditError, clone, name_problem, quoted, set_values, setting_at
from engine.config.loader import notes_on, parse_config
from engine.config.overrides import read_value
from engine.config.schema import DEFAULTS
from engine.config.setting_choices import help_of, keys_of
from engine.config.setting_meanings import key_like, meaning_of
from engine.config.validate import FIELDS, ConfigError, Mistake
from engine.text import did_you_mean

NAME = "name"
"""The row of the experiment's name."""
ValueSource = Literal["changed", "here", "defaults", "recipe", "built in", "unknown"]


@dataclass(frozen=True)
class FormEntry:
    """One key: its value as it is typed, where it comes from, what it takes and what it means."""

    key: str
    value: str
    source: ValueSource
    help: str
    meaning: str = ""
    meant: str = ""
    """For a key that there is not: the one that may be meant, as far as the experiment does not set that."""


@dataclass(frozen=True)
class Form:
    """An experiment of a configuration, and the changes to it."""

    path: Path
    text: str
    """The configuration as it is on disk."""
    experiment: str
    new_name: str | None = None
    """What a copy is to be called; None when the experiment itself is changed."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """The new value of each changed key; None for a key that is inherited again."""

    def with_value(self, key: str, text: str) -> Form:
        """Return the form with another value for a key; an empty text is no value of its own."""
        if key == NAME:
            return replace(self, new_name=text.strip() if text.strip() not in ("", self.experiment) else None)
        value = read_value(key, text.strip()) if text.strip() else None
        return replace(self, changes={**self.changes, key: value})

    def taken_for(self, entry: FormEntry) -> Form:
        """Return the form with the value of a key that there is not as that of the key which is meant."""
        value = _value(self._own, entry.key)
        return replace(self, changes={**self.changes, entry.key: None, entry.meant: value})

    @cached_property
    def edited(self) -> str:
        """The configuration with the changes in it.

        Raises:
            EditError: They cannot be made.
        """
        text, name = self.text, self.experiment
        if self.new_name is not None:
            text, name = clone(text, name, self.new_name), self.new_name
        return set_values(text, name, self.changes)

    @cached_property
    def mistakes(self) -> list[str]:
        """What is wrong with the configuration as edited and was not before, one line each."""
        try:
            edited = self.edited
        except EditError as error:
            return [str(error)]
        messages_before = {each.message for each in _mistakes(self.text, self.path)}
        return [str(each) for each in _mistakes(edited, self.path) if each.message not in messages_before]

    @cached_property
    def mistaken_key(self) -> str:
        """The first key of the experiment on disk with which something is wrong; empty where there is none."""
        found = (setting_at(self.text, each.position.line) for each in _mistakes(self.text, self.path))
        own = [key for name, key in found if name == self.experiment]
        return next((entry.key for key in own for entry in self.entries if entry.key == key), "")

    @cached_property
    def notes(self) -> list[str]:
        """What is odd, but not wrong, about the experiment as edited, one sentence each."""
        try:
            config = parse_config(self.edited.replace("\r\n", "\n"), self.path)
        except (EditError, ConfigError):
            return []
        experiment = config.experiments.get(self.new_name or self.experiment)
        return [] if experiment is None else notes_on(experiment)

    @cached_property
    def _document(self) -> dict[str, Any]:
        return tomli.loads(self.text)

    @cached_property
    def _own(self) -> dict[str, Any]:
        """What the experiment sets itself, with the changes."""
        own = dict(_dict(_dict(self._document.get("experiments")).get(self.experiment)))
        own["options"] = dict(_dict(own.get("options")))
        for key, value in self.changes.items():
            group, dot, name = key.partition(".")
            table, last = (own["options"], name) if dot else (own, group)
            table.pop(last, None)
            if value is not None:
                table[last] = (
                    dict(value) if isinstance(value, dict) else value
                )  # what is changed here is a copy
        if not own["options"]:
            del own["options"]
        return own

    @cached_property
    def entries(self) -> list[FormEntry]:
        """All keys in the order of the documentation, with the changes in them; those that there are not come first."""
        defaults, own = _dict(self._document.get("defaults")), self._own
        values = {key: default for key, default in DEFAULTS.items() if key != NAME} | fill([defaults, own])
        recipe = inherited(values)

        def source(key: str) -> ValueSource:
            top, _, option = key.partition(".")
            if key in self.changes:
                return "changed"
            if top in own and (not option or option in own["options"]):
                return "here"
            if top in defaults and (not option or option in _dict(defaults[top])):
                return "defaults"
            return "recipe" if key in recipe else "built in"

        named: ValueSource = "here" if self.new_name is None else "changed"
        return [
            FormEntry(NAME, self.new_name or self.experiment, named, "another name makes a copy"),
            *_unknown_entries(own, keys_of(values)),
            *(
                FormEntry(
                    key, written(_value(values, key)), source(key), help_of(key, values), meaning_of(key)
                )
                for key in keys_of(values)
            ),
        ]

    @property
    def values(self) -> dict[str, Any]:
        """The values as they would be read, by key."""
        known = (entry for entry in self.entries if entry.key != NAME and entry.source != "unknown")
        return {entry.key: read_value(entry.key, entry.value) for entry in known}

    def counted(self) -> Form:
        """Return the form once all that it shows is worked out, which takes some milliseconds.

        Raises:
            ValueError: The configuration is no TOML.
        """
        _ = self.entries, self.mistakes, self.mistaken_key, self.notes
        return self

    @property
    def is_changed(self) -> bool:
        """Whether saving it would change the file."""
        return bool(self.changes) or self.new_name is not None


def _unknown_entries(own: Mapping[str, Any], known: Sequence[str]) -> Iterator[FormEntry]:
    """Yield a row for each key of an experiment that there is not, with the one that may be meant."""
    options = [key for key in known if key.startswith("options.")]
    written_keys = [key for key in own if key not in FIELDS and key != NAME and "." not in key]
    if options:
        written_keys += [f"options.{name}" for name in own.get("options", ()) if "." not in name]
    for key in written_keys:
        if key in options:
            continue
        meant = _meant(key, _value(own, key), options)
        help_text = f"unknown key{did_you_mean(meant)}"
        if meant is not None and _value(own, meant) is not None:
            help_text, meant = f"{help_text} {meant} is set too", None
        yield FormEntry(key, written(_value(own, key)), "unknown", help_text, meant=meant or "")


def _meant(key: str, value: object, options: Sequence[str]) -> str | None:
    """Return the key that an unknown one with a value may mean; of an option among those of the model."""
    group, dot, name = key.rpartition(".")
    if dot:
        like = key_like(name, [option.removeprefix(f"{group}.") for option in options])
        return like and f"{group}.{like}"
    like = key_like(key, FIELDS)
    return None if like == "options" and not isinstance(value, dict) else like


def passing(entries: Sequence[FormEntry], words: str) -> list[FormEntry]:
    """Return the entries whose key, value, help or meaning have all of some words.

    First are those that have them in their keys, then those whose meaning is little besides: ``lr`` for ``learn``.
    """
    wanted = words.lower().split()

    def place(entry: FormEntry) -> tuple[bool, int]:
        in_key = all(word in entry.key for word in wanted)
        return not in_key, 0 if in_key else len(entry.meaning or entry.help)

    found = [
        entry
        for entry in entries
        if all(word in f"{entry.key} {entry.value} {entry.help} {entry.meaning}".lower() for word in wanted)
    ]
    return sorted(found, key=place) if wanted else found


def name_mistake(form: Form, name: str) -> str | None:
    """Return why the copy cannot have that name, None if it can."""
    return name_problem(name, _dict(tomli.loads(form.text).get("experiments")))


def free_name(form: Form) -> str:
    """Return a name for a copy that is not taken: the experiment's with a number."""
    number = 2
    while name_mistake(form, name := f"{form.experiment}-{number}") is not None and number < 1000:
        number += 1
    return name


def written(value: Any) -> str:
    """Return a value as it is typed: a string without quotes, anything else as TOML has it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_nested(part)}" for key, part in value.items()) + "}"
    return _nested(value)


def _nested(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_nested, value))}]"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _mistakes(text: str, path: Path) -> list[Mistake]:
    """Return what is wrong with a configuration."""
    try:
        parse_config(text.replace("\r\n", "\n"), path)
    except ConfigError as error:
        return error.mistakes
    return []


def _value(values: Mapping[str, Any], key: str) -> Any:
    top, dot, option = key.partition(".")
    return _dict(values.get(top)).get(option) if dot else values.get(top)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
