"""The overlaid runs side by side: what differs, the results against the baseline, and which are told apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.analysis.comparison import Table, compare
from engine.analysis.comparison_sides import Side
from engine.analysis.conclusions.evidence import Evidence
from engine.runs.metadata import summaries_of
from tui.app_options import ascii_only
from tui.curve_palette import shown_in
from tui.keymap.bindings import bindings
from tui.screens.app_protocol import Curves, FileReader
from tui.screens.dialogs import Choice, Dialog
from tui.terminal.dismissal import ClosesOnce
from tui.views.colours_by_experiment import signs_together
from tui.widgets.chart.chart_grid import ChartGrid
from tui.widgets.message_row import Foot

if TYPE_CHECKING:
    from engine.analysis.confusion_change import Shifts
    from tui.state.snapshot import Snapshot


FRAME = 5
"""Cells of the screen's width that border, padding and scrollbar take from the page."""


def evidence_of(snapshot: Snapshot, folder: Path) -> Evidence:
    """Return all runs of a snapshot, which are in a folder, in the form that judgements are made of."""
    runs = summaries_of(snapshot.runs, snapshot.metadata)
    if snapshot.config is None:
        return Evidence({}, runs, folder=folder)
    return Evidence(snapshot.config.experiments, runs, snapshot.config.statistics, folder)


class CompareScreen(ClosesOnce, ModalScreen[None]):
    """Shows some sides, the first of which is the baseline, under the curves of the screen below.

    Args:
        sides: What is compared, at least two.
        evidence: All runs, by which differences are judged.
        curves: Draws the curves that the screen below shows.
        reader: Reads the confusion matrices.
        pin: Called with a run of the side that becomes the baseline, for the dashboard to have it as such.
        joined: What is compared besides the overlaid runs, in words; empty for nothing.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("CompareScreen")
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]  # noqa: RUF012  as Textual has it

    def __init__(
        self,
        sides: list[Side],
        evidence: Evidence,
        curves: Curves,
        reader: FileReader,
        pin: Callable[[str], None],
        joined: str = "",
    ) -> None:
        super().__init__()
        self._sides = sides
        self._order = list(sides)
        """The sides as they were at first, which ``p`` goes through."""
        self._pin = pin
        self._joined = joined
        self._evidence = evidence
        self._curves = curves
        self._signs = curves.signs
        self._reader = reader
        self.table: Table | None = None
        """What is shown, once it is counted."""
        self.shifts: dict[str, Shifts] = {}
        """How the confusion matrices of each side but the first differ from the first one's, over finished seeds."""

    @property
    def runs(self) -> frozenset[str]:
        """The runs that count of all that stand side by side."""
        return frozenset(run.run for side in self._sides for run in side.counted)

    def compose(self) -> ComposeResult:
        """Two charts, and one page that scrolls."""
        charts = ChartGrid(id="compare-charts")
        charts.can_focus_children = False
        yield charts
        with VerticalScroll(id="compare") as box:
            box.border_subtitle = Content(self._joined)
            yield Static("counting …", id="compare-table", markup=False)
        yield Foot()

    def on_mount(self) -> None:
        """Count in a thread: the statistics take a moment to load."""
        if not self.query("#compare"):  # left before it was there
            return
        self._count(self._sides)
        self._title_frame()
        self.query_one("#compare").focus()
        self.draw()

    def draw(self) -> None:
        """Show the curves and their marks as they are now."""
        for grid in self.query(ChartGrid):
            self._curves.draw(grid)
        if self._signs != (signs := self._curves.signs):
            self._signs = signs
            self._title_frame()
            self._fill()

    def _title_frame(self) -> None:
        """Say in the title how many are compared, and with which."""
        baseline = f"{self._marks(self._sides[0]).plain} {self._sides[0].name}".lstrip()
        self.query_one("#compare").border_title = Content(f"Compare {len(self._sides)}: baseline {baseline}")

    @work(thread=True, exit_on_error=False)
    def _count(self, sides: list[Side]) -> None:
        from engine.analysis.confusion_change import shifts

        table = compare(sides, self._evidence)
        judged = [side for side in table.sides if side.finished]
        shifts_by_side = {}
        if judged[:1] == [table.sides[0]]:
            matrices = self._reader.matrices([run.run for side in judged for run in side.counted])
            of_side = {
                side.name: [matrices[run.run] for run in side.counted if run.run in matrices]
                for side in judged
            }
            for side in judged[1:]:
                if (
                    side_shifts := shifts(of_side[side.name], of_side[judged[0].name], alpha=table.alpha)
                ) is not None:
                    shifts_by_side[side.name] = side_shifts
        self.app.call_from_thread(self._show, table, shifts_by_side)

    def _show(self, table: Table, shifts_by_side: dict[str, Shifts]) -> None:
        if not self.is_attached or table.sides != tuple(self._sides):  # another baseline was chosen meanwhile
            return
        self.table, self.shifts = table, shifts_by_side
        self._fill()

    def on_resize(self) -> None:
        """Put as many sides beside each other as fit the width."""
        self._fill()

    def _fill(self) -> None:
        if self.table is not None:
            from tui.views.comparison_page import page

            marks = [self._marks(side) for side in self.table.sides]
            width = self.size.width - FRAME
            self.query_one("#compare-table", Static).update(page(self.table, self.shifts, marks, width))

    def _marks(self, side: Side) -> Text:
        """Return the mark and colour of a side's curves; empty for a side without curves."""
        signs = signs_together(self._signs[run.run] for run in side.counted if run.run in self._signs)
        letters = ascii_only(self.app)
        theme = self.app.current_theme
        marks = (
            (sign.drawn(ascii_only=letters), shown_in(sign.colour, theme.name, dark=theme.dark))
            for sign in signs
        )
        return Text.assemble(*((mark, "" if self.app.no_color else colour) for mark, colour in marks))

    def action_back(self) -> None:
        """Give up a range that is being marked, else leave."""
        if not self.query_one(ChartGrid).unmark():
            self.dismiss()

    def action_baseline(self) -> None:
        """Compare with the next side that has results instead; it is pinned as the baseline."""
        having = [side for side in self._order if side.finished] or self._order
        now = self._sides[0]
        baseline = having[(having.index(now) + 1) % len(having)] if now in having else having[0]
        self._sides = [baseline, *(side for side in self._order if side is not baseline)]
        self._pin(baseline.counted[-1].run)
        self._title_frame()
        self._count(self._sides)

    def action_copy(self) -> None:
        """Ask in which format, and put the table into the clipboard, through the terminal."""
        from tui.report.comparison_table import COMPARISON_FORMATS, ComparisonFormat, comparison_text

        if (table := self.table) is None:
            return
        keys = {"Markdown": "m", "LaTeX": "l", "CSV": "v"}
        choices = [Choice(keys[form], f"the table as {form}", form) for form in COMPARISON_FORMATS]

        def chosen(form: ComparisonFormat | None) -> None:
            if form is not None:
                self.app.copy_to_clipboard(comparison_text(table, form))
                self.notify(f"Copied the table as {form}.", timeout=3, markup=False)

        self.app.push_screen(Dialog("Copy", "Into the terminal's clipboard:", choices), chosen)
