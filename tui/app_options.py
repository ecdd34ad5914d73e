"""The app's options, and what it reads from the terminal's environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

READONLY = "Opened read-only: nothing can be changed here."
LOOKS_BACK = "-past"
"""The class of an app that shows a moment of the past: its frames are amber, and nothing can be changed."""


@dataclass(frozen=True)
class Options:
    """What does not change while the app runs."""

    readonly: bool = False
    """Whether nothing can be queued, stopped, resumed or edited."""
    ascii_only: bool = False
    """Whether the screen is drawn in ASCII."""
    state: Path | None = None
    """The folder in which the app keeps what it remembers; None for no memory."""
    theme: str = "vitui-dark"
    """The theme to begin with, where none is remembered."""
    asked_theme: str | None = None
    """The theme that was asked for, whatever is remembered."""
    at: float | None = None
    """The moment of the past to begin with, in seconds since the epoch; None for now."""
    rate: float | None = None
    """Frames a second while runs go on; None for as many as are good on a fast line."""


def theme_of(environment: Mapping[str, str]) -> str:
    """Return the theme that goes with the terminal's colours, as COLORFGBG tells them: ``15;0`` is white on black."""
    background = environment.get("COLORFGBG", "").rpartition(";")[2]
    light = background.isdecimal() and (int(background) == 7 or 9 <= int(background) <= 15)
    return "vitui-light" if light else "vitui-dark"


def readonly(app: object) -> bool:
    """Return whether an app was asked to change nothing."""
    options = getattr(app, "options", None)
    return isinstance(options, Options) and options.readonly


def ascii_only(app: object) -> bool:
    """Return whether an app was asked to draw in ASCII."""
    options = getattr(app, "options", None)
    return isinstance(options, Options) and options.ascii_only
