"""One run whole, in tabs: its facts, its confusion matrices, its classes, its console, its story.

It stands over another screen and shows what the feed reads for it: while it is open, the snapshots carry the run's
record.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Static

from engine.analysis.alarms import Alarm
from engine.history.confusion_index import MatrixLocation
from engine.runs.status import Status
from engine.text import percent
from tui.keymap.bindings import bindings, words_now
from tui.screens.actions.screen_protocol import give_actions, situation_of_run
from tui.screens.actions.stop_and_resume import RunActions
from tui.screens.app_protocol import Host
from tui.screens.dialogs import Choice, Dialog
from tui.screens.help import open_help
from tui.state.run_page_record import TABS, Page, Record, Tab
from tui.state.snapshot import RunDetail, Snapshot
from tui.terminal.dismissal import ClosesOnce
from tui.text import shorten
from tui.views.queue_gantt import turn
from tui.views.run_page_facts import sections
from tui.views.run_page_title import title_of
from tui.widgets.key_bar import KeyBar
from tui.widgets.message_row import Foot
from tui.widgets.run_page.class_bars import ClassBars
from tui.widgets.run_page.confusion_matrix import MatrixView
from tui.widgets.run_page.epoch_slider import EpochRequested, EpochSlider, Where
from tui.widgets.run_page.fact_sheet import FactSheet
from tui.widgets.run_page.frequent_mistakes import Mistakes
from tui.widgets.run_page.log_view import LogView
from tui.widgets.run_page.log_with_search import LogPane
from tui.widgets.run_page.tab_bar import TabBar

FOCUSED = {
    "overview": "#run-overview",
    "confusion": "#matrix",
    "classes": "#class-bars",
    "console": "#run-console LogView",
    "events": "#run-events LogView",
}
"""The widget that gets the keys on each tab."""


COPIED = 64 * 1024
"""Characters of a log that are copied at most: terminals take about as many."""


class RunScreen(ClosesOnce, Screen[None]):
    """Shows one run of the screen below, whose snapshots it follows.

    Args:
        host: The screen below.
        actions: What is done to the run that is meant there: while this screen is open, the one that it shows.
        run: Its id.
        tab: What is open first.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("RunScreen")

    def __init__(self, host: Host, actions: RunActions, run: str, tab: Tab = "overview") -> None:
        super().__init__()
        give_actions(self, actions)
        self.run = run
        self.page = Page(run)
        """What the feed reads for this screen."""
        self.record = Record(run)
        """What the feed has read of the run."""
        self._host = host
        self._tab: Tab = tab
        self._title = Text()

    def compose(self) -> ComposeResult:
        """A title, the tabs, and the one that is open."""
        yield Static(id="run-title", markup=False)
        yield TabBar([name.capitalize() for name in TABS], id="run-tabs")
        with ContentSwitcher(id="run-pages", initial=f"run-{self._tab}"):
            yield FactSheet(id="run-overview")
            with Vertical(id="run-confusion"):
                yield EpochSlider()
                yield Static(id="cell", markup=False)
                with Container(id="matrix-body"):
                    yield MatrixView(id="matrix")
                    yield Mistakes(id="mistakes")
            with Vertical(id="run-classes"):
                yield EpochSlider()
                yield ClassBars(id="class-bars")
            yield LogPane(id="run-console")
            yield LogPane(id="run-events")
        yield Foot()

    def on_mount(self) -> None:
        """Follow the snapshots, and have the feed read the run."""
        self.query_one("#run-events LogView", LogView).following = False
        self.action_tab(TABS.index(self._tab))
        self._host.follow(self, self._show)
        self._host.look_into(self.page)

    def on_unmount(self) -> None:
        """Have the feed read it no more."""
        self._host.look_into(None)

    @property
    def status(self) -> Status | None:
        """How the run goes; None for a run whose folder is gone."""
        return self._host.snapshot.by_id.get(self.run)

    # ---- showing

    def _show(self, snapshot: Snapshot) -> None:
        record = snapshot.record
        if record is not None and record.run == self.run:
            self.record = record
        self._show_title(snapshot.alarms.get(self.run, ()))
        bar = self.query_one(KeyBar)
        bar.needless = self._host.needless()
        bar.wording = words_now("RunScreen", situation_of_run(self.status))
        self._show_tab(snapshot)

    def _show_title(self, alarms: Sequence[Alarm]) -> None:
        is_earlier = self._tab in ("confusion", "classes") and self.page.place is not None
        title = title_of(
            self.run, self.status, alarms, self.size.width - 2,
            turn=turn(self._host.snapshot, self.run), is_earlier=is_earlier,
        )  # fmt: skip
        if title != self._title or title.spans != self._title.spans:
            self._title = title
            self.query_one("#run-title", Static).update(title, layout=False)

    def on_resize(self) -> None:
        """Fit the title to the width."""
        if self.query("#run-title"):
            self._show_title(self._host.snapshot.alarms.get(self.run, ()))

    def _show_tab(self, snapshot: Snapshot) -> None:
        """Show what is new on the tab that is open; the others catch up when they are opened."""
        record = self.record
        match self._tab:
            case "overview":
                detail = snapshot.detail
                if detail is None or detail.run != self.run:
                    detail = RunDetail(self.run, {}, {}, ())
                its_turn = turn(snapshot, self.run)
                self.query_one(FactSheet).show(
                    sections(self.status, detail.config, record, detail.labels, its_turn)
                )
            case "confusion":
                self.query_one("#run-confusion EpochSlider", EpochSlider).show(record)
                self.query_one(MatrixView).show(record.matrix)
                self.query_one(Mistakes).show(record.matrix)
                self._say_cell()
            case "classes":
                self.query_one("#run-classes EpochSlider", EpochSlider).show(record)
                self.query_one(ClassBars).show(record.matrix)
            case "console":
                cut = (
                    f"the first {record.cut / 2**20:,.0f} MiB of console.log are not read"
                    if record.cut
                    else ""
                )
                loading = "reading …" if record.loading else ""
                self.query_one("#run-console", LogPane).show(
                    record.console, ", ".join(filter(None, (loading, cut)))
                )
            case "events":
                self.query_one("#run-events", LogPane).show(
                    record.story, "reading …" if record.loading else ""
                )

    @on(MatrixView.CellMoved)
    def _say_cell(self) -> None:
        view = self.query_one(MatrixView)
        self.query_one("#cell", Static).update(self._cell(view), layout=False)

    def _cell(self, view: MatrixView) -> str:
        """Return what the cell under the cursor says, in words."""
        matrix, matrix_place = view.matrix, self.record.place
        if matrix is None:
            return (
                ""
                if matrix_place is None
                else f"the matrix of step {matrix_place.step:,} cannot be shown: it is not square"
            )
        row, column = view.cursor
        count, share = int(matrix.counts[row, column]), percent(matrix.shares[row, column])
        of = f"{count:,} of {int(matrix.by_class.support[row]):,}, {share} %"
        true, taken = matrix.labels[row], matrix.labels[column]
        room = max(8, (self.size.width - len(of) - 24) // 2)
        true, taken = (shorten(name, room).rstrip() for name in (true, taken))
        return f"{true}, taken for {taken}: {of}" if row != column else f"{true}, rightly: {of}"

    # ---- acting

    def action_seed(self, step: int) -> None:
        """Show the run of the seed before or after, of the same experiment."""
        seeds = seeds_of(self._host.snapshot.runs, self.run)
        if len(seeds) < 2:
            self.app.notify("There is no other seed of this experiment.", timeout=3, markup=False)
            return
        self.run = seeds[(seeds.index(self.run) + step) % len(seeds)]
        self.page, self.record = Page(self.run), Record(self.run)
        self._host.look_into(self.page)
        self._show(self._host.snapshot)

    def action_copy(self) -> None:
        """Ask what to copy, and copy it: lines of the log, where one is open, or the path of the folder."""
        path = "the path of the run's folder"
        project = self._host.project
        texts = {path: str((project.folder / project.runs / self.run).absolute())}
        choices = [Choice("p", path, path)]
        if self._tab in ("console", "events"):
            log = self.query_one(f"#run-{self._tab} LogView", LogView)
            last = log.last_text(COPIED)
            whole = (
                f"all {len(last):,} lines"
                if len(last) == log.shown_count
                else f"the last {len(last):,} lines"
            )
            whole += " that match" if log.is_narrowed else ""
            texts |= {"the lines in view": "\n".join(log.text_in_view()), whole: "\n".join(last)}
            choices += [Choice("v", "the lines in view", "the lines in view"), Choice("a", whole, whole)]

        def chosen(what: str | None) -> None:
            if what is not None:
                self.app.copy_to_clipboard(texts[what])
                self.notify(f"Copied {what}.", timeout=3, markup=False)

        self.app.push_screen(Dialog("Copy", "Into the terminal's clipboard:", choices), chosen)

    def action_tab(self, index: int) -> None:
        """Open a tab."""
        self._tab = TABS[index]
        self.query_one(TabBar).index = index
        self.query_one(ContentSwitcher).current = f"run-{self._tab}"
        self.query_one(FOCUSED[self._tab]).focus(scroll_visible=False)
        self._show_tab(self._host.snapshot)
        self._show_title(self._host.snapshot.alarms.get(self.run, ()))

    def action_step(self, step: int) -> None:
        """Open the tab beside."""
        self.action_tab((TABS.index(self._tab) + step) % len(TABS))

    @on(TabBar.Clicked)
    def _clicked(self, message: TabBar.Clicked) -> None:
        self.action_tab(message.index)

    @on(EpochRequested)
    def _scrubbed(self, message: EpochRequested) -> None:
        matrix_place = self.page.place or self.record.place
        series = self.record.series(matrix_place.split) if matrix_place is not None else []
        if matrix_place is None or matrix_place not in series:
            return
        self._look(series, go(message.where, series.index(matrix_place), len(series)))

    def action_split(self) -> None:
        """Show the evaluation of another split, at the same step where it has one."""
        splits, matrix_place = self.record.splits, self.page.place or self.record.place
        if self._tab not in ("confusion", "classes") or matrix_place is None or len(splits) < 2:
            self.app.bell()
            return
        series = self.record.series(splits[(splits.index(matrix_place.split) + 1) % len(splits)])
        self._look(
            series,
            max(
                (i for i, evaluation in enumerate(series) if evaluation.step <= matrix_place.step), default=0
            ),
        )

    def _look(self, series: list[MatrixLocation], index: int) -> None:
        """Have the feed read a matrix of a series; the last one stands for whichever is the newest."""
        newest = index == len(series) - 1
        self.page = Page(self.run, None if newest else series[index], series[index].split)
        self._host.look_into(self.page)

    @on(Mistakes.Clicked)
    def _mistake_clicked(self, message: Mistakes.Clicked) -> None:
        self.query_one(MatrixView).cursor = message.cell

    def action_help(self) -> None:
        """Say what every key does."""
        open_help(self.app, self, "A run")

    def action_back(self) -> None:
        """One layer out: a search, then the screen."""
        if not (self._tab in ("console", "events") and self.query_one(f"#run-{self._tab}", LogPane).leave()):
            self.dismiss()

    def action_close(self) -> None:
        """Back to the dashboard."""
        self.dismiss()


def seeds_of(runs: Sequence[Status], run: str) -> list[str]:
    """Return the newest run of each seed of a run's experiment, by seed; of its own seed the run itself."""
    its = next((status for status in runs if status.run == run), None)
    if its is None:
        return []
    newest = {status.seed: status.run for status in runs if status.experiment == its.experiment}
    newest[its.seed] = run
    return [newest[seed] for seed in sorted(newest)]


def go(where: Where, at: int, count: int) -> int:
    """Return the index, of ``count``, that a step from the index ``at`` leads to; it stays within the ends."""
    target = {"first": 0, "back": at - 1, "on": at + 1, "last": count - 1}[where]
    return max(0, min(target, count - 1))
