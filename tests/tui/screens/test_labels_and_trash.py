"""Tags, notes and the trash, from the keys to the files and back onto the screen."""

from __future__ import annotations

import pytest

from engine.runs import run_lock
from engine.runs.labels import change_note, change_tags, labels_of
from engine.runs.store import Run, Store
from engine.runs.trash import trash_entries
from tests.tui.conftest import Write
from tests.tui.pilot import AppPilot, board, opened, runs, settle, toasts, until
from tui.screens.dialogs import Dialog
from tui.screens.line_prompt import Prompt
from tui.state.snapshot import Project
from tui.widgets.completing_input import CompletingInput
from tui.widgets.runs.run_overview import Overview

pytestmark = pytest.mark.slow  # each opens the app and walks a screen


def line(pilot: AppPilot) -> CompletingInput:
    assert isinstance(pilot.app.screen, Prompt)
    return pilot.app.screen.query_one(CompletingInput)


def facts(pilot: AppPilot) -> list[str]:
    return [f"{name} {value}" for name, value in board(pilot).query_one(Overview)._facts]


async def test_t_changes_the_tags_of_the_run_under_the_cursor(project: Project, write_run: Write) -> None:
    run, other = write_run("ViT-small"), write_run("BiT-small")
    change_tags(other, ["baseline"])
    async with opened(project) as pilot:
        await pilot.press("t")
        assert line(pilot).value == "vit "
        await pilot.press("b", "tab", "space", *"new", "enter")
        await settle(pilot)
        assert labels_of(run).tags == ("vit", "baseline", "new")
        assert "+baseline +new" in toasts(pilot)
        assert runs(pilot).rows[0].tags == ("vit", "baseline", "new")
        assert "tags #vit #baseline #new" in facts(pilot)
        await pilot.press("t", *["backspace"] * 30, *"new", "enter")
        await settle(pilot)
        assert labels_of(run).tags == ("new",)
        assert runs(pilot).rows[0].tags == ("new",)
        change_tags(run, ["since"])
        await pilot.press("u")  # what has come since stays
        await settle(pilot)
        assert set(labels_of(run).tags) == {"vit", "baseline", "new", "since"}
        await pilot.press("u")
        await settle(pilot)
        assert set(labels_of(run).tags) == {"vit", "since"}
        assert "tags as before" in toasts(pilot)


async def test_t_on_several_runs_leaves_what_only_some_have(project: Project, write_run: Write) -> None:
    a, b = write_run("ViT-small"), write_run("BiT-small")
    change_tags(a, ["both", "own"])
    change_tags(b, ["both"])
    async with opened(project) as pilot:
        await pilot.press("m", "down", "m", "t")
        assert line(pilot).value == "both "
        await pilot.press(*["backspace"] * 5, *"old", "enter")
        await settle(pilot)
        assert labels_of(a).tags == ("vit", "own", "old")
        assert labels_of(b).tags == ("old",)


async def test_a_folded_row_means_all_its_seeds(project: Project, write_run: Write) -> None:
    seeds = [write_run("ViT-small", seed=seed) for seed in range(3)]
    write_run("BiT-small")
    async with opened(project) as pilot:
        await pilot.press("t", *"all", "enter")
        await settle(pilot)
        assert [labels_of(run).tags for run in seeds] == [("vit", "all")] * 3
        await pilot.press("delete")
        dialog = pilot.app.screen
        assert isinstance(dialog, Dialog)
        assert "3 runs" in str(dialog.query_one("#dialog").border_title)
        await pilot.press("enter")
        await settle(pilot)
        assert len(trash_entries(Store(project.runs))) == 3
        await pilot.press("u")
        await settle(pilot)
        assert len(Store(project.runs).runs()) == 4
        await pilot.press("right", "down", "delete", "enter")  # unfolded, a run's own row means that run
        await settle(pilot)
        assert len(trash_entries(Store(project.runs))) == 1


async def test_signs_add_and_take_off_as_the_command_does(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small")
    async with opened(project) as pilot:
        await pilot.press("t", *["backspace"] * 9, *"+best", "enter")
        await until(pilot, lambda: labels_of(run).tags == ("vit", "best"))
        await pilot.press("t", *"new -vit", "enter")
        await until(pilot, lambda: labels_of(run).tags == ("best", "new"))


async def test_a_tag_that_is_none_is_said_and_not_taken(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small")
    async with opened(project) as pilot:
        await pilot.press("t", *"+n,w", "enter")
        assert isinstance(pilot.app.screen, Prompt)
        words = str(pilot.app.screen.query_one("#prompt-hint").content)  # type: ignore[attr-defined]
        assert "+n,w is no tag" in words
        await pilot.press("escape")
        await settle(pilot)
        assert labels_of(run).tags == ("vit",)


async def test_capital_t_writes_a_note_of_one_line_or_several(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small")
    change_note(run, "first\nsecond")
    async with opened(project) as pilot:
        assert [fact for fact in facts(pilot) if "first" in fact] == ["note first"]
        assert runs(pilot).rows[0].noted
        await pilot.press("T")
        assert line(pilot).value == "first ⏎ second"
        await pilot.press(*" [/x]", "enter")
        await settle(pilot)
        assert labels_of(run).notes == "first\nsecond [/x]"
        assert " second [/x]" in facts(pilot)
        await pilot.press("u")
        await settle(pilot)
        assert labels_of(run).notes == "first\nsecond"
        await pilot.press("T", *" x", "enter")
        await settle(pilot)
        change_note(run, "second by another")
        await pilot.press("u")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Dialog)  # it says that the note was changed since
        assert labels_of(run).notes == "second by another"
        await pilot.press("escape")
        await pilot.press("f", *"note~second", "enter")
        assert [row.run for row in runs(pilot).rows] == [run.id]


async def test_delete_moves_runs_to_the_trash_and_u_brings_them_back(
    project: Project, write_run: Write
) -> None:
    a, b = write_run("ViT-small"), write_run("BiT-small")
    kept = write_run("BiT-small", seed=1)
    store = Store(project.runs)
    async with opened(project) as pilot:
        await pilot.press("m", "down", "l", "down", "down", "m", "delete")
        dialog = pilot.app.screen
        assert isinstance(dialog, Dialog)
        await pilot.press("escape")
        assert len(store.runs()) == 3
        await pilot.press("D", "enter")
        await settle(pilot)
        assert [run.id for run in store.runs()] == [kept.id]
        assert sorted(each.name for each in trash_entries(store)) == sorted([a.id, b.id])
        assert "2 runs are in the trash; u brings them back" in toasts(pilot)
        assert runs(pilot).rows[0].run is None
        await pilot.press("u")
        await settle(pilot)
        assert len(store.runs()) == 3
        assert runs(pilot).rows[0].run == a.id
        assert "2 runs are back" in toasts(pilot)
        await pilot.press("u")
        assert "Nothing to take back" in toasts(pilot)
        await pilot.press("escape", "f", *"state=finished", "enter")
        runs(pilot).action_mark_all()
        await settle(pilot)
        assert len(runs(pilot).marked_rows) == len(runs(pilot).rows)
        await pilot.press("D", "enter")
        await settle(pilot)
        await until(pilot, lambda: not runs(pilot).marked)
        assert toasts(pilot).endswith(" 3 runs are in the trash; u brings them back")
        assert "unmarked" not in toasts(pilot)


async def test_a_live_or_queued_run_is_never_thrown_away(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small", epochs=2, end=None, alive=True)
    with run_lock.hold(run):
        async with opened(project) as pilot:
            await pilot.press("delete")
            assert not isinstance(pilot.app.screen, Dialog)
            assert "is running; . stops it" in toasts(pilot)
            await pilot.press("down", "r")
            await settle(pilot)
            await pilot.press("D")
            assert not isinstance(pilot.app.screen, Dialog)
            assert "waits in the queue; . stops it" in toasts(pilot)


async def test_a_run_that_began_meanwhile_stays_and_why_is_said(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small", end="failed", reason="killed")
    async with opened(project) as pilot:
        await pilot.press("delete")
        with run_lock.hold(Run(run.path)):
            await pilot.press("enter")
            await settle(pilot)
            dialog = pilot.app.screen
            assert isinstance(dialog, Dialog)
            assert run.path.is_dir()
            await pilot.press("escape", "u")
            assert "Nothing to take back" in toasts(pilot)
