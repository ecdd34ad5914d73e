"""What tests rely on of Textual's private parts, beside what the app does; test_textual_contract.py asserts it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from textual._compositor import Compositor
from textual.app import App
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.events import Key
from textual.keys import _character_to_key
from textual.pilot import Pilot

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


@contextmanager
def painting_at_rest() -> Iterator[None]:
    """Have apps paint when a pilot pauses, and not the frames in between that nobody sees: a quarter of their time."""
    render, pause = Compositor.render_update, Pilot.pause

    def later(compositor: Compositor, full: bool = False, **options: Any) -> Any:
        return render(compositor, full=full, **options) if full else None  # what is dirty stays so

    async def paused(pilot: Pilot[Any], delay: float | None = None) -> None:
        await pause(pilot, delay)
        render(pilot.app.screen._compositor, screen_stack=pilot.app._background_screens)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Compositor, "render_update", later)
        patch.setattr(Pilot, "pause", paused)
        yield


def type_key(app: App[Any], key: str) -> None:
    """Send a key as a driver does that has read it, without waiting for what it does."""
    name = _character_to_key(key) if len(key) == 1 else key
    driver = app._driver
    assert driver is not None
    driver.send_message(Key(name, key if len(key) == 1 else {"space": " ", "enter": "\r"}.get(key)))


def is_leaving(app: App[Any]) -> bool:
    """Return whether an app has ended or is about to."""
    return not app.is_running or app._exit
