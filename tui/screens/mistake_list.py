"""What is wrong with experiments.toml, as the file is now, for as long as one wants to read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.text import clean
from tui.keymap.bindings import bindings
from tui.screens.app_protocol import Host
from tui.state.snapshot import Snapshot
from tui.terminal.dismissal import ClosesOnce
from tui.text import mistake_place


class MistakeScreen(ClosesOnce, ModalScreen[None]):
    """Shows the mistakes of the file as it is now, also once it is changed.

    Args:
        host: The screen below, whose snapshots say what is wrong.
        edit: Opens the file at a line; None where nothing can.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("MistakeScreen")

    def __init__(self, host: Host, edit: Callable[[int], None] | None) -> None:
        super().__init__()
        self._host = host
        self._edit = edit
        self._mistakes: list[str] | None = None

    def compose(self) -> ComposeResult:
        """One page that scrolls."""
        with VerticalScroll(id="messages"):
            yield Static(markup=False)

    def on_mount(self) -> None:
        """Follow the file, and let the arrows scroll."""
        self._host.follow(self, self._show)
        self.query_one("#messages").focus()

    def _show(self, snapshot: Snapshot) -> None:
        """Show a line for each mistake; none says that there are none."""
        mistakes = snapshot.config_error.splitlines()
        if mistakes == self._mistakes:
            return
        self._mistakes = mistakes
        count, box = len(mistakes), self.query_one("#messages")
        title = f"{count or 'No'} mistake{'s' * (count != 1)} in {self._host.project.config.name}"
        box.border_title = Content(clean(title))
        can_edit = self._edit is not None and mistakes
        box.border_subtitle = Content(f"{'e opens it at the first  ' if can_edit else ''}esc close")
        self.query_one(Static).update(Text("\n\n".join(map(clean, mistakes)) or "All is well."))

    def action_edit(self) -> None:
        """Open the file in an editor at the first of them, where there is one."""
        if self._edit is not None and self._mistakes:
            self.dismiss()
            self.app.call_later(self._edit, max(1, mistake_place(self._mistakes[0])[1]))

    def action_close(self) -> None:
        """Go back."""
        self.dismiss()
