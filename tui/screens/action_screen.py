"""A screen that actions are done on: their work in threads, and how it went in a corner or a dialog."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from textual import on
from textual.screen import Screen

from engine.runs.store import Store
from tui.app_options import READONLY, readonly
from tui.screens.actions.screen_protocol import Terminal
from tui.screens.answers import outcome, show_failure, show_success
from tui.screens.message_duration import SHORTEST_S, WHILE_S
from tui.state.messages import Failed, Queued, Succeeded
from tui.state.snapshot import Project, Snapshot
from tui.state.undo_history import UndoHistory
from tui.terminal.dismissal import ClosesOnce
from tui.terminal.textual_private import RestsInBatches
from tui.views.run_list_row import Row
from tui.widgets.runs.run_list import RunList


class ActionScreen(ClosesOnce, RestsInBatches, Screen[None]):
    """Shows a project; what it needs besides to be a ``Target`` is which runs are meant on it."""

    snapshot: Snapshot

    def __init__(self, project: Project, deeds: UndoHistory | None = None) -> None:
        super().__init__()
        self.project = project
        self.deeds = deeds or UndoHistory()
        """What was done last, here and on the screens that share it."""
        self.store = Store(project.runs)
        self._answer_until = 0.0
        """Until when the answer to an action stands, by the monotonic clock."""

    @property
    def marked_rows(self) -> Sequence[Row]:
        """The marked rows that are meant; none where runs cannot be marked."""
        return ()

    def unmark(self) -> None:
        """Take the marks away, if they are meant: what they were set for is done."""
        if self.marked_rows:
            self.query_one(RunList).unmark()

    @property
    def readonly(self) -> bool:
        """Whether nothing may be changed."""
        return readonly(self.app)

    @property
    def has_just_answered(self) -> bool:
        """Whether how an action went stands on the screen."""
        return time.monotonic() < self._answer_until

    @property
    def terminal(self) -> Terminal:
        """The terminal that the app is in."""
        return self.app

    @property
    def refusal(self) -> str:
        """Why nothing may be changed now; empty where it may."""
        return READONLY if self.readonly else ""

    def do(self, title: str, action: Callable[[], str], meanwhile: str = "") -> None:
        """Do something with files or processes in a thread, and say how it went; nothing where that is read-only."""
        if self.readonly:
            self.refuse(title, READONLY)
            return

        if meanwhile:
            self.say(meanwhile, WHILE_S)
        self.start(lambda: self.report(outcome(title, action, meanwhile)))

    def start(self, work: Callable[[], None], name: str = "") -> None:
        """Run something in a thread."""
        self.run_worker(work, name, thread=True, group="actions", exit_on_error=False)

    def report(self, message: Succeeded | Failed | Queued) -> None:
        """Show how something went. For any thread."""
        self.post_message(message)

    def ask(self, screen: Screen[Any], chosen: Callable[[Any], None] | None = None) -> None:
        """Open a screen over this one."""
        self.app.push_screen(screen, chosen)

    def ask_from_thread(self, screen: Screen[Any], chosen: Callable[[Any], None] | None = None) -> None:
        """Open a screen over this one, from another thread."""
        self.app.call_from_thread(self.app.push_screen, screen, chosen)

    def refuse(self, title: str, text: str) -> None:
        """Say in a corner why nothing is done."""
        self.notify(text, title=title, severity="warning", markup=False, timeout=SHORTEST_S)

    def say(self, text: str, seconds: float) -> None:
        """Say something in a corner."""
        self.notify(text, markup=False, timeout=seconds)

    @on(Succeeded)
    def _done(self, message: Succeeded) -> None:
        self._answer_until = time.monotonic() + show_success(self.app, message, self.snapshot.runs)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        show_failure(self.app, message)
