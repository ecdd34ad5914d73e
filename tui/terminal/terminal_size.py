"""A terminal may have one cell, or say that it has a million: the app is laid out for a size that its widgets bear.

In a smaller terminal the top left corner of that is shown.
"""

from __future__ import annotations

from textual import events
from textual.geometry import Size, clamp

from tui.terminal.textual_private import DiffingApp

SMALLEST, LARGEST = Size(24, 10), Size(2000, 1000)


class BoundedApp(DiffingApp):
    """An app that is never smaller or larger than that, whatever its terminal is."""

    async def on_event(self, event: events.Event) -> None:
        """Pass on an event; one that tells the terminal's size tells a size that can be drawn."""
        if isinstance(event, events.Resize):
            self.cut(event.size)
            event.size = event.virtual_size = event.container_size = bounded(event.size)
        await super().on_event(event)


def bounded(size: Size) -> Size:
    """Return the size nearest to that of a terminal for which the app can be laid out."""
    return Size(
        clamp(size.width, SMALLEST.width, LARGEST.width), clamp(size.height, SMALLEST.height, LARGEST.height)
    )
