"""The machine and the queue side by side, in the place of the console."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from tui.keymap.bindings import bindings
from tui.state.snapshot import Snapshot
from tui.widgets.machine.machine_board import MachineBoard
from tui.widgets.machine.queue_list import QueueList


class MachinePane(Horizontal, can_focus=True):
    """Shows the machine on the left, the queue on the right; while it is hidden nothing is drawn."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("MachinePane")

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._snapshot = Snapshot()

    def compose(self) -> ComposeResult:
        """Two lists that cannot be gone to: the pane as a whole can."""
        for part in (MachineBoard(), QueueList()):
            part.can_focus = False
            yield part

    def show(self, snapshot: Snapshot) -> None:
        """Show this moment."""
        self._snapshot = snapshot
        if self.display:
            self.query_one(MachineBoard).show(snapshot)
            self.query_one(QueueList).show(snapshot)

    def on_show(self) -> None:
        """Catch up with what was shown meanwhile."""
        self.show(self._snapshot)
