"""What the app tells without being asked, from a run's files onto the screen and the desktop."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Static

from engine.events import Metrics, encode
from engine.runs import run_lock
from engine.runs.metadata import RunSummary
from engine.runs.status import Status
from engine.runs.store import Run
from tests.tui.conftest import NOW, Write
from tests.tui.pilot import board, opened, runs, settle, toasts, until
from tui.app import VituiApp
from tui.screens.dashboard.notifications import MAX_DESKTOP, desktop
from tui.screens.run_page import RunScreen
from tui.state.snapshot import Project
from tui.views.run_list_row import Row
from tui.widgets.message_row import MessageRow
from tui.widgets.runs.run_list import RunList
from tui.widgets.runs.run_overview import Overview


def say(run: Run, step: int, loss: float | None) -> None:
    """Have a live run say its loss, as its own process would."""
    values = {"train/loss": loss}
    event = Metrics(time=NOW + step, run=run.id, step=step, epoch=step / 10, values=values)
    with run.events.open("ab") as file:
        file.write(encode(event))
    run.status_file.unlink(missing_ok=True)


@pytest.mark.slow
async def test_a_loss_that_is_not_finite_is_told_once_and_stands_on_the_screen(
    project: Project, write_run: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.analysis.alarms.NONFINITE_S", 0.2)
    run = write_run("ViT-small", epochs=2, end=None, alive=True)
    with run_lock.hold(run):
        async with opened(project, (170, 50)) as pilot:
            assert runs(pilot).rows[0].alarm is None
            say(run, 21, None)
            await until(pilot, lambda: runs(pilot).rows[0].alarm == "diverges")
            await settle(pilot)
            assert toasts(pilot).count("diverges: the loss is not finite") == 1
            assert ("diverges", "the loss is not finite") in board(pilot).query_one(Overview)._facts
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
            title = pilot.app.screen.query_one("#run-title", Static)
            await until(pilot, lambda: "running  diverges" in str(title.render()))
            assert str(title.render()).endswith("the loss is not finite")
            await pilot.press("escape")
            for step in (22, 23):
                say(run, step, None)
                await settle(pilot)
            assert toasts(pilot).count("diverges") == 1
            say(run, 24, 0.3)
            await settle(pilot)
            assert runs(pilot).rows[0].alarm is None


@pytest.mark.slow
@pytest.mark.parametrize("width", [30, 40, 54, 78, 120])
@pytest.mark.parametrize("alarm", ["diverges", "stalls", "overfits", "starves"])
async def test_a_row_with_an_alarm_keeps_its_name_and_says_the_word(
    project: Project, width: int, alarm: str
) -> None:
    status = Status(run="a", experiment="ViT-small", state="running", epoch=3.0, epochs=7, eta_s=7800.0,
                    last={"test/f1": 0.612, "train/loss": 1.21, "gpu/memory_process": 3.1 * 2**30})  # fmt: skip
    row = Row("run:a", "ViT-small", "a", "ViT-small", "running", facts=(RunSummary(status),), alarm=alarm)  # type: ignore[arg-type]
    app = VituiApp(project)
    async with app.run_test(size=(width, 24)) as pilot:
        shown = RunList()
        await app.screen.mount(shown)
        shown.styles.width, shown.styles.height = width, 5
        await pilot.pause()
        shown.show([row], {})
        line = shown.render_line(1).text
        assert len(line) <= width
        assert "ViT-small" in line
        assert alarm in line or width < 40
        assert ".612" in line or width < 54


@given(st.text(), st.booleans())
def test_a_notification_of_the_desktop_has_no_controls(text: str, in_tmux: bool) -> None:
    said = desktop(text, in_tmux=in_tmux)
    inner = said.removeprefix("\x1bPtmux;\x1b").removesuffix("\x1b\\") if in_tmux else said
    assert inner.startswith("\x1b]9;vitui: ")
    assert inner.endswith("\x07")
    body = inner.removeprefix("\x1b]9;").removesuffix("\x07")
    assert body.isprintable()
    assert len(body) <= MAX_DESKTOP + len("vitui: ")


@contextmanager
def in_terminal(project: Project) -> Iterator[int]:
    """The app in a terminal of its own; yields what its keys are written to and its screen is read from."""
    ours, theirs = pty.openpty()
    state = project.folder / ".state"
    (state / "vitui").mkdir(parents=True)
    environment = {name: value for name, value in os.environ.items() if name != "TMUX"}
    environment |= {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30", "XDG_STATE_HOME": str(state)}
    app = subprocess.Popen(
        [sys.executable, "-m", "tui.cli"], stdin=theirs, stdout=theirs, stderr=theirs, cwd=project.folder,
        env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        yield ours
    finally:
        app.kill()
        app.wait()
        os.close(ours)


def read_until(terminal: int, wanted: bytes, seconds: float) -> bytes:
    seen, deadline = b"", time.monotonic() + seconds
    while wanted not in seen and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 65536)
    return seen


@pytest.mark.parametrize("away", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_the_desktop_is_told_when_nobody_looks_at_the_terminal(
    project: Project, write_run: Write, away: bool
) -> None:
    run = write_run("ViT-small", epochs=2, end=None, alive=True)
    with in_terminal(project) as terminal:
        with run_lock.hold(run):
            assert b"1 running" in read_until(terminal, b"1 running", 30)
            os.write(terminal, b"\x1b[O" if away else b"\x1b[I")
            read_until(terminal, b"nothing", 0.4)
        told = b"\x1b]9;vitui: ViT-small s0 crashed"
        seen = read_until(terminal, told if away else b"crashed", 15)
        seen += b"" if away else read_until(terminal, told, 1)
    assert (told in seen) == away


@pytest.mark.parametrize(
    "size",
    [(60, 10), *(pytest.param(size, marks=pytest.mark.slow) for size in ((60, 20), (80, 24), (200, 60)))],
)
async def test_messages_have_one_row_over_the_keys(
    project: Project, write_run: Write, size: tuple[int, int]
) -> None:
    write_run("ViT-small")
    async with opened(project, size=size) as pilot:
        row = pilot.app.screen.query_one(MessageRow)

        def shown() -> str:
            return row.render_line(0).text.strip()

        assert size[1] < 20 or shown()  # at rest of what is under the cursor
        assert size[1] < 20 or row.region.y == size[1] - 2
        pilot.app.notify("first\nsecond", title="Title", timeout=60)
        pilot.app.notify("newer", timeout=60)
        await pilot.pause()
        assert shown() == "newer"
        assert (row.region.y, row.region.height) == (size[1] - 2, 1)
        pilot.app.notify("it broke", severity="error")
        pilot.app.notify("newest", timeout=0.01)
        await pilot.pause(0.03)
        assert shown() == "it broke"
        await pilot.press("down")
        assert shown() == "newer"
        pilot.app.notify("passing", timeout=0.01)
        await until(pilot, lambda: shown() == "newer")
        await pilot.press("M")
        await pilot.pause()
        page = str(pilot.app.screen.query_one("#messages Static", Static).content)
        assert [page.index(word) for word in ("passing", "newest", "it broke", "Title: first")] == sorted(
            page.index(word) for word in ("passing", "newest", "it broke", "Title: first")
        )
        await pilot.press("escape", "up", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await until(pilot, lambda: bool(pilot.app.screen.query(MessageRow)))
        over = pilot.app.screen.query_one(MessageRow)
        assert over.said is not None
        assert over.said.text == "newer"  # on every screen
