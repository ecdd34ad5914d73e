"""What actions see of a screen: the runs that are meant, and the ways to act on files and to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import AbstractContextManager
from typing import Any, Protocol

from textual.screen import Screen

from engine.runs.status import LIVE, RESUMABLE, Status
from engine.runs.store import Store
from tui.keymap.action import Situation
from tui.keymap.bindings import names_of
from tui.state.dashboard_state import BoardState
from tui.state.messages import Failed, Queued, Succeeded
from tui.state.snapshot import Project, Snapshot
from tui.state.undo_history import UndoHistory
from tui.views.run_list_row import Row
from tui.widgets.chart.chart_grid import ChartGrid
from tui.widgets.runs.run_list import RunList


class Terminal(Protocol):
    """The terminal that the app is in."""

    def suspend(self) -> AbstractContextManager[None]:
        """Lend it to another program."""

    def copy_to_clipboard(self, text: str) -> None:
        """Put a text into its clipboard."""


class Target(Protocol):
    """A screen that actions are done on: what is meant on it, and how something is done and said."""

    @property
    def project(self) -> Project:
        """The folder that is shown."""

    @property
    def store(self) -> Store:
        """The project's runs."""

    @property
    def snapshot(self) -> Snapshot:
        """The runs, the configuration and the machine as they are now."""

    @property
    def row(self) -> Row | None:
        """The row that is meant."""

    @property
    def folded_row(self) -> Row | None:
        """The row that is meant with the runs that it hides; None where one run is looked at."""

    @property
    def focused_run(self) -> Status | None:
        """The run that is meant."""

    @property
    def marked_rows(self) -> Sequence[Row]:
        """The marked rows, all of them listed; empty where one run is looked at."""

    def unmark(self) -> None:
        """Take the marks away, if they are meant: what they were set for is done."""

    @property
    def readonly(self) -> bool:
        """Whether nothing may be changed."""

    @property
    def refusal(self) -> str:
        """Why nothing may be changed now; empty where it may."""

    @property
    def deeds(self) -> UndoHistory:
        """What was done last, to be taken back."""

    @property
    def terminal(self) -> Terminal:
        """The terminal."""

    def do(self, title: str, action: Callable[[], str], meanwhile: str = "") -> None:
        """Do something with files or processes in a thread, and show what it returns.

        Args:
            title: What cannot be done, for the dialog that shows a ``UserError`` or ``OSError`` of it.
            action: Does it, and returns how it went in words; of several lines the first is shown.
            meanwhile: What is said as long as it takes, where that is seconds: then an error is no dialog, but said.
        """

    def start(self, work: Callable[[], None], name: str = "") -> None:
        """Run something in a thread that leaving the app waits for; ``name`` is its worker's."""

    def report(self, message: Succeeded | Failed | Queued) -> None:
        """Show how something went. For any thread."""

    def ask(self, screen: Screen[Any], chosen: Callable[[Any], None] | None = None) -> None:
        """Open a screen over this one; what it returns goes to ``chosen``."""

    def ask_from_thread(self, screen: Screen[Any], chosen: Callable[[Any], None] | None = None) -> None:
        """Open a screen over this one, from another thread; what it returns goes to ``chosen``."""

    def refuse(self, title: str, text: str) -> None:
        """Say in a corner why nothing is done."""

    def say(self, text: str, seconds: float) -> None:
        """Say something in a corner."""


class Board(Target, Protocol):
    """A screen with a list of runs beside their charts."""

    @property
    def state(self) -> BoardState:
        """How it is looked at."""

    @property
    def grid(self) -> ChartGrid:
        """The charts."""

    @property
    def run_list(self) -> RunList:
        """The list."""

    @property
    def visible_runs(self) -> Set[str]:
        """The runs that the filter leaves."""

    def show(self) -> None:
        """Show everything anew."""

    def look(self) -> None:
        """Have what is looked at now prepared."""


def situation_of(target: Target) -> Situation:
    """Return the runs that keys act on: of the marked rows, else of the row under the cursor, or the one opened."""
    run, row, marked = target.focused_run, target.folded_row, target.marked_rows
    if marked or row is not None:
        rows = marked or [row] if row is not None else marked
        return Situation(
            run, len(marked),
            meant=_each(fact.status for row in rows for fact in row.facts if fact.status.run),
            stoppable=_each(status for row in rows for status in row.active),
            resumable=_each(status for row in rows if (status := _resumable(row)) is not None),
        )  # fmt: skip
    return situation_of_run(run)


def situation_of_run(run: Status | None) -> Situation:
    """Return what keys act on where one run is looked at."""
    if run is None:
        return Situation()
    return Situation(
        run, meant=(run,),
        stoppable=(run,) if run.state in LIVE or run.state == "queued" else (),
        resumable=(run,) if run.state in RESUMABLE else (),
    )  # fmt: skip


def _each(runs: Iterable[Status]) -> tuple[Status, ...]:
    """Return each run once: a row and one under it may both be marked."""
    return tuple({status.run: status for status in runs}.values())


def _resumable(row: Row) -> Status | None:
    """Return the run of a row that can go on: the one that it shows, else the newest of those that it hides."""
    shown = next((fact.status for fact in row.facts if fact.status.run), None)
    if shown is not None and shown.state in RESUMABLE:
        return shown
    return next(iter(row.unfinished), None)


def give_actions(screen: Screen[Any], *areas: object) -> None:
    """Let Textual find on a screen the actions that its keys ask for: each is a method of one of some objects."""
    for name in (f"action_{name}" for name in names_of(type(screen).__name__)):
        method = next((getattr(area, name) for area in areas if hasattr(area, name)), None)
        if method is not None:
            setattr(screen, name, method)
