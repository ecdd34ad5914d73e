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
from tui.screens.app_protocol import Host
from tui.state.snapshot import Snapshot
from tui.terminal.dismissal import ClosesOnce
from tui.text import mistake_place, without_known
from tui.widgets.key_bar import KeyBar


class MistakeScreen(ClosesOnce, ModalScreen[None]):
    """Shows the mistakes of the file as it is now, also once it is changed.

    Args:
        host: The screen below, whose snapshots say what is wrong.
        edit: Opens the file at a line; None where nothing can.
        notes: What is odd about the file, for as long as nothing is wrong with it.
        has_editor: Whether that is in an editor; else it is in the form.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("MistakeScreen")

    def __init__(
        self,
        host: Host,
        edit: Callable[[int], None] | None,
        notes: Sequence[str] = (),
        *,
        has_editor: bool = True,
    ) -> None:
        super().__init__()
        self._has_editor = has_editor
        self._notes = notes
        self._host = host
        self._edit = edit
        self._mistakes: list[str] | None = None
        self._at = 0
        """Which of them is chosen."""

    def compose(self) -> ComposeResult:
        """One page that scrolls, over its keys."""
        with VerticalScroll(id="messages"):
            yield Static(markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Follow the file, and let the arrows scroll."""
        if not self._has_editor:
            self.query_one(KeyBar).wording = {"edit": "Open the form"}
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
        mends = "e mends it  " if self._edit is not None and mistakes else ""
        box.border_subtitle = Content(f"{'↑ ↓ choose  ' if count > 1 else ''}{mends}esc close")
        self.action_choose(0)

    def action_choose(self, rows: int) -> None:
        """Choose another mistake, so many further down; where there is none to choose, scroll."""
        mistakes = self._mistakes or []
        if rows and len(mistakes) < 2:
            self.query_one("#messages", VerticalScroll).scroll_relative(y=rows, animate=False)
            return
        self._at = max(0, min(self._at + rows, len(mistakes) - 1))
        several, page, above = len(mistakes) > 1, Text(), ""
        for at, each in enumerate(mistakes):
            if at == self._at:
                above = page.plain
            mark = ("› " if at == self._at else "  ") * several
            page.append(
                f"{mark}{clean(without_known(each))}\n\n", "bold" if several and at == self._at else ""
            )
        page.rstrip()
        box, shown = self.query_one("#messages", VerticalScroll), self.query_one(Static)
        odd = "".join(f"\n\nnote: {clean(note)}" for note in self._notes)
        shown.update(page if mistakes else f"{'Nothing is wrong.' if odd else 'All is well.'}{odd}")
        lines = len(Text(above).wrap(self.app.console, max(1, box.scrollable_content_region.width)))
        box.scroll_to(y=max(0, lines - 2) if self._at else 0, animate=False)

    def action_edit(self) -> None:
        """Open the file where the chosen one is."""
        if self._edit is not None and self._mistakes:
            self.dismiss()
            self.app.call_later(self._edit, max(1, mistake_place(self._mistakes[self._at])[1]))

    def action_close(self) -> None:
        """Go back."""
        self.dismiss()
