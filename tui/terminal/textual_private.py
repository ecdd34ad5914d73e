"""All that relies on private parts of Textual, which may change with any version of it.

Each function and class says what it relies on; test_textual_contract.py asserts that, and is run with the lowest
and the newest version of Textual that vitui allows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS, Console, RenderableType
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.notifications import Notification
from textual.screen import Screen
from textual.strip import Strip

from tui.terminal.cell_diff import TerminalCells


class DiffingApp(App[str]):
    """An app that sends the terminal only those cells that it does not show already.

    Relies on ``App._display(screen, renderable)`` to get each update of the screen, and to send what its
    ``render_segments(console)`` returns.
    """

    def __init__(self) -> None:
        super().__init__()
        self._cells_there = TerminalCells()

    def resend(self) -> None:
        """Send everything with the next update, as the terminal may show anything by now."""
        self._cells_there.forget()

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if isinstance(renderable, LayoutUpdate | ChopsUpdate):
            renderable = cast("RenderableType", DiffUpdate(renderable, self._cells_there))
        super()._display(screen, renderable)


class DiffUpdate(CompositorUpdate):
    """What is new on the screen, as the terminal needs it; relies on what ``_layout`` and ``_chops`` do."""

    def __init__(self, update: LayoutUpdate | ChopsUpdate, cells: TerminalCells) -> None:
        self._update = update
        self._cells = cells

    def render_segments(self, console: Console) -> str:
        """Return what is sent."""
        update = self._update
        pieces = _layout(update) if isinstance(update, LayoutUpdate) else _chops(update)
        name = console.color_system
        return self._cells.send(pieces, COLOR_SYSTEMS[name] if name else ColorSystem.TRUECOLOR)


def _layout(update: LayoutUpdate) -> Iterator[tuple[int, int, Strip]]:
    """Yield row, first cell and cells of each piece; relies on ``strips``, rows of strips from ``region`` on."""
    for y, strips in enumerate(update.strips, update.region.y):
        x = update.region.x
        for strip in strips:
            yield y, x, strip
            x += strip.cell_length


def _chops(update: ChopsUpdate) -> Iterator[tuple[int, int, Strip]]:
    """Yield row, first cell and cells of each piece.

    Relies on ``spans`` (row, first cell, the cell after the last), on ``chops``, which has for each row strips by their
    first cells, and on ``chop_ends``, which has for each row where these end.
    """
    for y, first, last in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is not None and x <= last and end > first:
                yield y, x, strip.crop(0, min(end, last) - x) if end > last else strip


def screen_strips(screen: Screen[object]) -> list[Strip]:
    """Return the rows of a screen as they are drawn; relies on ``Screen._compositor.render_strips()``."""
    return screen._compositor.render_strips()


def notifications(app: App[Any]) -> Sequence[Notification]:
    """Return what is said in the corner, the oldest first; relies on ``App._notifications``."""
    return list(app._notifications)


def write_to_terminal(app: App[Any], sequence: str) -> None:
    """Write a control sequence to the terminal, if there is one; relies on ``App._driver``, as ``App.bell`` does."""
    if not app.is_headless and app._driver is not None:
        app._driver.write(sequence)
