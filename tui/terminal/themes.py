"""The app's themes: dark, light and contrast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.theme import Theme

if TYPE_CHECKING:
    pass


THEMES = (
    Theme(
        name="vitui-dark",
        primary="#4aa3df",
        secondary="#7a88cf",
        accent="#e0af5a",
        success="#5fbf77",
        warning="#e0af5a",
        error="#ef6b73",
        foreground="#d5dae1",
        background="#0e1116",
        surface="#12161c",
        panel="#1a2029",
        dark=True,
    ),
    Theme(
        name="vitui-light",
        primary="#1f6fb2",
        secondary="#5361b8",
        accent="#9a6a00",
        success="#1f7a3d",
        warning="#9a6a00",
        error="#c0303a",
        foreground="#1d232b",
        background="#fbfbf9",
        surface="#f4f4f1",
        panel="#e9e9e4",
        dark=False,
    ),
    Theme(
        name="vitui-contrast",
        primary="#ffd700",
        secondary="#7fdfff",
        accent="#ffd700",
        success="#5fff87",
        warning="#ffd700",
        error="#ff8787",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#1c1c1c",
        dark=True,
    ),
)
