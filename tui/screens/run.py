"""One run whole: its facts beside everything it said. What a narrow dashboard has no room for stands here."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Footer, Static

from tui.snapshot import Snapshot
from tui.widgets.overview import Overview


class RunScreen(ModalScreen[None]):
    """Shows the run in focus of the screen below, whose reactive ``snapshot`` it follows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "Back", key_display="esc"),
    ]

    def __init__(self, dashboard: Screen[None]) -> None:
        super().__init__()
        self._dashboard = dashboard
        self._lines: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        """Facts on the left, the console on the right."""
        with Horizontal(id="run-body"):
            facts = Overview(id="run-facts")
            facts.border_title = "Run"
            yield facts
            with VerticalScroll(id="run-console") as console:
                console.border_title = "Console"
                yield Static(id="run-lines", markup=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Follow the dashboard's snapshots."""
        self.watch(self._dashboard, "snapshot", self._show)
        self.query_one("#run-console").focus()

    def _show(self, snapshot: Snapshot) -> None:
        detail = snapshot.detail
        if detail is None:
            return
        status = next((each for each in snapshot.runs if each.run == detail.run), None)
        self.query_one(Overview).show(status, detail, {})
        if detail.console != self._lines:
            self._lines = detail.console
            console = self.query_one("#run-console", VerticalScroll)
            at_end = console.scroll_offset.y >= console.max_scroll_y
            self.query_one("#run-lines", Static).update(Text("\n".join(detail.console)))
            if at_end:
                console.scroll_end(animate=False)
