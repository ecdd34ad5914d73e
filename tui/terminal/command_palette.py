"""The entries of the command palette: the app's own actions, without those that steer Textual's widgets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen

TEXTUALS = frozenset({"Theme", "Screenshot"})
"""Of Textual's own commands those that mean something here."""
MOVING = ("move(", "scroll", "cursor(")
"""How actions begin that keys alone are good for."""


def commands(
    app: App[str], screen: Screen[object], of_textual: Iterable[SystemCommand]
) -> Iterator[SystemCommand]:
    """Yield what the keys of a screen do, and Textual's own commands as far as they mean something here."""
    yield from (command for command in of_textual if command.title in TEXTUALS)
    said = {"Commands"}  # the palette is open already
    for active in screen.active_bindings.values():
        binding = active.binding
        if binding.description in said or not binding.description or not _is_ours(active.node, binding):
            continue
        said.add(binding.description)
        yield SystemCommand(
            binding.description,
            f"key {app.get_key_display(binding)}{': ' * bool(binding.tooltip)}{binding.tooltip}",
            lambda node=active.node, action=binding.action: app.call_later(node.run_action, action),
        )


def _is_ours(node: DOMNode, binding: Binding) -> bool:
    """Return whether a class of this program binds the action: each Textual class brings keys of its own along."""
    own = (kind for kind in type(node).__mro__ if kind.__module__.startswith("tui."))
    bound = {
        each.action for kind in own for each in vars(kind).get("BINDINGS", ()) if isinstance(each, Binding)
    }
    return binding.action in bound and not binding.action.startswith(MOVING)
