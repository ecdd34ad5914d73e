"""The row for messages over the bar of keys, and the foot of a screen that both of them make."""

from __future__ import annotations

import math
import time
from typing import Any, ClassVar

from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.reactive import reactive
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from tui.state.message_log import MessageLog, Said, Severity
from tui.text import message_line
from tui.widgets.key_bar import KeyBar


class MessageRow(Widget):
    """Shows the message that stands; at rest what its screen says of what is under the cursor."""

    DEFAULT_CSS = """
    MessageRow { height: 1; color: $foreground 75%; }
    MessageRow > .message-row--information { color: $foreground; }
    MessageRow > .message-row--warning { color: $warning; }
    MessageRow > .message-row--error { color: $error; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "message-row--information",
        "message-row--warning",
        "message-row--error",
    }

    rest: reactive[str] = reactive("")
    """What it says while there is no message."""

    def __init__(self) -> None:
        super().__init__()
        self.said: Said | None = None
        """The message that it shows."""
        self._ends: Timer | None = None

    def on_mount(self) -> None:
        """Show what stands already."""
        log = getattr(self.app, "message_log", None)
        if isinstance(log, MessageLog):
            self.show(log.current())

    def show(self, said: Said | None) -> None:
        """Show a message for as long as it stands; None for what is said at rest."""
        self.said = said
        self.set_class(said is not None, "-speaks")
        if self.parent is not None:
            self.parent.set_class(said is not None, "-speaks")
        if self._ends is not None:
            self._ends.stop()
        self._ends = None
        if said is not None and said.until < math.inf:
            self._ends = self.set_timer(max(said.until - time.monotonic(), 0.01), self.on_mount)
        self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002
        """Return the one line."""
        style, said = self.rich_style, self.said
        if said is not None:
            style = self.get_component_rich_style(f"message-row--{said.severity}")
        text = said.line if said is not None else self.rest
        room = max(self.size.width - 2, 0)
        return Strip([Segment(f" {message_line(text, room)} ", style)]).adjust_cell_length(
            self.size.width, self.rich_style
        )


def show_messages(app: App[Any], log: MessageLog) -> None:
    """Show what stands of an app's messages on all its screens."""
    said = log.current()
    for screen in app.screen_stack:
        for row in screen.query(MessageRow):
            row.show(said)


def show_answer(
    app: App[Any],
    text: str,
    seconds: float,
    *,
    title: str = "",
    severity: Severity = "information",
    over: str = "",
) -> None:
    """Show how something went: of several lines the first, and that the list of messages has all.

    Args:
        app: The app.
        text: How it went.
        seconds: How long that stands.
        title: What it is about; may be empty.
        severity: How bad it is.
        over: A message that stands no longer.
    """
    log = getattr(app, "message_log", None)
    if isinstance(log, MessageLog):
        first, _, rest = text.partition("\n")
        log.end(over)
        log.add(text, title, severity, seconds, f"{first}; M says more" if rest else "")
        show_messages(app, log)


class Foot(Vertical):
    """The lower end of a screen: the row for messages, and under it the bar of keys."""

    DEFAULT_CSS = """
    Foot { dock: bottom; height: 2; }
    """

    def compose(self) -> ComposeResult:
        """One over the other."""
        yield MessageRow()
        yield KeyBar()
