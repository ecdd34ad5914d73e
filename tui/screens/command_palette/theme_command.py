"""The command ``:theme NAME``: the colours of the screen, each seen while it is chosen."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import App

from engine.config.setting_choices import starting_with
from engine.text import nearest
from tui.screens.command_palette.line_command import LineCommand, Meaning
from tui.views.command_palette.search import Command

OURS = "vitui-"
"""What the names of the app's own themes begin with; it may be left out."""


class ThemeCommand(LineCommand):
    """``:theme NAME``: seen at once, kept by enter."""

    command = Command(
        "Theme: the colours", ":theme", "Screen", "choose the colours of the screen; each is shown while it is chosen",
        "theme", "dark light contrast appearance skin color scheme", ":theme ",
    )  # fmt: skip
    at_once = True

    def __init__(self, app: App[str]) -> None:
        self._app = app
        self._before = app.theme

    def offers(self, text: str) -> Mapping[str, str]:
        """Return the names of themes, the app's own first."""
        before = self._before.removeprefix(OURS)
        return {
            name: "as it is" if name == before else "" for name in starting_with(text.strip(), self._names())
        }

    def meaning(self, text: str) -> Meaning:
        """Return which theme is meant."""
        names, name = self._names(), text.strip().removeprefix(OURS)
        if name in names:
            return Meaning(
                [f"theme {name}: enter keeps it, esc takes it back"], do=lambda: self._take(names[name])
            )
        unknown = f"there is no theme {name!r}{nearest(name, names)}"
        if name and not starting_with(name, names):
            return Meaning(wrong=unknown)
        return Meaning(["choose a theme: ↑↓ shows it"], lacks=unknown if name else "which theme?")

    def preview(self, text: str) -> None:
        """Show a theme; the one that it was for no name and an unknown one."""
        self._app.theme = self._names().get(text.strip().removeprefix(OURS), self._before)

    def _take(self, name: str) -> None:
        self._app.theme = name

    def _names(self) -> dict[str, str]:
        """Return the themes by the names that are typed."""
        names = sorted(self._app.available_themes, key=lambda name: not name.startswith(OURS))
        return {name.removeprefix(OURS): name for name in names}
