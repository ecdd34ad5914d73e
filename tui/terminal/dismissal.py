"""Clicks and answers that come while something closes: they close no screen below it and meet nothing that is gone."""

from __future__ import annotations

from typing import Any, cast

from textual import events
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.errors import NoWidget
from textual.screen import Screen


class ClosesOnce:
    """What a screen is besides, as its first base: Textual closes the top one, whichever is asked to close."""

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Close the screen with a result; where another one is on top, or it has closed, nothing happens."""
        screen = cast("Screen[Any]", self)
        if screen.app.screen_stack[-1:] == [screen]:
            closing: AwaitComplete = super().dismiss(result)  # type: ignore[misc]
            return closing
        return AwaitComplete()


class SparesTheGone(App[str]):
    """An app that passes on no press of the mouse on a widget that was removed and is still on the screen."""

    async def on_event(self, event: events.Event) -> None:
        """Pass on an event; Textual would ask for the parent of what is pressed."""
        if isinstance(event, events.MouseDown) and not event.is_forwarded and self._is_gone(event):
            return
        await super().on_event(event)

    def _is_gone(self, event: events.MouseDown) -> bool:
        try:
            widget, _ = self.screen.get_widget_at(int(event.x), int(event.y))
        except NoWidget:
            return False
        return not widget.is_attached
