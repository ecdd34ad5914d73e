"""What every key does, on one page."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

KEYS = {
    "Runs": [
        ("↑ ↓  j k  g G", "move"),
        ("→ ←  l h", "show or hide the runs of an experiment"),
        ("space  v a", "overlay the run; up to here, all"),
        ("p", "pin as the baseline, over the others"),
        ("c", "compare the overlaid runs"),
        ("s S", "sort by the next column; the other way round"),
        ("C", "choose columns; space in or out, J K move"),
        ("B", "group by settings: model lr; tab completes"),
        ("r", "run the experiment: it joins the queue"),
        ("o", "run it with changes: lr=1e-3 seeds=0,1,2"),
        (".", "stop the run; asks how"),
        ("R", "resume from the last checkpoint"),
        ("e", "edit or clone the experiment"),
        ("Y", "copy: row, path, command, the list as a table"),
        ("t T", "tag, note: the overlaid runs, or the one under the cursor"),
        ("delete D", "move to the trash; asks"),
        ("u", "bring back what was thrown away last"),
        ("f", "filter: state=failed test/f1>0.8 age<2d vit; tab completes"),
    ],
    "Charts": [
        ("x", "x axis: step, time, samples …"),
        ("y", "y axis: linear, logarithmic"),
        ("+ -  =", "smooth more, less, not at all"),
        ("> <  wheel", "zoom in, out"),
        ("{ }  drag", "pan"),
        ("i", "read the values at a cursor; ← → move it"),
        ("b", "fold seeds into a mean and a band"),
        ("/", "only metrics that match"),
        ("n N", "more charts"),
        ("z", "one chart alone"),
        ("E", "export this view: png, svg, pdf"),
    ],
    "Queue": [
        ("K J", "move the run up, down"),
        ("H", "hold it, let it go"),
        (". delete", "take it out, stop it; asks"),
    ],
    "A run": [
        ("enter  L", "open the run; its full log"),
        ("1 … 5  tab", "overview, confusion, classes, console, events"),
        ("← →  home end", "epoch before, after; first, last"),
        ("h j k l", "read another cell of the matrix"),
        ("%  z", "counts or shares; numbers or shades"),
        ("s S", "split of the matrix; order of the classes"),
        ("/  n N", "search the log; next match, match before"),
        ("f  w", "follow the end of the log; wrap its lines"),
    ],
    "Screen": [
        ("1 2 3  tab", "go to runs, charts, overview"),
        ("4 5", "below: console, machine and queue; 5 again: whole"),
        ("[ ]", "show or hide the side panes"),
        ("0", "reset the layout"),
        ("esc", "one layer out"),
        (": ctrl+p", "command palette, themes"),
        ("q", "leave; the runs go on"),
    ],
}


class HelpScreen(ModalScreen[None]):
    """The keys; any of the usual keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss", "Close"),
    ]

    def compose(self) -> ComposeResult:
        """One box with a table of keys."""
        with VerticalScroll(id="help") as box:
            box.border_title = "Keys"
            yield Static(self._table(), markup=False)

    def _table(self) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for section, keys in KEYS.items():
            table.add_row(Text(section, style="bold"))
            for key, what in keys:
                table.add_row(Text(f"  {key}", style="cyan"), Text(what))
        return table
