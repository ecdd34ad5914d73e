"""What tests rely on of Textual's private parts, beside what the app does; test_textual_contract.py asserts it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pytest
from textual.app import App
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.events import Key
from textual.keys import _character_to_key

PARSED: dict[Hashable, list[RuleSet]] = {}
"""What Textual made of each style sheet."""


def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pilots look more often whether an app is at rest: most keys take less than the 20 ms they would sleep."""
    monkeypatch.setattr("textual._wait.SLEEP_GRANULARITY", 0.004)
    monkeypatch.setattr("textual._wait.SLEEP_IDLE", 0.0004)


def parse_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parse the same style sheets under the same colours for the first app alone: a quarter of opening one."""
    parse = Stylesheet._parse_rules

    def parse_once(sheet: Stylesheet, *place: Any, **options: Any) -> list[RuleSet]:
        key = (place, *options.items(), *sheet._variables.items())
        if key not in PARSED:
            PARSED[key] = parse(sheet, *place, **options)
        return PARSED[key]

    monkeypatch.setattr(Stylesheet, "_parse_rules", parse_once)


def type_key(app: App[Any], key: str) -> None:
    """Send a key as a driver does that has read it, without waiting for what it does."""
    name = _character_to_key(key) if len(key) == 1 else key
    driver = app._driver
    assert driver is not None
    driver.send_message(Key(name, key if len(key) == 1 else {"space": " ", "enter": "\r"}.get(key)))


def is_leaving(app: App[Any]) -> bool:
    """Return whether an app has ended or is about to."""
    return not app.is_running or app._exit
