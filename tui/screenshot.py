"""One frame of the app as text: the same screen, drawn without a terminal."""

from __future__ import annotations

import time

from rich.segment import Segment
from textual.pilot import Pilot

from tui.app import VituiApp
from tui.terminal.textual_private import screen_strips

PATIENCE_S = 30.0
"""Seconds after which what has been read until then is shown."""


def frame(app: VituiApp, size: tuple[int, int]) -> list[list[Segment]]:
    """Return the lines of the app's screen at a size of (columns, rows), once it shows all it has to."""
    lines: list[list[Segment]] = []

    async def look(pilot: Pilot[object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not app.dashboard.settled and time.monotonic() < deadline:
            await pilot.pause(0.05)
        await pilot.pause()
        lines.extend(list(strip) for strip in screen_strips(app.screen))
        app.exit()

    app.run(headless=True, size=size, auto_pilot=look)
    return lines
