"""What was done last in the app, for a report of its crash: keys, clicks and sizes, but never what was written."""

from __future__ import annotations

import time
from collections import deque

from textual import events
from textual.app import App
from textual.widgets import Input

KEPT = 50


class RecentEventsApp(App[str]):
    """An app that knows what was done last in it."""

    def __init__(self) -> None:
        super().__init__()
        self.recent_events: deque[str] = deque(maxlen=KEPT)
        """Each with its time, the last one last."""

    async def on_event(self, event: events.Event) -> None:
        """Note an event before it is acted on."""
        if not event.is_forwarded and (words := self._told(event)):
            self.recent_events.append(f"{time.strftime('%H:%M:%S')} {words}")
        await super().on_event(event)

    def _told(self, event: events.Event) -> str:
        """Return an event in words, empty where it tells nothing; what is written into a box is the user's own."""
        focused = self.focused if self.screen_stack else None
        place = type(focused or (self.screen if self.screen_stack else self)).__name__
        match event:
            case events.Key():
                is_text = isinstance(focused, Input) and event.is_printable
                return f"{'a character' if is_text else event.key} in {place}"
            case events.Paste():
                return f"{len(event.text)} characters pasted in {place}"
            case events.MouseDown():
                return f"mouse button {event.button} at {event.screen_x:.0f}, {event.screen_y:.0f}"
            case events.Resize():
                return f"{event.size.width} x {event.size.height} cells"
        return ""
