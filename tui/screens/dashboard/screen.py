"""The one screen that stays: runs on the left, charts in the middle, the run in focus right, its console below."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.timer import Timer
from textual.widgets import Input, Static

from engine.analysis.run_groups import siblings
from engine.runs.status import LIVE, Status
from engine.runs.store import Store
from tui.keymap.lookup import bindings
from tui.screens.actions.charts import SMOOTHINGS
from tui.screens.actions.compare import Comparing
from tui.screens.actions.config import FIRST_EXPERIMENT, Editing
from tui.screens.actions.copy import Copying
from tui.screens.actions.export import Exporting
from tui.screens.actions.labels_and_trash import Caring
from tui.screens.actions.overrides import Varying
from tui.screens.actions.queue import Queueing
from tui.screens.dashboard.notifications import Telling
from tui.screens.dashboard.panes import Panes
from tui.screens.dashboard.session import Remembering
from tui.screens.help import HelpScreen
from tui.state.messages import Changed, CursorMoved, Opened, SelectionChanged
from tui.state.run_record import Page, Tab
from tui.state.snapshot import Project, Snapshot, Watch
from tui.views.curve_signs import Signs
from tui.views.row import Row
from tui.views.run_names import curve_labels
from tui.widgets.chart.grid import ChartGrid
from tui.widgets.key_bar import KeyBar
from tui.widgets.machine.pane import MachinePane
from tui.widgets.machine.status_line import MachineLine
from tui.widgets.runs.console import Console
from tui.widgets.runs.filter_box import FilterBox
from tui.widgets.runs.overview import Overview
from tui.widgets.runs.run_list import RunList

REST_S = 0.08
"""Seconds that the cursor has to rest on a row before the charts show it."""
CLEARING_S = 4
FIRST_STEPS = f"""\
There are no experiments yet. e writes this one into {{config}}:

{textwrap.indent(FIRST_EXPERIMENT, "    ")}
Experiments appear here as soon as the file is saved; r runs one.
`engine check` says what is wrong with the file."""


class Dashboard(
    Remembering, Comparing, Exporting, Editing, Varying, Copying, Panes, Queueing, Caring, Telling
):
    """Shows the newest snapshot, and asks the feed for what is selected."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-normal"), (165, "-wide")]  # noqa: RUF012  as Textual has it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = bindings("Dashboard")

    snapshot: reactive[Snapshot] = reactive(Snapshot(), repaint=False, always_update=True)
    """What is shown."""

    def __init__(self, project: Project) -> None:
        super().__init__()
        self.project = project
        self.store = Store(project.runs)
        self._pinned: str | None = None
        """The run that stays in the charts, over the others."""
        self._page: Page | None = None
        """What of a run stands over this screen."""
        self._signs = Signs()
        self._title, self._advised = Content(), ""
        self._resting: Timer | None = None
        self._heard = False
        """Whether the feed has looked at the project."""
        self._clearing_until = 0.0
        """Until when the key that lets go of the overlaid runs does so."""

    def compose(self) -> ComposeResult:
        """Lay the panes out; the style sheet moves them with the terminal's size."""
        yield MachineLine(self._title_of_project(), id="machine")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield RunList(id="runs")
                yield FilterBox(self.known_values)
            with Vertical(id="middle"):
                yield ChartGrid(id="charts")
                yield Input(placeholder="metric, a regular expression", id="search")
            yield Static(id="advice", markup=False)
            yield Overview(id="right")
        yield Console(id="console")
        yield MachinePane(id="bottom")
        yield KeyBar()

    def _title_of_project(self) -> str:
        options = getattr(self.app, "options", None)
        name = self.project.folder.name or str(self.project.folder)
        return f"{name}   read-only" if options is not None and options.readonly else name

    def on_mount(self) -> None:
        """Name the panes."""
        self.query_one("#left").border_title = "Runs"
        self.query_one("#right").border_title = "Run"
        self.query_one(RunList).focus()

    # ---- showing

    def watch_snapshot(self) -> None:
        """Show a new moment."""
        if not self.is_mounted:
            return
        snapshot = self.snapshot
        self.query_one(MachineLine).show(snapshot)
        self.query_one(MachinePane).show(snapshot)
        runs = self.query_one(RunList)
        signs = self._signs.choose(snapshot, self._watch().runs, bands=self._bands)
        runs.show(self.rows(), signs, self._pinned)
        self._show_focus()
        if self._heard and snapshot.watch == self._watch():
            self._show_curves(self.query_one(ChartGrid))
            self.show_compared()
        self._look()

    def _show_curves(self, grid: ChartGrid) -> None:
        """Show the curves of what is looked at."""
        snapshot, own = self.snapshot, self.query_one(ChartGrid)
        grid.x_label, grid.smoothing, grid.log_y = own.x_label, own.smoothing, own.log_y
        on_top = {name for name in (snapshot.watch.focus, self._pinned) if name}
        grid.show(snapshot.curves, self._labels(snapshot), self._signs.known, on_top)

    def _show_focus(self) -> None:
        row, snapshot = self.query_one(RunList).row, self.snapshot
        status = self._status(row.run) if row else None
        detail = snapshot.detail if snapshot.detail and status and snapshot.detail.run == status.run else None
        config = {}
        if row is not None and snapshot.config is not None and row.experiment in snapshot.config.experiments:
            experiment = snapshot.config.experiments[row.experiment]
            config = {key: getattr(experiment, key) for key in experiment.__struct_fields__}
        alarms = snapshot.alarms.get(status.run, ()) if status else ()
        self.query_one(Overview).show(status, detail, config, alarms, row.unfinished if row else ())
        title = Content(row.label if row else "Run")
        if title != self._title:
            self._title = title
            self.query_one("#right").border_title = title
        if detail is not None:
            lines: Iterable[str] = detail.console
        elif row is not None and row.run is None:
            lines = ["not run yet: r queues it"]
        else:
            lines = ()
        self.query_one(Console).show(tuple(lines))
        advice = "\n".join(self._advice()) if row is None else ""
        if advice != self._advised:
            self._advised = advice
            self.query_one("#advice", Static).update(advice)
        self.set_class(row is None and self._heard, "-empty")
        nothing_to_open = {"open"} if status is None else set()
        self.query_one(KeyBar).needless = self.needless() | nothing_to_open

    def _advice(self) -> list[str]:
        if self._filter:
            return [f"nothing matches {self._filter!r}; esc shows everything again"]
        if self.snapshot.config_error:
            return self.snapshot.config_error.splitlines()
        return FIRST_STEPS.format(config=self.project.config).splitlines()

    def _labels(self, snapshot: Snapshot) -> dict[str, str]:
        """Return what the charts call each run; a curve alone needs no name."""
        drawn = {curve.run for curves in snapshot.curves.values() for curve in curves}
        shown = [status for name in snapshot.watch.runs if name in drawn and (status := self._status(name))]
        labels = curve_labels(shown, snapshot.about, of_seeds=snapshot.watch.bands)
        return dict(zip((status.run for status in shown), labels, strict=True))

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self.query_one(RunList).row

    @property
    def focused_run(self) -> Status | None:
        """The run that is shown whole, or the one under the cursor."""
        if self._page is not None:
            return self._status(self._page.run)
        return self._status(self.row.run) if self.row else None

    @property
    def folded_row(self) -> Row | None:
        """The row under the cursor, unless a run is shown whole."""
        return self.row if self._page is None else None

    @property
    def meant_runs(self) -> list[Status]:
        """The selected runs, or those that the row under the cursor stands for."""
        meant = self.query_one(RunList).selected or set(self.row.runs if self.row is not None else ())
        return [status for status in self.snapshot.runs if status.run in meant]

    def _status(self, run: str | None) -> Status | None:
        return next((status for status in self.snapshot.runs if status.run == run), None)

    # ---- what is looked at

    @property
    def settled(self) -> bool:
        """Whether all that is asked for has been read, and stands on the screen."""
        snapshot = self.snapshot
        begun = snapshot.machine.memory_total > 0  # the feed looks at the machine when it knows the runs
        return begun and not snapshot.loading and snapshot.watch == self._watch()

    def _watch(self) -> Watch:
        runs = self.query_one(RunList)
        focus = self._page.run if self._page else runs.row.run if runs.row else None
        chosen = {status.run for status in self.snapshot.runs if status.run in runs.selected | {self._pinned}}
        chosen |= {focus} if focus is not None else set()
        if self._bands:
            chosen |= siblings(self.snapshot.runs, chosen, self.snapshot.about)
        shown = [status.run for status in self.snapshot.runs if status.run in chosen and status.run != focus]
        shown += [focus] if focus is not None else []
        if self.compared:
            shown = [status.run for status in self.snapshot.runs if status.run in self.compared]
        return Watch(tuple(shown), focus, self._axis, SMOOTHINGS[self._smoothing], self._bands, self._page)

    def _look(self) -> None:
        """Ask the feed for what is looked at now, once the list shows it: its thread would hold the painting up."""
        self.call_after_refresh(lambda: self.app.look_at(self._watch()))  # type: ignore[attr-defined]

    def look_into(self, page: Page | None) -> None:
        """Have the feed read a run whole, or no more."""
        self._page = page
        self._look()

    @on(CursorMoved)
    def _cursor_moved(self) -> None:
        """Follow the cursor, the charts once it rests: a key that is held down would draw them all each time."""
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(REST_S, self._look)
        self._show_focus()

    @on(SelectionChanged)
    def _selection_changed(self, message: SelectionChanged) -> None:
        if message.together:
            self.fold_seeds()
        self.watch_snapshot()

    @on(Changed)
    def _changed(self, message: Changed) -> None:
        error = message.snapshot.config_error
        if error and error != self.snapshot.config_error:
            self.notify(error, title="experiments.toml", severity="error", markup=False, timeout=15)
        self._heard = True
        self.snapshot = message.snapshot
        self.tell(message.ended, message.alarms)

    # ---- looking

    @on(Opened)
    def action_open(self) -> None:
        """Show the run under the cursor whole; of a group, what is in it."""
        runs, row = self.query_one(RunList), self.row
        if row is not None and row.group:
            runs.action_fold(unfold=row.folds not in runs.unfolded)
        elif not self._open("overview"):
            runs.action_fold(unfold=True)

    def action_open_log(self) -> None:
        """Show all that the run under the cursor has said."""
        if not self._open("console"):
            self._refuse("Nothing to read", "There is no run under the cursor.")

    def _open(self, tab: Tab) -> bool:
        """Show the run under the cursor whole; return whether there is one."""
        from tui.screens.run import RunScreen

        status = self.focused_run
        if status is not None:
            self.app.push_screen(RunScreen(self, status.run, tab))
        return status is not None

    def action_pane(self, pane: str) -> None:
        """Show or hide a side pane."""
        widget = self.query_one(f"#{pane}")
        widget.set_class(widget.display, "-hidden")
        widget.set_class(not widget.display, "-shown")

    def action_reset(self) -> None:
        """Show everything as at the start."""
        for pane in ("#left", "#right"):
            self.query_one(pane).remove_class("-hidden", "-shown")
        self.action_console()
        self.query_one(ChartGrid).reset()

    def action_pin(self) -> None:
        """Keep the run under the cursor in the charts, over all others; again to let it go."""
        status = self.focused_run
        if status is None:
            self._refuse("Nothing to pin", "There is no run under the cursor.")
            return
        self._pinned = None if self._pinned == status.run else status.run
        self.watch_snapshot()

    def action_back(self) -> None:
        """One layer out: a range that is marked, the filter, the reading cursor and zoom, the selection."""
        runs, grid = self.query_one(RunList), self.query_one(ChartGrid)
        if grid.unmark():
            return
        shown = [box for box in self.query(Input) if box.has_class("-shown")]
        if shown:
            for box in shown:
                box.value = ""
                box.remove_class("-shown")
            runs.focus()
        elif self.focused is not runs:
            runs.focus()
        elif any(chart.cursor is not None or chart.view is not None for chart in grid.charts) or grid.zoomed:
            grid.reset()
        elif runs.selected:
            self._clear_overlay()

    def _clear_overlay(self) -> None:
        """Let go of the overlaid runs, if that is asked for twice: the key has many uses, and they took work."""
        runs = self.query_one(RunList)
        if time.monotonic() > self._clearing_until:
            self._clearing_until = time.monotonic() + CLEARING_S
            count = len(runs.selected)
            self.notify(f"esc again lets go of {count} overlaid run{'s' * (count > 1)}", timeout=CLEARING_S)
            return
        self._clearing_until = 0.0
        runs.selected.clear()
        self.watch_snapshot()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.query_one(RunList).focus()

    def action_help(self) -> None:
        """Say what every key does."""
        self.app.push_screen(HelpScreen())


def live_runs(snapshot: Snapshot) -> list[Status]:
    """Return the runs that go on when the app is left."""
    return [status for status in snapshot.runs if status.state in LIVE]
