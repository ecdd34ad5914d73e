"""How an action went: tried in a thread, and told in the row for messages or in a dialog."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual.app import App

from engine.errors import UserError
from engine.runs.status import Status
from tui.screens.actions.stop_and_resume import briefly
from tui.screens.dialogs import Dialog
from tui.screens.message_duration import LATE_S, reading_time
from tui.state.messages import Failed, Succeeded
from tui.widgets.message_row import show_answer


def outcome(title: str, action: Callable[[], str], meanwhile: str) -> Succeeded | Failed:
    """Do something, and return how it went.

    Args:
        title: What is said of it if it fails.
        action: Does it, and returns how it went in words.
        meanwhile: What is said as long as it takes; may be empty.
    """
    try:
        return Succeeded(action(), meanwhile)
    except (UserError, OSError) as error:
        return Failed(title, str(error), meanwhile)


def show_success(app: App[Any], message: Succeeded, runs: Sequence[Status]) -> float:
    """Show that something went well, and return for how many seconds it stands."""
    text = briefly(message.text, runs)
    seconds = reading_time(text.partition("\n")[0])
    show_answer(app, text, seconds, over=message.meanwhile)
    return seconds


def show_failure(app: App[Any], message: Failed) -> None:
    """Show why something failed: in a dialog, or, where it took long, in the row: a dialog would come late."""
    if not message.meanwhile:
        app.push_screen(Dialog(message.title, message.text, []))
        return
    seconds = min(reading_time(message.text), LATE_S)
    show_answer(app, message.text, seconds, title=message.title, severity="warning", over=message.meanwhile)
