"""The entries of the command palette: the app's own actions, without those that steer Textual's widgets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from textual import events
from textual.app import App, SystemCommand
from textual.errors import NoWidget
from textual.screen import Screen

from tui.keymap.bindings import action_of
from tui.terminal.textual_private import PatientPalette

TEXTUALS = frozenset({"Theme", "Screenshot"})
"""Of Textual's own commands those that mean something here."""


class Palette(PatientPalette):
    """A list of commands or themes to be searched, which a click beside it closes."""

    def on_click(self, event: events.Click) -> None:
        """Pass over a click where the terminal has no cell any longer: Textual would ask what is there."""
        try:
            self.get_widget_at(event.screen_x, event.screen_y)
        except NoWidget:
            event.prevent_default()


def commands(
    app: App[str], screen: Screen[object], of_textual: Iterable[SystemCommand]
) -> Iterator[SystemCommand]:
    """Yield what the keys of a screen do, and Textual's own commands as far as they mean something here."""
    yield from (command for command in of_textual if command.title in TEXTUALS)
    titles = {"Commands"}  # the palette is open already
    for active in screen.active_bindings.values():
        binding = active.binding
        action = action_of(binding)
        if action is None or action.moves or not binding.description or binding.description in titles:
            continue
        titles.add(binding.description)
        yield SystemCommand(
            binding.description,
            f"key {app.get_key_display(binding)}{': ' * bool(binding.tooltip)}{binding.tooltip}",
            lambda node=active.node, action=binding.action: app.call_later(node.run_action, action),
        )
