"""What the dashboard tells without being asked: that a run has ended, or that something is wrong with one."""

from __future__ import annotations

import os
from collections.abc import Iterable

from textual.notifications import SeverityLevel
from textual.screen import Screen

from engine.analysis.alarms import Alarm
from engine.notifications.message import alarm_text, end_text
from engine.runs.status import Status
from engine.text import clean
from tui.screens.message_duration import NOTIFICATION_S
from tui.state.message_log import MessageLog
from tui.state.snapshot import Snapshot
from tui.terminal.textual_private import write_to_terminal
from tui.widgets.message_row import show_messages

MAX_DESKTOP = 200
"""Characters of a notification of the desktop."""


class Notifier:
    """Says on a screen what happens: a message and the bell; on the desktop too while the terminal has no focus."""

    def __init__(self, screen: Screen[None]) -> None:
        self._screen = screen

    def tell(self, snapshot: Snapshot, ended: Iterable[str], alarms: Iterable[Alarm]) -> None:
        """Say which runs have ended and how, and what is newly wrong with others."""
        runs = snapshot.by_id
        for name in ended:
            if name in runs:
                self._say(end_text(runs[name]), "error" if is_bad(runs[name]) else "information")
        for alarm in alarms:
            if alarm.run in runs:
                self._say(alarm_text(runs[alarm.run], alarm.kind, alarm.text), "warning")

    def tell_of_mistakes(self, now: Snapshot, before: Snapshot) -> None:
        """Say what is wrong with the configuration and the folder of runs, where it was not known before."""
        for title, error, known in (
            ("", now.config_error, before.config_error),
            ("The runs are gone", now.runs_error, before.runs_error),
        ):
            if error == known:
                continue
            self._withdraw(known)
            if error:
                self._screen.notify(error, title=title, severity="error", markup=False, timeout=15)

    def _withdraw(self, text: str) -> None:
        """Have a message stand no longer that is no longer true."""
        app = self._screen.app
        log = getattr(app, "message_log", None)
        if isinstance(log, MessageLog) and log.take_errors_away(text):
            show_messages(app, log)

    def _say(self, words: str, severity: SeverityLevel) -> None:
        app = self._screen.app
        self._screen.notify(words, severity=severity, markup=False, timeout=NOTIFICATION_S)
        app.bell()
        if not app.app_focus:
            write_to_terminal(app, desktop(words, in_tmux="TMUX" in os.environ))


def is_bad(status: Status) -> bool:
    """Return whether a run has failed or crashed."""
    return status.state in ("failed", "crashed")


def desktop(words: str, *, in_tmux: bool = False) -> str:
    """Return the escape sequence that shows a notification on the desktop (OSC 9), in one line without controls.

    It begins with a name: some terminals take a number at the beginning for another command.
    """
    line = clean(" - ".join(words.splitlines()))[:MAX_DESKTOP]
    sequence = f"\x1b]9;vitui: {line}\x07"
    return f"\x1bPtmux;\x1b{sequence}\x1b\\" if in_tmux else sequence
