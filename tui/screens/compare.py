"""The overlaid runs side by side: only what differs, what came of it against the baseline, and what that is worth."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table as Grid
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from tui.comparison import Cell, Side, Table, as_markdown, compare


class CompareScreen(ModalScreen[None]):
    """Shows some sides; the first is the baseline."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,c", "dismiss", "Back", key_display="esc"),
        Binding("Y", "copy", "Copy as Markdown"),
    ]

    def __init__(self, sides: list[Side]) -> None:
        super().__init__()
        self._sides = sides
        self.table: Table | None = None
        """What is shown, once it is counted."""

    def compose(self) -> ComposeResult:
        """One page that scrolls."""
        with VerticalScroll(id="compare") as box:
            box.border_title = "Compare"
            yield Static("counting …", id="compare-table", markup=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Count in a thread: the statistics take a moment to load."""
        self.run_worker(self._count, thread=True, exit_on_error=False)
        self.query_one("#compare").focus()

    def _count(self) -> None:
        table = compare(self._sides)
        self.app.call_from_thread(self._show, table)

    def _show(self, table: Table) -> None:
        if not self.is_attached:
            return
        self.table = table
        self.query_one("#compare-table", Static).update(page(table))

    def action_copy(self) -> None:
        """Put the table into the clipboard, through the terminal."""
        if self.table is not None:
            self.app.copy_to_clipboard(as_markdown(self.table))
            self.notify("copied as Markdown", timeout=3)


def page(table: Table) -> Grid:
    """Return the comparison as one grid: names and values in columns, verdicts below."""
    grid = Grid(box=None, pad_edge=False, header_style="bold", expand=False)
    grid.add_column("", style="dim", no_wrap=True)
    for number, side in enumerate(table.sides):
        count = f" ×{len(side.runs)}" if len(side.runs) > 1 else ""
        note = "\nbaseline" if number == 0 else "\nΔ to the baseline"
        grid.add_column(Text(side.name + count) + Text(note, style="not bold dim"), overflow="fold")
    for key, values in table.made:
        grid.add_row(Text(key), *(Text(value) for value in values))
    if table.made:
        grid.add_row("")
    for name, cells in table.measured:
        grid.add_row(Text(name), *map(_written, cells))
    outer = Grid(box=None, show_header=False, pad_edge=False)
    outer.add_row(grid)
    for verdict in table.verdicts:
        outer.add_row("")
        outer.add_row(Text(verdict))
    return outer


def _written(cell: Cell) -> Text:
    """Return a value and its difference: bold where that is more than noise, quiet where it is not."""
    text = Text(cell.value)
    if cell.delta:
        style = {True: "bold", False: "dim", None: ""}[cell.told]
        mark = {True: "", False: " ≈", None: "" if cell.delta == "=" else " ?"}[cell.told]
        text.append(f"  {cell.delta}{mark}", style)
    return text
