"""What this user did not queue is shown in the app before it starts; without a yes nothing is done."""

from __future__ import annotations

import json

import pytest

from engine.runs.queue_entry import queue_entry
from engine.runs.store import Run
from engine.runs.trust.queued_by_user import why_untrusted
from tests.tui.conftest import Write
from tests.tui.pilot import AppPilot, board, opened, toasts, until
from tui.screens.dialogs import Dialog
from tui.state.snapshot import Project


@pytest.fixture(autouse=True)
def _without_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.queue.worker.ensure_worker", lambda *_: None)


def strange(run: Run, entry: str | None) -> Run:
    """Make a run one of a stranger, with a command."""
    described = json.loads((run.path / "run.json").read_bytes())
    described["config"] |= {"model": "script", "command": ["sh", "-c", "evil\x1b]52;c;AA\x07"]}
    (run.path / "run.json").write_text(json.dumps(described))
    if entry is not None:
        run.queue_file.write_text(entry)
    return run


def is_trusted(run: Run) -> bool:
    entry = queue_entry(run)
    return entry is not None and not why_untrusted(run, entry)


async def dialog(pilot: AppPilot) -> str:
    """Wait for a dialog, and return what it says."""
    await until(pilot, lambda: isinstance(pilot.app.screen, Dialog))
    return pilot.app.screen._text


async def test_a_run_that_waits_is_shown_and_let_go(project: Project, write_run: Write) -> None:
    run = strange(write_run("ViT-small", epochs=0, end=None), '{"submitted":1.0}')
    run.events.unlink()
    async with opened(project, (160, 36)) as pilot:
        await until(pilot, lambda: run.id in board(pilot).snapshot.queue.untrusted)
        await pilot.press("H")
        said = await dialog(pilot)
        assert "command     sh -c 'evil\\x1b]52;c;AA\\x07'" in said
        await pilot.press("enter")  # no answer
        assert isinstance(pilot.app.screen, Dialog)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, Dialog))
        assert not is_trusted(run)
        await pilot.press("H")
        await dialog(pilot)
        await pilot.press("y")
        await until(pilot, lambda: is_trusted(run))
        await until(pilot, lambda: "waits for a device" in toasts(pilot))


async def test_a_command_is_shown_and_resumed(project: Project, write_run: Write) -> None:
    run = strange(write_run("ViT-small", end="failed"), None)
    async with opened(project, (160, 36)) as pilot:
        await pilot.press("R")
        assert "this user did not queue it" in await dialog(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, Dialog))
        assert queue_entry(run) is None
        await pilot.press("R")
        await dialog(pilot)
        await pilot.press("y")
        await until(pilot, lambda: is_trusted(run))


async def test_read_only_it_is_not_even_asked(project: Project, write_run: Write) -> None:
    from tui.app_options import Options

    run = strange(write_run("ViT-small", end="failed"), None)
    async with opened(project, (160, 36), options=Options(readonly=True)) as pilot:
        await pilot.press("R")
        await until(pilot, lambda: "read-only" in toasts(pilot))
        assert not isinstance(pilot.app.screen, Dialog)
        assert queue_entry(run) is None
