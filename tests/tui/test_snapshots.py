"""How the screens look: each picture is compared with one that somebody has looked at."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from tests.tui.conftest import Write
from tui.app import VituiApp
from tui.screens.dashboard import Dashboard
from tui.snapshot import Machine, Project

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(cpu=42.0, memory_used=6 * 2**30, memory_total=24 * 2**30)
    answers = iter([machine])
    monkeypatch.setattr("tui.feed._MachineSampler.sample", lambda self: next(answers, None))
    monkeypatch.setattr("tui.feed.TICK_S", 0.05)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture
def snap(snap_compare: Compare, project: Project) -> Callable[..., bool]:
    def compare(size: tuple[int, int], *keys: str, theme: str = "vitui-dark") -> bool:
        async def press(pilot: Pilot[str]) -> None:
            pilot.app.theme = theme
            await still(pilot)
            for key in keys:
                await pilot.press(key)
                await still(pilot)

        return snap_compare(VituiApp(project), terminal_size=size, run_before=press)

    return compare


async def still(pilot: Pilot[str]) -> None:
    """Wait until the screen shows what it was last asked to, and nothing moves any more."""
    app = pilot.app
    assert isinstance(app, VituiApp)
    for _ in range(100):
        await pilot.pause(0.1)
        board: Dashboard = app.dashboard
        if (
            board.snapshot.config is not None
            and board.snapshot.watch == board._watch()
            and not board.snapshot.loading
        ):
            break
    await pilot.pause(0.15)


@pytest.fixture
def some_runs(write_run: Write) -> None:
    write_run("ViT-small")
    write_run("BiT-small", seed=0, top=0.97)
    write_run(
        "BiT-small", seed=1, top=0.95, epochs=2, end="failed", reason="out of GPU memory at batch_size = 128"
    )


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_dashboard_with_two_runs_overlaid(snap: Compare, some_runs: None, size: tuple[int, int]) -> None:
    assert snap(size, "space", "space")


def test_dashboard_in_light(snap: Compare, some_runs: None) -> None:
    assert snap((120, 36), "space", theme="vitui-light")


def test_unfolded_runs_with_a_failed_one(snap: Compare, some_runs: None) -> None:
    assert snap((120, 36), "down", "l", "down")


def test_one_chart_zoomed_with_a_cursor(snap: Compare, some_runs: None) -> None:
    assert snap((100, 30), "space", "space", "z", "plus", "plus", "i")


def test_help(snap: Compare) -> None:
    assert snap((80, 24), "question_mark")


def test_run_screen(snap: Compare, some_runs: None) -> None:
    assert snap((120, 36), "enter")


def test_nothing_has_run_yet(snap: Compare) -> None:
    assert snap((120, 36), "down")


def test_a_folder_without_experiments(snap: Compare, project: Project) -> None:
    project.config.write_text("")
    assert snap((80, 24))


def test_stop_asks(snap: Compare, write_run: Write) -> None:
    run = write_run("ViT-small", epochs=2, end=None, alive=True)
    with run.hold():
        assert snap((80, 24), "full_stop")


def test_a_terminal_that_is_too_small_for_most(snap: Compare, some_runs: None) -> None:
    assert snap((40, 12))


def test_the_form(snap: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "vim")
    assert snap((120, 36), "e", "f", "j", "j", "j", "enter", "backspace", "5", "enter")
