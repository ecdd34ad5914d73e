"""What the panes beside the charts show of the row under the cursor: overview and console; without a row, advice."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from engine.text import clean
from tui.app_options import readonly
from tui.screens.dashboard.resting_line import resting_line
from tui.state.snapshot import Snapshot
from tui.text import without_known
from tui.views.first_steps import first_steps, start_here
from tui.views.queue_gantt import why_and_until
from tui.views.run_list_row import Row
from tui.views.run_list_tree import lacks_gpu
from tui.widgets.message_row import MessageRow
from tui.widgets.runs.console import Console
from tui.widgets.runs.run_overview import Overview


class OverviewAndConsole:
    """Shows a row on a screen that has an ``Overview``, a ``Console`` and a place for advice.

    Args:
        screen: The screen.
        config: The path of the experiments, for who has none yet.
    """

    def __init__(self, screen: Screen[None], config: Path) -> None:
        self._screen = screen
        self._config = config
        self._title, self._advised = "", ""

    def show(self, snapshot: Snapshot, row: Row | None, filter_text: str, rest: str) -> None:
        """Show a row.

        Args:
            snapshot: Has its run.
            row: The row; None for a list without rows.
            filter_text: What leaves none then.
            rest: What the row for messages says while there is none; empty for a line on the row.
        """
        status = snapshot.by_id.get(row.run or "") if row else None
        detail = snapshot.detail if snapshot.detail and status and snapshot.detail.run == status.run else None
        config = {}
        if row is not None and snapshot.config is not None and row.experiment in snapshot.config.experiments:
            experiment = snapshot.config.experiments[row.experiment]
            config = {key: getattr(experiment, key) for key in experiment.__struct_fields__}
        alarms = snapshot.alarms.get(status.run, ()) if status else ()
        behind = row.unfinished if row else ()
        self._screen.query_one(Overview).show(status, detail, config, alarms, behind, row)
        title = row.label if row else "Run"
        if title != self._title:
            self._title = title
            self._screen.query_one("#right").border_title = Content(title)
        lines = tuple(detail.console) if detail is not None else ()
        console = self._screen.query_one(Console)
        console.show(lines)
        line = rest or resting_line(
            row, status, lines, has_console=console.display, unread=snapshot.unread,
            waits=why_and_until(snapshot, status), room=self._screen.size.width - 2,
        )  # fmt: skip
        self._screen.query_one(MessageRow).rest = line
        begins = not (snapshot.runs or snapshot.runs_error or snapshot.loading)
        if row is None:
            self._advise(self._advice(snapshot, filter_text, rest), begins=False)
        else:
            self._advise(self._start(snapshot, row.experiment) if begins else (), begins=begins)

    def _advise(self, lines: Iterable[str], *, begins: bool) -> None:
        advice = "\n".join(lines)
        if advice != self._advised:
            self._advised = advice
            pane = self._screen.query_one("#advice", Static)
            pane.border_title = Content("Start here" if begins else "")
            pane.update(advice)
            self._screen.set_class(begins, "-start")

    def _start(self, snapshot: Snapshot, name: str) -> list[str]:
        """Return what to do where nothing has run: with this experiment, or with one that wants no GPU."""
        experiments = snapshot.config.experiments if snapshot.config is not None else {}
        ready = next((each for each in (name, *experiments) if not lacks_gpu(snapshot, each)), None)
        return list(map(clean, start_here(name, ready=ready, readonly=readonly(self._screen.app))))

    def _advice(self, snapshot: Snapshot, filter_text: str, rest: str) -> list[str]:
        if filter_text:
            return [f"nothing matches {filter_text!r}; esc shows everything again"]
        if error := snapshot.runs_error or snapshot.config_error:
            return list(map(without_known, error.splitlines()))
        return [rest] if snapshot.past is not None else first_steps(self._config)
