"""What is wrong with experiments.toml, as the file is now, for as long as one wants to read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from tui.terminal.dismissal import ClosesOnce


class MistakeScreen(ClosesOnce, ModalScreen[None]):
    """Shows mistakes.

    Args:
        name: The file's name.
        mistakes: A line each; none says that there are none.
        edit: Opens the file at the first of them; None where nothing can.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("MistakeScreen")

    def __init__(self, name: str, mistakes: Sequence[str], edit: Callable[[], None] | None) -> None:
        super().__init__()
        self._name_of_file = name
        self._mistakes = mistakes
        self._edit = edit

    def compose(self) -> ComposeResult:
        """One page that scrolls."""
        count = len(self._mistakes)
        title = f"{count or 'No'} mistake{'s' * (count != 1)} in {self._name_of_file}"
        with VerticalScroll(id="messages") as box:
            box.border_title = Content(clean(title))
            box.border_subtitle = Content(
                f"{'' if self._edit is None else 'e opens it at the first  '}esc close"
            )
            yield Static(Text("\n\n".join(map(clean, self._mistakes)) or "All is well."), markup=False)

    def on_mount(self) -> None:
        """Let the arrows scroll."""
        self.query_one("#messages").focus()

    def action_edit(self) -> None:
        """Open the file in an editor, where there is one."""
        if self._edit is not None:
            self.dismiss()
            self.app.call_later(self._edit)

    def action_close(self) -> None:
        """Go back."""
        self.dismiss()
