"""The page that explains the screen when the app is first opened."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.keymap.bindings import bindings
from tui.terminal.dismissal import ClosesOnce

PAGE = (
    ("Runs", "the experiments of experiments.toml, and how the newest run of each goes"),
    ("Charts", "of the run under the cursor; space overlays others, p pins a baseline"),
    ("Run", "what it is and how far it is, where the terminal is wide; enter opens it whole"),
    ("", ""),
    ("r", "queues the experiment; it trains in the background, and goes on when you leave"),
    ("o  e", "run it with changes; edit or clone it"),
    (".  R", "stop a run, resume it from its checkpoint"),
    ("x y + b", "axis, logarithm, smoothing, seeds as a band"),
    ("c", "compare what is overlaid"),
    ("f", "filter: state=failed test/f1>0.8"),
    ("?  :", "all keys; all commands, themes among them"),
    ("q", "leave; nothing stops"),
)


class TourScreen(ClosesOnce, ModalScreen[None]):
    """Explains the screen; any of the usual keys closes it."""

    DEFAULT_CSS = """
    TourScreen {
        & > VerticalScroll { width: 76; max-width: 96%; height: auto; max-height: 96%; padding: 1 2;
                             background: $surface; border: round $primary; border-title-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("TourScreen")

    def compose(self) -> ComposeResult:
        """One page."""
        with VerticalScroll() as box:
            box.border_title = "vitui trains, watches and compares image classifiers"
            box.border_subtitle = "enter begins; this is shown once"
            yield Static(self._page(), markup=False)

    def _page(self) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for name, what in PAGE:
            table.add_row(Text(name, style="bold"), Text(what))
        return table
