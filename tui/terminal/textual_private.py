"""All that relies on private parts of Textual, which may change with any version of it.

Each function and class says what it relies on; test_textual_contract.py asserts that, and is run with the lowest
and the newest version of Textual that vitui allows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, cast

from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS, Console, RenderableType
from rich.segment import Segment
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual._context import active_message_pump
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.cache import FIFOCache
from textual.css.query import NoMatches
from textual.css.scalar import Scalar
from textual.css.stylesheet import Stylesheet
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Region, Size
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from tui.terminal.cell_diff import TerminalCells

PIECES_S = 1.0
"""Seconds that pieces of rows are kept: with each size and each screen rows are cut at other places."""
REGIONS_S = 10.0
"""Seconds that the regions of sizes and screens are kept."""
PIECES: dict[str, int] = {
    name: cache._maxsize
    for name in Strip.__slots__
    if isinstance(cache := getattr(Strip([]), name), FIFOCache)
}
"""What a row keeps of itself, cut, joined and coloured, and how many of each; a piece is a row again."""
ROW = ("_segments", "_cell_length", "_render_cache", "_link_ids", "_cell_count")
"""What a row has from the first, and what is cheap to be computed of it."""
_cut: list[tuple[Strip, str]] = []
"""The rows that keep something, each with what it is."""


class DiffingApp(App[str]):
    """An app that sends the terminal only those cells that it does not show already.

    Relies on ``App._display(screen, renderable)`` to get each update of the screen, and to send what its
    ``render_segments(console)`` returns; and on ``Segment._split_cells`` to be a cache, that of all texts beyond
    Latin that were cut for the screen. It would keep the last 16,384 of them whole: with each key, a box's 64 KiB.
    """

    def __init__(self) -> None:
        make_rows_light()
        super().__init__()
        self.stylesheet = StylesheetReadOnce(variables=self.get_css_variables())
        self._cells_there = TerminalCells()
        self._pieces_at = self._regions_at = time.monotonic()

    def resend(self) -> None:
        """Send everything with the next update, as the terminal may show anything by now."""
        self._cells_there.forget()

    def cut(self, size: Size) -> None:
        """Send nothing of what lies beyond the edges of a terminal of that size."""
        self._cells_there.size = size

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if isinstance(renderable, LayoutUpdate | ChopsUpdate):
            renderable = cast("RenderableType", DiffUpdate(renderable, self._cells_there))
        super()._display(screen, renderable)
        Segment._split_cells.cache_clear()
        self._forget()

    def _forget(self) -> None:
        """Drop what Textual keeps of earlier updates, if it is time to."""
        now = time.monotonic()
        if now >= self._pieces_at + PIECES_S:
            self._pieces_at = now
            forget_pieces()
        if now >= self._regions_at + REGIONS_S:
            self._regions_at = now
            forget_regions()


def make_rows_light() -> None:
    """Have rows make what they keep of themselves when they come to it, which most never do.

    A row takes 0.2 kB so and 0.4 µs to be made, where it took 1.1 kB and 4 µs; a screen has thousands. Relies on
    ``Strip`` to have the slots ``ROW`` and ``PIECES``; with others rows stay as heavy as they are.
    """
    if {*Strip.__slots__} == {*ROW, *PIECES}:
        Strip.__init__ = _make_row  # type: ignore[method-assign,assignment]
        Strip.__getattr__ = _keep  # type: ignore[attr-defined]


def _make_row(row: Strip, segments: Iterable[Segment], cell_length: int | None = None) -> None:
    row._segments = list(segments)
    row._cell_length = cell_length
    row._render_cache = row._link_ids = row._cell_count = None


def _keep(row: Strip, name: str) -> FIFOCache[Any, Any]:
    """Return what a row has not made yet; Python asks here for attributes that are not there."""
    if name not in PIECES:
        raise AttributeError(name)
    cache: FIFOCache[Any, Any] = FIFOCache(PIECES[name])
    setattr(row, name, cache)
    _cut.append((row, name))
    return cache


def forget_pieces() -> None:
    """Drop the pieces that rows were cut into, some ten thousand a minute."""
    for row, name in _cut:
        delattr(row, name)
    _cut.clear()


def forget_regions() -> None:
    """Drop the regions and sizes that were computed, up to 30,000; relies on functions of these kinds to be cached."""
    for kind in (Region, Scalar):
        for function in vars(kind).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()


class StylesheetReadOnce(Stylesheet):
    """Style sheets of which only those are read that are new, or all where their colours are others.

    Relies on ``Stylesheet`` to keep what it read until ``set_variables``, and on ``reparse`` to read the same sources
    as ``parse``, in a new one: it would read all of them a second time while an app starts.
    """

    def set_variables(self, variables: dict[str, str]) -> None:
        """Set the colours and what else is called by name in the sheets."""
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        """Apply the variables that were set.

        Raises:
            StylesheetParseError: A sheet is wrong.
        """
        self.parse()


class RestsInBatches:
    """What a screen is besides: it is not drawn while its app puts updates together, when what is drawn is dropped.

    Relies on ``Screen._compositor_refresh()`` to draw what is dirty, and on ``App._batch_count`` to be 0 outside.
    """

    def _compositor_refresh(self) -> None:
        if not cast("Screen[Any]", self).app._batch_count:
            super()._compositor_refresh()  # type: ignore[misc]


class ReportingApp(App[str]):
    """An app that keeps the error that ended it, for who reports it; nothing of it is printed.

    A timer or a message that comes late to a screen that closes finds its widgets gone, which is no error.

    Relies on ``App._handle_exception(error)`` to be called with it, on ``App._exit`` to be true once the app leaves,
    and on ``App._print_error_renderables()`` to print what stands in ``App._exit_renderables``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.crash: BaseException | None = None
        """The error; None while there is none."""

    def _handle_exception(self, error: Exception) -> None:
        if isinstance(error, NoMatches) and (self._exit or self._has_closed(active_message_pump.get(None))):
            return
        if self.crash is None:
            self.crash = error
        super()._handle_exception(error)

    def _has_closed(self, pump: MessagePump | None) -> bool:
        """Return whether the screen of a widget, or a screen, is none of those that are open."""
        if not isinstance(pump, Widget):
            return False
        return not any(node in self.screen_stack for node in pump.ancestors_with_self)

    def _print_error_renderables(self) -> None:
        if self.crash is not None and "debug" not in self.features:
            self._exit_renderables.clear()
        super()._print_error_renderables()


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


def write_to_terminal(app: App[Any], sequence: str) -> None:
    """Write a control sequence to the terminal, if there is one; relies on ``App._driver``, as ``App.bell`` does."""
    if not app.is_headless and app._driver is not None:
        app._driver.write(sequence)


def input_parser(previous: XTermParser | None = None) -> XTermParser:
    """Return what makes messages of a terminal's characters, by ``feed(text)`` and ``tick()``.

    Relies on ``XTermParser()``, and on its public attributes to say all that it knows of the terminal.

    Args:
        previous: One that can no longer be used: the new one knows of the terminal what it knew.
    """
    parser = XTermParser()
    if previous is not None:
        vars(parser).update({name: value for name, value in vars(previous).items() if name[0] != "_"})
    return parser


def survive_writing(driver: LinuxDriver, gone: Callable[[], None]) -> None:
    """Have a driver's thread that writes go on where the terminal is gone: else whatever draws would wait for it.

    Relies on ``LinuxDriver._file`` to be where that thread writes.

    Args:
        driver: The driver, before it has drawn.
        gone: Called when the terminal takes nothing any longer.
    """
    driver._file = cast("Any", _Patient(cast("IO[str]", driver._file), gone))


class _Patient:
    """A file that may be written to when it can no longer be written."""

    def __init__(self, file: IO[str], gone: Callable[[], None]) -> None:
        self._file = file
        self._gone = gone
        self.fileno = file.fileno

    def write(self, text: str) -> None:
        try:
            self._file.write(text)
        except OSError:
            self._gone()

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError:
            self._gone()
