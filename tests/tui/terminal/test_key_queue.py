"""Keys that come in a burst, as over a slow line: none is lost, and none is for the screen below."""

from __future__ import annotations

import pytest
from textual.screen import Screen
from textual.widgets import Input

from engine.runs.store import Run, Store
from tests.tui.conftest import Write
from tests.tui.pilot import AppPilot, board, opened, settle, until
from tests.tui.textual_private import is_leaving, type_key
from tui.screens.dialogs import Dialog
from tui.screens.experiment_form import FormScreen
from tui.screens.help import HelpScreen
from tui.screens.line_prompt import Prompt
from tui.screens.override_prompt import VariationScreen
from tui.screens.run_page import RunScreen
from tui.state.snapshot import Project

pytestmark = pytest.mark.slow  # each opens the app and walks through screens


def burst(pilot: AppPilot, *keys: str) -> None:
    """Send keys at once, as a driver does that has read them in one piece."""
    for key in keys:
        type_key(pilot.app, key)


async def line(pilot: AppPilot, kind: type[Screen[object]], text: str) -> None:
    """Wait until a screen of a kind stands, and its line ends with a text."""
    await until(pilot, lambda: isinstance(pilot.app.screen, kind) and bool(pilot.app.screen.query(Input)))
    box = pilot.app.screen.query_one(Input)
    await until(pilot, lambda: len(box.value) >= len(text))
    await settle(pilot)
    assert box.value.removeprefix("vit ") == text


@pytest.mark.parametrize(
    ("key", "kind"), [("t", Prompt), ("T", Prompt), ("o", VariationScreen), ("?", HelpScreen)]
)
async def test_what_is_typed_behind_the_key_is_in_the_box(
    project: Project, write_run: Write, key: str, kind: type[Screen[object]]
) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        burst(pilot, key, *"dq r.D")
        await line(pilot, kind, "dq r.D")
        await settle(pilot)
        assert pilot.app.is_running
    assert len(Store(project.runs).runs()) == 1


async def test_a_tag_is_written_and_taken_in_one_burst(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small")
    async with opened(project) as pilot:
        burst(pilot, "t", *"dqx", "backspace", "enter", "j", "k")
        await until(pilot, lambda: "dq" in tags(run))
        await until(pilot, lambda: pilot.app.screen is board(pilot))


def tags(run: Run) -> tuple[str, ...]:
    from engine.runs.labels import labels_of

    return tuple(labels_of(run).tags)


async def test_bursts_go_through_screens_one_after_the_other(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        burst(pilot, "enter", "4", "/", *"abc")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await settle(pilot)
        box = pilot.app.screen.query_one("#run-console Input", Input)
        assert (pilot.app.focused, box.value) == (box, "abc")
        keys = ["?", *"zoom", "escape", "escape", "escape", "escape", "j", "o", *"lr=2", "escape", "f"]
        burst(pilot, *keys, *"bit")
        box = board(pilot).query_one("#filter", Input)
        await until(pilot, lambda: box.value == "bit")
        assert (pilot.app.screen, pilot.app.focused) == (board(pilot), box)


async def test_keys_wait_for_a_form_that_is_read_in_a_thread(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        burst(pilot, "e", "c", "down", "down")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        await settle(pilot)
        row = board(pilot).row
        assert row is not None
        assert row.experiment == "ViT-small"  # the list below has not moved


async def test_a_dialog_gets_its_answer(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small")
    async with opened(project) as pilot:
        burst(pilot, "D", "q", "D", "escape", "D")
        await until(pilot, lambda: isinstance(pilot.app.screen, Dialog))
        burst(pilot, "enter")
        await until(pilot, lambda: not run.path.exists())


async def test_what_is_lost_keeps_nobody_waiting(project: Project, write_run: Write) -> None:
    """A screen that goes with a key still in its queue."""
    write_run("ViT-small")
    async with opened(project) as pilot:
        await pilot.press("enter")
        screen = pilot.app.screen
        assert isinstance(screen, RunScreen)
        burst(pilot, "x")
        screen.dismiss()
        burst(pilot, "t", *"later")
        await line(pilot, Prompt, "later")


async def test_ctrl_c_waits_for_nothing(project: Project) -> None:
    async with opened(project) as pilot:
        burst(pilot, "e", "ctrl+c")
        await until(pilot, lambda: is_leaving(pilot.app))
