"""The app's themes: dark, light and contrast."""

from __future__ import annotations

from rich.terminal_theme import TerminalTheme
from textual.color import Color
from textual.theme import Theme

THEMES = (
    Theme(
        name="vitui-dark",
        primary="#4aa3df",
        secondary="#7a88cf",
        accent="#e0af5a",
        success="#6cc987",
        warning="#e0af5a",
        error="#f27a82",
        foreground="#d5dae1",
        background="#0e1116",
        surface="#12161c",
        panel="#1a2029",
        dark=True,
    ),
    Theme(
        name="vitui-light",
        primary="#185f97",
        secondary="#4a57a8",
        accent="#7f5300",
        success="#186632",
        warning="#7f5300",
        error="#b3242e",
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


def _named_colours(theme: Theme) -> TerminalTheme:
    """Return a theme's own colours under the names that terminals have for them, so that they are read on its grounds.

    ``cyan`` is the accent: what waits and what keys are called has that colour everywhere else.
    """
    error, success, accent, primary, secondary, words, ground = (
        Color.parse(colour or theme.primary).rgb
        for colour in (
            theme.error, theme.success, theme.accent, theme.primary, theme.secondary, theme.foreground, theme.background
        )
    )  # fmt: skip
    return TerminalTheme(ground, words, [ground, error, success, accent, primary, secondary, accent, words])


NAMED_COLOURS = {theme.name: _named_colours(theme) for theme in THEMES}
"""The colours with names of each theme: each row that is drawn asks for them."""
