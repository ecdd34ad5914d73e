"""The one screen that stays: runs on the left, charts in the middle, the run in focus right, its console below."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import ClassVar

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.events import MouseUp
from textual.reactive import reactive
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input, Static

from engine.runs.status import Status
from tui.curve_palette import Sign
from tui.keymap.bindings import bindings
from tui.screens.action_screen import ActionScreen
from tui.screens.actions.charts import ChartActions
from tui.screens.actions.compare import CompareActions
from tui.screens.actions.copy_to_clipboard import CopyActions
from tui.screens.actions.draw_figures import DrawingActions
from tui.screens.actions.edit_experiment import ConfigActions
from tui.screens.actions.export import ExportActions
from tui.screens.actions.labels_and_trash import LabelActions
from tui.screens.actions.move_and_hold import QueueActions
from tui.screens.actions.queue_experiments import ExperimentActions
from tui.screens.actions.run_with_changes import OverrideActions
from tui.screens.actions.screen_protocol import give_actions
from tui.screens.actions.stop_and_resume import RunActions
from tui.screens.actions.time_machine import PastActions
from tui.screens.actions.value_cursor import ReadingActions
from tui.screens.app_protocol import FileReader
from tui.screens.dashboard import remembered_view
from tui.screens.dashboard.bar_of_keys import BoardBar
from tui.screens.dashboard.drawn_curves import DrawnCurves
from tui.screens.dashboard.escape_layers import LayerActions
from tui.screens.dashboard.notifications import Notifier
from tui.screens.dashboard.overview_and_console import OverviewAndConsole
from tui.screens.dashboard.panes import PaneActions
from tui.screens.dashboard.run_list_arrangement import ArrangeActions, Arrangement
from tui.screens.dashboard.run_list_filter import FilterActions, RunFilter
from tui.screens.message_duration import SHORTEST_S
from tui.state.dashboard_state import BoardState
from tui.state.messages import (
    Changed,
    CursorMoved,
    HeadingClicked,
    ListChanged,
    MarksHidden,
    NothingToOverlay,
    Opened,
    Queued,
)
from tui.state.run_page_record import Page
from tui.state.session import MOST, SavedView
from tui.state.snapshot import Project, Snapshot, Watch
from tui.views.colours_by_experiment import Signs
from tui.views.run_list_row import Row
from tui.widgets.chart.chart_grid import ChartGrid
from tui.widgets.machine.pane import MachinePane
from tui.widgets.machine.status_line import MachineLine
from tui.widgets.message_row import Foot
from tui.widgets.runs.console import Console
from tui.widgets.runs.filter_box import FilterBox
from tui.widgets.runs.list_pane import ListPane
from tui.widgets.runs.run_list import RunList
from tui.widgets.runs.run_overview import Overview
from tui.widgets.text_box import TextBox
from tui.widgets.time_slider import TimeSlider

REST_S = 0.08
"""Seconds that the cursor has to rest on a row before the charts show it."""
LOW = 20
"""Rows of a screen below which the other panes give way to the list."""


class Dashboard(ActionScreen):
    """Shows the newest snapshot, and asks the feed for what is selected.

    Args:
        project: What is shown.
        reader: Reads what is selected.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-normal"), (165, "-wide"), (240, "-vast")]  # noqa: RUF012  as Textual has it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = bindings("Dashboard")

    snapshot: reactive[Snapshot] = reactive(Snapshot(), repaint=False, always_update=True)
    """What is shown."""

    def __init__(self, project: Project, reader: FileReader) -> None:
        super().__init__(project)
        self.state = BoardState()
        self.arrangement = Arrangement()
        self.filter = RunFilter()
        self._reader = reader
        self._signs = Signs()
        self._drawn = DrawnCurves()
        self._notifier = Notifier(self)
        self._overview_and_console = OverviewAndConsole(self, project.config)
        self._resting: Timer | None = None
        self._heard = False
        """Whether the feed has looked at the project."""
        self._charts = ChartActions(self, self)
        self._comparing = CompareActions(self, self, reader)
        self.arranging = ArrangeActions(self, self, self.arrangement)
        self.experiments = ExperimentActions(self)
        self._reading = ReadingActions(self, self, self.arranging.show_columns)
        self.filtering = FilterActions(self, self, self.filter, lambda: self.snapshot)
        runs = RunActions(self)
        self.drawing = DrawingActions(self)
        self.past = PastActions(self, self, reader.look_back)
        self._layers = LayerActions(self, self, self, runs, self.past)
        self._bar = BoardBar(self, self, self._layers, self._reading)
        give_actions(
            self, runs, self.experiments, QueueActions(self), LabelActions(self), ConfigActions(self, self),
            OverrideActions(self, self.experiments), CopyActions(self), ExportActions(self), self.drawing,
            self._comparing, self._charts, self._reading, self.arranging, self.filtering,
            PaneActions(self, self), self._layers, self.past,
        )  # fmt: skip

    def compose(self) -> ComposeResult:
        """Lay the panes out; the style sheet moves them with the terminal's size."""
        name = self.project.folder.name or str(self.project.folder)
        yield MachineLine(name + "   read-only" * self.readonly, id="machine")
        with Horizontal(id="body"):
            with ListPane(id="left"):
                yield RunList(id="runs")
                yield FilterBox(lambda: self.filter.known_values(self.snapshot), lambda: self.filter.saved)
            with Vertical(id="middle"):
                yield ChartGrid(id="charts")
                yield TextBox(placeholder="charts of which metrics? a regular expression", id="search")
            yield Static(id="advice", markup=False)
            yield Overview(id="right")
        yield Console(id="console")
        yield MachinePane(id="bottom")
        yield TimeSlider(self.past.go_to, id="time")
        yield Foot()

    def on_mount(self) -> None:
        """Name the panes."""
        self.query_one("#left").border_title = "Runs"
        self.query_one("#right").border_title = "Run"
        self.query_one("#bottom").border_title = " Machine and queue "
        self.run_list.focus()
        self.bindings_updated_signal.subscribe(self, lambda _: self.show_way_out())

    def on_resize(self) -> None:
        """Let other panes give way on a low screen."""
        self.set_class(self.size.height < LOW, "-low")
        self.call_after_refresh(self._name_pane)

    @property
    def grid(self) -> ChartGrid:
        """The charts."""
        return self.query_one(ChartGrid)

    @property
    def run_list(self) -> RunList:
        """The list."""
        return self.query_one(RunList)

    def watch_snapshot(self) -> None:
        """Show a new moment."""
        if not self.is_mounted:
            return
        snapshot = self.snapshot
        self.query_one(MachineLine).show(snapshot)
        self.query_one(MachinePane).show(snapshot)
        watch = self._watch()
        signs = self._signs.choose(snapshot, watch.runs, watch.folds)
        self.run_list.show(self.rows(), signs, self.state.pinned)
        self._name_pane()
        self.past.show()
        self._show_focus()
        if self._heard and snapshot.watch == watch and not snapshot.loading:
            self._charts.fit_axis()
        if self._heard and snapshot.watch == self._watch():
            self.draw(self.grid)
            self._reading.show()
            self._comparing.draw()
        self.look()

    def _name_pane(self) -> None:
        self.arranging.name_pane(self.filter.count_text(self.snapshot))

    @on(ListChanged)
    def show(self) -> None:
        """Show everything anew."""
        self.watch_snapshot()

    def rows(self) -> list[Row]:
        """Return the rows of this moment."""
        snapshot = self.snapshot
        return self.arrangement.rows(snapshot, self.run_list.unfolded, self.filter.meant(snapshot))

    @property
    def signs(self) -> Mapping[str, Sign]:
        """The colour and mark of each run in the charts."""
        return self._signs.signs

    def draw(self, grid: ChartGrid) -> None:
        """Show the curves of what is looked at, in these charts or those of a screen over this one."""
        snapshot, own = self.snapshot, self.grid
        grid.x_label, grid.smoothing, grid.log_y = own.x_label, own.smoothing, own.log_y
        self._drawn.draw(grid, snapshot, self._signs.signs, self.run_list.rows, self.state.pinned)

    def _show_focus(self) -> None:
        row = self.row
        self._overview_and_console.show(
            self.snapshot, row, self.filter.text, self._reading.rest or self.past.rest
        )
        self.set_class(row is None and self._heard, "-empty")
        self._bar.show()

    @on(MouseUp)
    def show_way_out(self) -> None:
        """Say in the bar of keys what escape ends now."""
        if self.is_mounted and self.is_current and self.is_attached:
            self._bar.show_way_out()

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self.run_list.row

    @property
    def focused_run(self) -> Status | None:
        """The run that is shown whole, or the one under the cursor."""
        page, row = self.state.page, self.row
        name = page.run if page is not None else row.run if row is not None else None
        return self.snapshot.by_id.get(name) if name is not None else None

    @property
    def folded_row(self) -> Row | None:
        """The row under the cursor, unless a run is shown whole."""
        return self.row if self.state.page is None else None

    @property
    def marked_rows(self) -> Sequence[Row]:
        """The marked rows, unless a run is shown whole."""
        return self.run_list.marked_rows if self.state.page is None else ()

    @property
    def refusal(self) -> str:
        """Why nothing may be changed now: read-only, or while the past is shown; empty where it may."""
        return super().refusal or ("" if self.past.moment is None else self.past.refusal)

    @property
    def visible_runs(self) -> Set[str]:
        """The runs that the filter leaves."""
        meant = self.filter.meant(self.snapshot)
        return self.snapshot.by_id.keys() if meant is None else meant.runs

    def needless(self) -> frozenset[str]:
        """Return the names of actions that would do nothing to the run that is meant."""
        return self._bar.needless

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The arrows are the charts' where one has gone to them, or reads values; digits only while one reads."""
        if action == "read_at":
            return self._reading.takes(str(parameters[0]))
        if action == "cursor":
            return self._reading.has_arrows or isinstance(self.focused, Overview | MachinePane)
        return self._reading.has_arrows if action == "cursor_end" else True

    # ---- how it is looked at

    def taken_view(self) -> SavedView:
        """Return how the screen is looked at."""
        view = remembered_view.taken_view(self, self, self.arrangement, self.filter)
        return msgspec.structs.replace(view, signs=dict(list(self._signs.kept.items())[-MOST:]))

    def give_view(self, view: SavedView) -> None:
        """Look at the screen in that way, as far as that is possible."""
        self._signs.keep(view.signs)
        remembered_view.give_view(view, self, self, self.arranging, self.filter)

    # ---- what is looked at

    @property
    def settled(self) -> bool:
        """Whether all that is asked for has been read, and stands on the screen."""
        snapshot = self.snapshot
        begun = snapshot.machine.memory_total > 0  # the feed looks at the machine when it knows the runs
        is_there = self.past.is_shown and (begun or snapshot.past is not None)
        return is_there and not snapshot.loading and snapshot.watch == self._watch()

    def _watch(self) -> Watch:
        runs, row = self.run_list, self.row
        return self.state.watch(
            self.snapshot, runs.overlaid, row.run if row is not None else None,
            alone={listed.run for listed in runs.rows if listed.run and listed.parent and not listed.folds},
            whole=row is not None and bool(row.folds),
            passing=None if (meant := self.filter.meant(self.snapshot)) is None else meant.runs,
        )  # fmt: skip

    def look(self) -> None:
        """Ask the feed for what is looked at now, once the list shows it: its thread would hold the painting up."""
        self.call_after_refresh(lambda: self._reader.look_at(self._watch()))

    def look_into(self, page: Page | None, *, machine: bool = False) -> None:
        """Have the feed read a run whole, or look at the machine whole; None and False end that."""
        self.state.page, self.state.machine = page, machine
        self.look()

    def follow(self, screen: Screen[None], show: Callable[[Snapshot], None]) -> None:
        """Show a screen over this one the snapshot of now and all that come, for as long as it is open."""
        screen.watch(self, "snapshot", show)

    @on(CursorMoved)
    def _cursor_moved(self) -> None:
        """Follow the cursor, the charts once it rests: a key that is held down would draw them all each time."""
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(REST_S, self.look)
        self._show_focus()

    @on(MarksHidden)
    def _marks_hidden(self, message: MarksHidden) -> None:
        count = message.still_there(self.snapshot.by_id)
        if count and not self.has_just_answered:  # the answer to what was done says it, and stays
            self.say(f"{count} marked row{'s' * (count > 1)} no longer listed: unmarked", SHORTEST_S)

    @on(Queued)
    def _queued(self, message: Queued) -> None:
        self.run_list.reveal(message.run, message.folds)
        self.watch_snapshot()

    @on(NothingToOverlay)
    def _nothing_to_overlay(self) -> None:
        self.say("not run: nothing to overlay; r runs it", SHORTEST_S)

    @on(Changed)
    def _changed(self, message: Changed) -> None:
        message.taken.set()
        self._notifier.tell_of_mistakes(message.snapshot, self.snapshot)
        self._heard = True
        self.snapshot = message.snapshot
        self._notifier.tell(message.snapshot, message.ended, message.alarms)

    @on(ChartGrid.ReadingMoved)
    def _reading_moved(self) -> None:
        self._reading.show()
        self._show_focus()

    @on(Opened)
    def _opened(self) -> None:
        self._layers.action_open()

    @on(HeadingClicked)
    def _heading_clicked(self, message: HeadingClicked) -> None:
        self.arranging.heading_clicked(message.column)

    @on(Input.Changed, "#search")
    def _search_changed(self, message: Input.Changed) -> None:
        self._charts.search(message.value)

    @on(Input.Changed, "#filter")
    @on(Input.Blurred, "#filter")
    def _filter_changed(self, message: Input.Changed | Input.Blurred) -> None:
        if not message.input.is_attached:
            return  # the app is being left
        self.filter.text = message.value
        self.filtering.understand(writing=message.input.has_focus)
        self.watch_snapshot()

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        if message.input.id == "search" or self.filtering.accept(self.watch_snapshot):
            self.run_list.focus()
