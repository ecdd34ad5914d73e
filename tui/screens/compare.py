"""The overlaid runs side by side: only what differs, what came of it against the baseline, and what that is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, ClassVar

from rich.table import Table as Grid
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.comparison import Cell, Side, Table, as_markdown, compare
from tui.options import ascii_only
from tui.palette import Sign
from tui.widgets.chart_grid import ChartGrid
from tui.widgets.key_bar import KeyBar

if TYPE_CHECKING:
    from tui.shifts import Shift, Shifts


SHOWN_CLASSES = 12
"""Classes that are listed where there are more."""


class CompareScreen(ModalScreen[None]):
    """Shows some sides, the first of which is the baseline, under the curves of the screen below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("q,c", "dismiss", show=False),
        Binding("Y", "copy", "Copy as Markdown"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]  # noqa: RUF012  as Textual has it

    def __init__(
        self, found: list[Side], curves: Callable[[ChartGrid], None], signs: Mapping[str, Sign]
    ) -> None:
        super().__init__()
        self._signs = signs
        self._sides = found
        self._curves = curves
        self.table: Table | None = None
        """What is shown, once it is counted."""
        self.shifts: dict[str, Shifts] = {}
        """How the confusion matrix of each side but the first differs from the first one's."""

    def compose(self) -> ComposeResult:
        """Two charts, and one page that scrolls."""
        charts = ChartGrid(id="compare-charts")
        charts.can_focus_children = False
        yield charts
        with VerticalScroll(id="compare") as box:
            box.border_title = "Compare"
            yield Static("counting …", id="compare-table", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Count in a thread: the statistics take a moment to load."""
        if not self.query("#compare"):  # left before it was there
            return
        self.run_worker(self._count, thread=True, exit_on_error=False)
        self.query_one("#compare").focus()
        self._curves(self.query_one(ChartGrid))

    def _count(self) -> None:
        from tui.shifts import shifts

        table = compare(self._sides)
        newest = [side.runs[-1].run for side in self._sides]
        matrices = self.app.matrices(newest)  # type: ignore[attr-defined]
        found = {}
        for side, run in zip(self._sides[1:], newest[1:], strict=True):
            if newest[0] in matrices and run in matrices:
                found[side.name] = shifts(matrices[run], matrices[newest[0]])
        told = {name: each for name, each in found.items() if each is not None}
        self.app.call_from_thread(self._show, table, told)

    def _show(self, table: Table, found: dict[str, Shifts]) -> None:
        if not self.is_attached:
            return
        self.table, self.shifts = table, found
        self.query_one("#compare-table", Static).update(
            page(table, found, [self._marks(side) for side in table.sides])
        )

    def _marks(self, side: Side) -> Text:
        """Return what the curves of a side wear."""
        signs = dict.fromkeys(self._signs[run.run] for run in side.runs if run.run in self._signs)
        letters = ascii_only(self.app)
        return Text.assemble(*((sign.drawn(ascii_only=letters), sign.colour) for sign in signs))

    def action_back(self) -> None:
        """Give up a range that is being marked, else leave."""
        if not self.query_one(ChartGrid).unmark():
            self.dismiss()

    def action_copy(self) -> None:
        """Put the table into the clipboard, through the terminal."""
        if self.table is not None:
            self.app.copy_to_clipboard(as_markdown(self.table))
            self.notify("copied as Markdown", timeout=3)


def page(table: Table, found: Mapping[str, Shifts], marks: Sequence[Text]) -> Grid:
    """Return the comparison as one grid: verdicts, names and values in columns, what differs by class.

    Args:
        marks: What the curves of each side wear in the charts; empty for one without.
    """
    grid = Grid(box=None, pad_edge=False, header_style="bold", expand=False)
    grid.add_column("", style="dim", no_wrap=True)
    for number, (side, mark) in enumerate(zip(table.sides, marks, strict=True)):
        count = f" ×{len(side.runs)}" if len(side.runs) > 1 else ""
        note = "\nbaseline" if number == 0 else "\nΔ to the baseline"
        grid.add_column(
            mark + Text(" " * bool(mark) + side.name + count) + Text(note, style="not bold dim"),
            overflow="fold",
        )
    for key, values in table.made:
        grid.add_row(Text(key), *(Text(value) for value in values))
    if table.made:
        grid.add_row("")
    for name, cells in table.measured:
        grid.add_row(Text(name), *map(_written, cells))
    outer = Grid(box=None, show_header=False, pad_edge=False)
    for verdict in table.verdicts:
        outer.add_row(Text(verdict))
    outer.add_row("")
    outer.add_row(grid)
    outer.add_row(
        Text("bold: more than noise   ≈ not more than noise   ? not known from so few runs", style="dim")
    )
    for name, each in found.items():
        outer.add_row("")
        outer.add_row(by_class(name, table.sides[0].name, each))
    return outer


def by_class(name: str, baseline: str, found: Shifts) -> Grid:
    """Return how a side differs from the baseline by class, and in which mistakes."""
    grid = Grid(box=None, pad_edge=False, header_style="bold", expand=False)
    grid.add_column(Text(f"{name} less {baseline}, by class", style="bold"), no_wrap=True)
    grid.add_column("told rightly", no_wrap=True)
    grid.add_column(Text("mistakes that differ", style="bold"), no_wrap=True)
    classes = found.classes[:SHOWN_CLASSES]
    for shift, mistake in zip_longest(classes, found.mistakes[: max(len(classes), 4)]):
        grid.add_row(
            Text(shift.true if shift else "", style="dim"),
            _shifted(shift) if shift else "",
            Text(f"{mistake.true} taken for {mistake.taken}  ") + _shifted(mistake) if mistake else "",
        )
    if left := len(found.classes) - len(classes):
        grid.add_row(Text(f"{left} more differ less", style="dim"), "", "")
    return grid


def _shifted(shift: Shift) -> Text:
    """Return two shares and their difference in percent points: bold where it is more than noise."""
    text = Text(f"{100 * shift.before:5.1f} → {100 * shift.after:5.1f} %  ")
    text.append(f"{100 * shift.delta:+5.1f}" + ("" if shift.told else " ≈"), "bold" if shift.told else "dim")
    return text


def _written(cell: Cell) -> Text:
    """Return a value and its difference: bold where that is more than noise, quiet where it is not."""
    text = Text(cell.value)
    if cell.delta:
        style = {True: "bold", False: "dim", None: ""}[cell.told]
        mark = {True: "", False: " ≈", None: "" if cell.delta == "=" else " ?"}[cell.told]
        text.append(f"  {cell.delta}{mark}", style)
    return text
