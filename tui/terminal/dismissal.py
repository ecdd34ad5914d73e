"""Screens that close once: clicks and answers that come while one closes do not close the screen below it."""

from __future__ import annotations

from typing import Any, cast

from textual.await_complete import AwaitComplete
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
