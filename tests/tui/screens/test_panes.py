"""From pane to pane, and the screen of the queue: keys in, queue entries and states out."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Static

from engine.queue import move_and_hold
from engine.runs import run_lock
from engine.runs.liveness import status_of
from engine.runs.queue_entry import waiting_entry
from engine.runs.store import Run, Store
from engine.runs.worker_status import OfferedDevice, WorkerStatus, publish
from engine.system.lock_holder import this_process
from tests.conftest import queued
from tests.tui.conftest import Write
from tests.tui.pilot import AppPilot, board, opened, runs, settle, toasts, until
from tui.app_options import Options
from tui.feed.machine_sampler import MachineSampler
from tui.screens.dialogs import Dialog
from tui.screens.queue_page import QueueScreen
from tui.state.session import load
from tui.state.snapshot import Machine, Process, Project
from tui.widgets.chart.chart_grid import ChartGrid
from tui.widgets.machine.machine_board import MachineBoard
from tui.widgets.machine.pane import MachinePane
from tui.widgets.machine.process_lines import me
from tui.widgets.machine.queue_list import QueueList
from tui.widgets.runs.console import Console
from tui.widgets.runs.list_pane import ListPane, pane_width
from tui.widgets.runs.run_overview import Overview

pytestmark = pytest.mark.slow  # each opens the app and walks a screen


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[Store]:
    """The workers that were asked for: nothing is trained here."""
    asked: list[Store] = []
    monkeypatch.setattr("engine.queue.worker.ensure_worker", lambda store, *_: asked.append(store))
    return asked


@pytest.fixture
def three(project: Project, write_run: Write) -> list[Run]:
    """Three runs that wait for a slot."""
    from engine.config.loader import load_config

    experiments = load_config(project.config).experiments
    store = Store(project.runs)
    found = [queued(store, experiments[name], 0) for name in ("ViT-small", "BiT-small", "one-token")]
    publish(
        project.runs,
        WorkerStatus(
            worker=this_process(),
            devices=[OfferedDevice(id="cpu:0", name="CPU slot 1")],
            reasons={found[0].id: "because"},
        ),
    )
    return found


def rows(pilot: AppPilot) -> QueueList:
    assert isinstance(pilot.app.screen, QueueScreen)
    return pilot.app.screen.query_one(QueueList)


def detail(pilot: AppPilot) -> str:
    return str(pilot.app.screen.query_one("#queue-detail", Static).content)


async def test_digits_go_from_pane_to_pane(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        shown = board(pilot)
        await pilot.press("2")
        assert shown.query_one(ChartGrid).has_focus
        await pilot.press("right")
        assert shown.query_one(ChartGrid).cursor is not None
        await pilot.press("escape", "3")  # while values are read, a digit is a place
        assert shown.query_one(Overview).has_focus
        assert shown.query_one(Overview).display
        await pilot.press("1")
        assert runs(pilot).has_focus
        await pilot.press("tab")
        assert shown.query_one(ChartGrid).has_focus
        await pilot.press("escape", "escape")  # what is read there, then the pane
        assert runs(pilot).has_focus


async def test_esc_ends_at_the_list_and_arrows_go_there(project: Project, write_run: Write) -> None:
    for seed in range(2):
        write_run("ViT-small", seed=seed)
    async with opened(project) as pilot:
        shown = board(pilot)
        await pilot.press("5", "escape")
        assert runs(pilot).has_focus
        for way in ("2", "5"):
            runs(pilot).cursor = 0
            await pilot.press(way)
            assert not runs(pilot).has_focus
            await pilot.press("down")
            assert (runs(pilot).cursor, runs(pilot).has_focus) == (1, True), way
            await pilot.press("escape", "4")
        await pilot.press("g", "5", "right")  # the pane has no use for it
        assert runs(pilot).has_focus
        assert len(runs(pilot).rows) == 5
        await pilot.press("2", "right", "escape")  # what is read, then the pane
        assert shown.query_one(ChartGrid).has_focus
        assert shown.query_one(ChartGrid).cursor is None
        await pilot.press("escape")
        assert runs(pilot).has_focus
        for back in ("left_square_bracket", "0", "escape"):  # to where the keys went
            assert runs(pilot).hidden_columns
            await pilot.press("left_square_bracket")
            await settle(pilot)
            assert not runs(pilot).hidden_columns  # memory has room now
            await pilot.press("left_square_bracket")
            assert not runs(pilot).is_on_screen
            await pilot.press(back)
            await settle(pilot)
            assert runs(pilot).has_focus, back
        await pilot.press("f", *"vit", "enter", "m", "escape")  # the filter before the marks
        assert len(runs(pilot).rows) == 5
        assert runs(pilot).marked
        await pilot.press("escape")
        assert not runs(pilot).marked


async def test_console_and_machine_share_a_place(project: Project, three: list[Run]) -> None:
    async with opened(project) as pilot:
        shown = board(pilot)
        pane, console = shown.query_one(MachinePane), shown.query_one(Console)
        assert (console.display, pane.display) == (True, False)
        await pilot.press("5")
        await settle(pilot)
        assert (console.display, pane.display) == (False, True)
        assert pane.has_focus
        assert [bar.run for bar in pane.query_one(QueueList).bars] == [run.id for run in three]
        await until(pilot, lambda: len(pane.query_one(MachineBoard)._lines) == 3)
        await pilot.press("4")
        assert (console.display, pane.display) == (True, False)
        assert runs(pilot).has_focus


async def test_the_console_is_asked_for_where_rows_are_few(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project, size=(80, 24)) as pilot:
        console = board(pilot).query_one(Console)
        assert not console.display
        await pilot.press("4")
        await settle(pilot)
        assert console.display
        assert any(console.render_line(y).text.strip() for y in range(console.size.height))
        await pilot.press("5")
        assert not console.display
        await pilot.press("4")
        assert console.display
        await pilot.press("0")
        assert not console.display


@pytest.mark.parametrize("key", ["5", "enter"])
async def test_the_pane_opens_as_a_screen_and_closes(project: Project, three: list[Run], key: str) -> None:
    async with opened(project) as pilot:
        await pilot.press("5", key)
        await settle(pilot)
        assert [bar.label for bar in rows(pilot).bars] == ["ViT-small s0", "BiT-small s0", "one-token s0"]
        assert "number 1 of 3: because" in detail(pilot)
        await pilot.press("escape")
        assert pilot.app.screen is board(pilot)


async def test_capital_j_and_k_move_a_run_in_the_queue(project: Project, three: list[Run]) -> None:
    store, (a, b, c) = Store(project.runs), three
    async with opened(project) as pilot:
        await pilot.press("5", "5", "J")
        await settle(pilot)
        assert [run.id for run in move_and_hold.waiting(store)] == [b.id, a.id, c.id]
        assert rows(pilot).cursor == 1  # it stays on its run
        await pilot.press("J")
        await settle(pilot)
        assert [run.id for run in move_and_hold.waiting(store)] == [b.id, c.id, a.id]
        await pilot.press("J")
        await settle(pilot)
        assert "is last already" in toasts(pilot)
        await pilot.press("K")
        await settle(pilot)
        assert [run.id for run in move_and_hold.waiting(store)] == [b.id, a.id, c.id]
        assert [bar.run for bar in rows(pilot).bars] == [b.id, a.id, c.id]
        await pilot.press("k", "K")
        await settle(pilot)
        assert "is first already" in toasts(pilot)


async def test_capital_h_holds_a_run_and_lets_it_go(
    project: Project, three: list[Run], started: list[Store]
) -> None:
    async with opened(project) as pilot:
        await pilot.press("5", "5", "j", "H")
        await settle(pilot)
        entry = waiting_entry(three[1])
        assert entry is not None
        assert entry.on_hold
        assert rows(pilot).bars[1].held
        assert "H lets it go" in detail(pilot)
        assert not started
        await pilot.press("H")
        await settle(pilot)
        entry = waiting_entry(three[1])
        assert entry is not None
        assert not entry.on_hold
        assert len(started) == 1


@pytest.mark.parametrize("key", ["delete", "full_stop"])
async def test_a_run_is_taken_out_of_the_queue_once_that_is_confirmed(
    project: Project, three: list[Run], key: str
) -> None:
    async with opened(project) as pilot:
        await pilot.press("5", "5", "G", key)
        assert isinstance(pilot.app.screen, Dialog)
        assert waiting_entry(three[2]) is not None
        await pilot.press("enter")
        await settle(pilot)
        assert waiting_entry(three[2]) is None
        assert status_of(three[2]).state == "stopped"
        assert len(rows(pilot).bars) == 2
        assert "has left the queue" in toasts(pilot)


@pytest.mark.parametrize(
    ("dragged_to", "room", "width"),
    [(0, 120, None), (70, 120, 70), (110, 120, 86), (5, 120, 28), (70, 61, None), (70, 62, 28)],
)
def test_a_dragged_list_leaves_room_for_a_chart(dragged_to: int, room: int, width: int | None) -> None:
    assert pane_width(dragged_to, room) == width


async def test_the_border_beside_the_list_is_dragged(
    project: Project, write_run: Write, tmp_path: Path
) -> None:
    write_run("ViT-small")
    async with opened(project, (120, 36), options=Options(state=tmp_path)) as pilot:
        pane, charts = board(pilot).query_one(ListPane), board(pilot).grid

        async def drag(start: int, end: int) -> None:
            await pilot.mouse_down(offset=(start, 10))
            await pilot.hover(offset=(end, 10))
            await pilot.mouse_up(offset=(end, 10))
            await pilot.pause()

        before = pane.outer_size.width
        await drag(before - 3, 80)  # beside the border
        assert pane.outer_size.width == before
        await drag(before - 1, 69)
        assert (pane.outer_size.width, charts.region.x) == (70, 70)
        await drag(69, 119)
        assert pane.outer_size.width == 86
        await pilot.resize_terminal(80, 24)  # the list stands over the charts
        await until(pilot, lambda: pane.outer_size.width == 80)
        await pilot.resize_terminal(120, 36)
        await until(pilot, lambda: pane.outer_size.width == 86)
        await pilot.press("q")
    assert load(tmp_path, project.folder).list_width == 86
    async with opened(project, (120, 36), options=Options(state=tmp_path)) as pilot:
        assert board(pilot).query_one(ListPane).outer_size.width == 86
        await pilot.press("0")
        await pilot.pause()
        assert board(pilot).query_one(ListPane).outer_size.width == before


async def test_a_run_that_trains_is_not_moved(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small", epochs=2, end=None, alive=True)
    with run_lock.hold(run):
        async with opened(project) as pilot:
            await pilot.press("5", "5", "K", "H")
            await settle(pilot)
            assert "Nothing to move ViT-small s0 runs" in toasts(pilot)
            assert "running" in detail(pilot)


async def test_an_empty_queue_says_so(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("5", "5")
        await settle(pilot)
        assert rows(pilot).bar is None
        assert "nothing runs and nothing waits" in str(rows(pilot)._lines[0])
        await pilot.press("K", "full_stop")
        assert "Nothing to stop" in toasts(pilot)


async def test_processes_are_sorted_by_a_key_and_a_click_on_a_heading(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large = Process("small", (), me(), 90.0, 2**20), Process("large", (), me(), 9.0, 2**30)
    machine = Machine(memory_total=2**34, processes={1: small, 2: large})
    monkeypatch.setattr(MachineSampler, "sample", lambda _: machine)
    async with opened(project) as pilot:
        await pilot.press("5", "5")
        await settle(pilot)
        shown = pilot.app.screen.query_one(MachineBoard)

        def table() -> list[str]:
            return ["".join(text for text, _ in line).split()[-1] for line in shown._lines[-3:]]

        assert table() == ["process", "small", "large"]
        await pilot.press("s")
        assert (table(), shown.order) == (["process", "large", "small"], "mem")
        head = shown._lines[-3][0][0]
        await pilot.click(MachineBoard, offset=(2 + head.index("CPU"), 1 + len(shown._lines) - 3))
        assert (table(), shown.order) == (["process", "small", "large"], "CPU")
        await pilot.press("Y", "1")
        assert "Copied kill 1, which ends small" in toasts(pilot)
