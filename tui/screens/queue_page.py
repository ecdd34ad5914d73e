"""The machine and the queue whole: who is on which device, whose turn is when, and keys that change it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from engine.runs.status import LIVE, Status
from engine.text import clean, duration
from engine.text import shorten as text_of_cells
from tui.keymap.bindings import bindings, useless
from tui.screens.action_screen import ActionScreen
from tui.screens.actions.move_and_hold import QueueActions
from tui.screens.actions.screen_protocol import give_actions, situation_of
from tui.screens.actions.stop_and_resume import RunActions
from tui.screens.app_protocol import Host
from tui.screens.dialogs import Choice, Dialog
from tui.screens.help import open_help
from tui.state.snapshot import Snapshot
from tui.views.queue_gantt import Bar, all_done, clock, start_text
from tui.views.run_list_row import Row
from tui.views.site_facts import job_of
from tui.widgets.key_bar import KeyBar
from tui.widgets.machine.machine_board import MachineBoard
from tui.widgets.machine.process_table import process_rows
from tui.widgets.machine.queue_list import QueueList
from tui.widgets.message_row import Foot

NAME = 40
"""Cells that the name of a process has in a question."""


class QueueScreen(ActionScreen):
    """Follows the snapshots of the screen below; what it does, it does to the run under its cursor."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("QueueScreen")

    def __init__(self, host: Host) -> None:
        super().__init__(host.project, host.deeds)
        self.snapshot = host.snapshot
        self._host = host
        give_actions(self, RunActions(self), QueueActions(self))

    def compose(self) -> ComposeResult:
        """The machine over the queue, and the facts of one run at the bottom."""
        board = MachineBoard(high=True, id="queue-board")
        board.can_focus = False
        board.border_title = "Machine, the last three minutes"
        yield board
        rows = QueueList(cursor=True, id="queue-rows")
        rows.border_title = "Queue"
        yield rows
        yield Static(id="queue-detail", markup=False)
        yield Foot()

    def on_mount(self) -> None:
        """Follow the snapshots, and have the machine looked at whole."""
        self._host.follow(self, self._show)
        self._host.look_into(None, machine=True)
        self.watch(self.query_one(QueueList), "cursor", self._show_detail, init=False)
        self.query_one(QueueList).focus()

    def on_unmount(self) -> None:
        """Have it looked at no more."""
        self._host.look_into(None)

    def _show(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        board = self.query_one(MachineBoard)
        board.show(snapshot)
        can_end = any(row.ends for row in process_rows(snapshot, board.order))
        board.border_subtitle = Content("Y copies what ends a process of yours" * can_end)
        rows = self.query_one(QueueList)
        rows.show(snapshot)
        done = all_done(rows.bars, snapshot.now)
        rows.border_title = Content(f"Queue: {done}" if done else "Queue")
        waiting = sum(bar.state == "queued" for bar in rows.bars)
        rows.border_subtitle = Content(f"{len(rows.bars) - waiting} live, {waiting} waiting")
        self._show_detail()

    def _show_detail(self) -> None:
        bar = self.query_one(QueueList).bar
        self.query_one("#queue-detail", Static).update("\n".join(detail(self.snapshot, bar)) if bar else "")
        self.query_one(KeyBar).needless = useless("QueueScreen", situation_of(self))

    @property
    def row(self) -> Row | None:
        """There are runs here, no experiments."""
        return None

    @property
    def folded_row(self) -> Row | None:
        """Each run stands for itself."""
        return None

    @property
    def focused_run(self) -> Status | None:
        """The run under the cursor."""
        bar = self.query_one(QueueList).bar
        return self.snapshot.by_id.get(bar.run) if bar is not None else None

    def action_copy(self) -> None:
        """Ask what to copy: the command that ends a process of the user's own, or the path of the run's folder."""
        status = self.focused_run
        texts = {}
        if status is not None:
            folder = self.project.folder / self.project.runs / status.run
            texts["the path of the run's folder"] = str(folder.absolute())
        order = self.query_one(MachineBoard).order
        for row in process_rows(self.snapshot, order):
            if row.ends:
                what = f", which ends {text_of_cells(row.name, NAME, 'end')}" * row.ends.startswith("kill")
                texts[row.ends + what] = row.ends
        if not texts:
            self.refuse(
                "Nothing to copy", "There is no run under the cursor, and no process of yours beside runs."
            )
            return
        what_of = dict(zip("123456789", texts, strict=False))

        def chosen(what: str | None) -> None:
            if what is not None:
                self.terminal.copy_to_clipboard(texts[what])
                self.say(f"Copied {clean(what)}.", 3)

        choices = [Choice(key, what, what) for key, what in what_of.items()]
        self.ask(Dialog("Copy", "Into the terminal's clipboard:", choices), chosen)

    def action_sort_processes(self) -> None:
        """Sort the processes by the next of GPU memory, CPU and memory."""
        self.query_one(MachineBoard).sort_by_next()

    def action_help(self) -> None:
        """Say what every key does, those of the queue first."""
        open_help(self.app, self, "Queue")

    def action_close(self) -> None:
        """Go back."""
        self.dismiss()


def detail(snapshot: Snapshot, bar: Bar) -> list[str]:
    """Return a run's facts, a line each: where it is, why it waits, and what its times rest on."""
    now = snapshot.now
    status = snapshot.by_id.get(bar.run)
    if status is None:
        return []
    lines = [clean(bar.run)]
    where = f" on {', '.join(map(clean, bar.devices))}" if bar.devices else ""
    posting = snapshot.queue.postings.get(bar.run)
    if posting is not None:
        names = dict.fromkeys(filter(None, (status.on, status.node)))
        where = f" on {clean(', '.join(names))}, job {job_of(posting)}"
    ends = f"ends {clock(bar.finish, now)}" if bar.finish is not None else "nobody knows when it ends"
    if bar.stalled:
        ends = f"stalls: no step since step {status.step:,}"
    if bar.state in LIVE:
        left = f", {duration(max(0.0, bar.finish - now))} left" if bar.finish is not None else ""
        return [
            *lines,
            f"{bar.state}{where}, epoch {status.epoch:.2f} of {status.epochs or '?'}"
            + (f": {clean(status.why)}" if posting is not None and status.why else ""),
            ends
            + left
            + (f": {clean(bar.how)}" if bar.how and bar.finish is not None else "")
            + _limit(bar, now),
        ]
    lines.append(
        f"{_place(snapshot, bar)}: {bar.why}" if posting is None else f"waits{where}: {clean(status.why)}"
    )
    if bar.start is None:
        return [*lines, _unknown_start(bar, now)]
    begins = f"starts {start_text(bar.start, now)}"
    begins += f" by {bar.guess}" if bar.guess else where
    if bar.finish is None:
        return [*lines, f"{begins}; nothing like it has been measured that would tell how long it takes"]
    how = f": {clean(bar.how)}" if bar.how else ""
    return [
        *lines,
        f"{begins}, {ends}, takes {duration(bar.finish - bar.start)}{how}{_limit(bar, now)}",
    ]


def _limit(bar: Bar, now: float) -> str:
    """Return when the time of its job is up, with a comma before it; empty where that is not said."""
    return "" if bar.limit is None else f", its time is up {clock(bar.limit, now)}"


def _unknown_start(bar: Bar, now: float) -> str:
    if bar.held:
        return "H lets it go"
    if bar.stalled:
        return "when it starts cannot be told: a run before it stalls"
    if bar.earliest is None:
        return "when it starts cannot be told"
    takes = f"; takes {clean(bar.how)}" if bar.how else ""
    return f"starts not before {clock(bar.earliest, now)}: nobody knows how long one before it takes{takes}"


def _place(snapshot: Snapshot, bar: Bar) -> str:
    waiting, entry = snapshot.queue.waiting, snapshot.queue.entries.get(bar.run)
    words = f"number {waiting.index(bar.run) + 1} of {len(waiting)}" if bar.run in waiting else "waiting"
    if entry is not None and entry.priority:
        words += f", priority {entry.priority}"
    return words + (f", needs {entry.gpus} devices" if entry is not None and entry.gpus > 1 else "")
