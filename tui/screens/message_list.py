"""All that the app has said, the newest first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.text import printable_lines
from tui.keymap.bindings import bindings
from tui.state.message_log import Said
from tui.terminal.dismissal import ClosesOnce
from tui.widgets.key_bar import KeyBar

NONE = "nothing has been said yet"


class MessageScreen(ClosesOnce, ModalScreen[None]):
    """Shows messages with their times.

    Args:
        said: The messages, the oldest first.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("MessageScreen")

    def __init__(self, said: Sequence[Said]) -> None:
        super().__init__()
        self._said = list(said)

    def compose(self) -> ComposeResult:
        """One page that scrolls, over its keys."""
        with VerticalScroll(id="messages") as box:
            box.border_title = "Messages"
            box.border_subtitle = "esc close"
            yield Static(self._page(), markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Let the arrows scroll."""
        self.query_one("#messages").focus()

    def _page(self) -> Text:
        colours = self.app.theme_variables
        lines = [
            Text.assemble(
                (time.strftime("%H:%M:%S  ", time.localtime(each.time)), "dim"),
                (f"{each.title}: " * bool(each.title), colours.get(each.severity, "")),
                printable_lines(each.text).replace("\n", "\n          "),
            )
            for each in reversed(self._said)
        ]
        return Text("\n").join(lines) if lines else Text(NONE)

    def action_close(self) -> None:
        """Go back."""
        self.dismiss()
