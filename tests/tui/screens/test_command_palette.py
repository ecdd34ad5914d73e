"""The screen of commands: all that keys do is in it, lines are typed, completed and remembered, themes are seen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from textual.widgets import Static

from engine.runs.store import Store
from tests.tui.conftest import Write
from tests.tui.pilot import AppPilot, board, opened, runs, settle, toasts, until
from tui.app_options import READONLY, Options
from tui.keymap.action import is_command
from tui.keymap.bindings import ACTIONS
from tui.screens.command_palette.commands_from_keys import commands_of
from tui.screens.command_palette.screen import CommandLine, CommandScreen
from tui.screens.dialogs import Dialog
from tui.screens.message_list import MessageScreen
from tui.state.session import load
from tui.state.snapshot import Project
from tui.widgets.command_list import CommandList
from tui.widgets.key_bar import KeyBar
from tui.widgets.message_row import MessageRow


def line(pilot: AppPilot) -> str:
    return pilot.app.screen.query_one(CommandLine).value


def says(pilot: AppPilot) -> str:
    return str(pilot.app.screen.query_one("#command-says", Static).render())


def rows(pilot: AppPilot) -> list[str]:
    return [row.text for row in pilot.app.screen.query_one(CommandList).rows]


def escape_says(pilot: AppPilot) -> str:
    """Return what the bar of keys says that escape does."""
    offers = pilot.app.screen.query_one(KeyBar).fitting_offers()
    return next(offer.words for offer in offers if ("escape", "esc") in offer.keys)


async def typed(pilot: AppPilot, *keys: str) -> None:
    """Open the commands, type, and wait until what is typed is judged."""
    await pilot.press("colon", *keys)
    await settle(pilot)


@pytest.mark.parametrize("ways", [((), "2", "3", ("5", "5")), ("enter", "2", "4")], ids=["board", "run"])
async def test_every_action_of_a_screen_is_a_command(
    project: Project, write_run: Write, ways: Sequence[Sequence[str]]
) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        for keys in ways:
            await pilot.press(*([keys] if isinstance(keys, str) else keys))
            screen = pilot.app.screen
            names = {command.title for command in commands_of(pilot.app, screen)}
            chain = {
                kind.__name__
                for node in (pilot.app, screen, *screen.focus_chain)
                for kind in type(node).__mro__
            }
            for action in (each for each in ACTIONS if is_command(each) and chain & set(each.owners)):
                for key in (key for key in action.keys if key.words and key.only in ("", *chain)):
                    if not {"CompletingInput", "FilterInput"} & set(action.owners):
                        assert (key.command or key.words) in names, (keys, action.name)
            assert not {"Back", "Down", "Quit", "Maximize", "Commands"} & names
            assert "Save a screenshot" in names


@pytest.mark.slow
async def test_commands_are_found_explained_and_done(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project, size=(80, 24)) as pilot:
        await typed(pilot, *"kill")
        assert rows(pilot) == ["Run", "Stop or cancel runs"]
        assert says(pilot) == "stop what runs, cancel what waits; asks; nothing to do it to now"
        await pilot.press("question_mark")
        assert "key .; found by: kill" not in line(pilot)
        assert "found by: kill" in says(pilot)
        assert escape_says(pilot) == "Clear"
        await pilot.press("escape")
        assert line(pilot) == ":"
        assert escape_says(pilot) == "Back"
        await pilot.press(*"frobn")
        assert "no command is called 'frobn'" in says(pilot)
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, CommandScreen)
        await pilot.press("escape", *"messages", "enter")
        assert isinstance(pilot.app.screen, MessageScreen)
        await pilot.press("escape")
        await typed(pilot)
        assert rows(pilot)[:2] == ["Lately", "Show messages"]
        shown = pilot.app.screen.query_one(CommandList)
        await pilot.press("pagedown", "pagedown", "pagedown")
        assert shown.scroll_offset.y > 0
        await pilot.press("escape")
        assert pilot.app.screen is board(pilot)
        await pilot.press("2")
        await typed(pilot, *"mark row")  # the focus is elsewhere
        await pilot.click(CommandList, offset=(5, 1))
        await settle(pilot)
        assert len(runs(pilot).marked) == 1


@pytest.mark.slow
async def test_a_run_is_typed_completed_judged_and_queued(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    write_run("BiT-small")
    async with opened(project, size=(80, 24)) as pilot:
        await typed(pilot, "r", "u", "n", "tab", *"vit", "tab", *"epo", "tab", "2", *" seeds=0,1")
        assert line(pilot) == ":run ViT-small epochs=2 seeds=0,1"
        assert says(pilot).startswith("queues 2 runs: ViT-small s0 and s1, epochs 2 (file: 4)\nabout ")
        await pilot.press("enter")
        await settle(pilot)
        queued = [run.info() for run in Store(project.runs).runs() if run.info().config["epochs"] == 2]
        assert sorted(info.seed for info in queued) == [0, 1]
        assert "ViT-small is queued" in toasts(pilot)
        await until(pilot, lambda: len(board(pilot).snapshot.runs) == 4)

        for wrong, sentence in (
            ("run ViT-smal lr=1", "there is no experiment 'ViT-smal'; did you mean 'ViT-small'?"),
            ("r ViT-small seed=0,1", "seed=0,1: it is one; for several write seeds=0,1"),
            ("run ViT-small lrr=1", "unknown key 'lrr'; did you mean 'lr'?"),
            ("run lr=1e-3 x", "the experiment comes first: run NAME lr=1e-3"),
            ("sort f2 ", "there is no column 'f2'"),
            ("theme dakr", "there is no theme 'dakr'; did you mean 'dark'?"),
            ("run ViT-small lr=", "lr=: a value is missing"),
        ):
            await pilot.press("colon")
            pilot.app.screen.query_one(CommandLine).value = f":{wrong}"
            await pilot.press("enter")
            await settle(pilot)
            assert isinstance(pilot.app.screen, CommandScreen), wrong
            assert sentence in says(pilot)
            assert "Known" not in says(pilot)
            await pilot.press("escape", "escape")

        await typed(pilot, *"r BiT-small", "enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Dialog)
        assert pilot.app.screen._title == "BiT-small has seed 0 already"
        await pilot.press("enter")
        await settle(pilot)
        (new,) = [
            run
            for run in Store(project.runs).runs()
            if (run.info().experiment, run.info().seed) == ("BiT-small", 1)
        ]
        await until(pilot, lambda: board(pilot).row is not None and board(pilot).row.key == f"run:{new.id}")  # type: ignore[union-attr]


@pytest.mark.slow
async def test_the_list_is_sorted_and_filtered_and_lines_come_back(
    project: Project, write_run: Write, tmp_path: Path
) -> None:
    write_run("ViT-small")
    write_run("BiT-small", end="failed")
    state = tmp_path / "state"
    async with opened(project, size=(120, 36), options=Options(state=state)) as pilot:
        await pilot.press("ctrl+p", *"sort peak", "enter")  # the colon may be left out
        await settle(pilot)
        assert board(pilot).arrangement.order == "peak"
        assert "peak" in board(pilot).arrangement.names
        await typed(pilot, "colon", *"so loss", "enter")  # a colon again is nothing
        await settle(pilot)
        assert board(pilot).arrangement.order == "train/loss"
        await typed(pilot, "colon", *"sort pea", "enter")
        await settle(pilot)
        assert board(pilot).arrangement.order == "peak"
        await typed(pilot, "colon", *"fil", "tab", *"state=fai", "tab")
        assert line(pilot) == ":filter state=failed"
        assert says(pilot) == "1 of 3 experiments pass"
        await pilot.press("enter")
        await settle(pilot)
        assert [row.label for row in runs(pilot).rows] == ["BiT-small"]
        await typed(pilot, "up")
        assert line(pilot) == ":filter state=failed"
        await pilot.press("up")
        assert line(pilot) == ":sort peak"
        await pilot.press("down", "down")
        assert line(pilot) == ":"
        await pilot.press("escape")
        await typed(pilot, *"filter ", "enter")
        await settle(pilot)
        assert len(runs(pilot).rows) == 3
        board(pilot).query_one("#left").add_class("-roomy")
        await typed(pilot, *"grid 1x", "tab", "enter")
        await settle(pilot)
        assert len(board(pilot).grid.charts) == 1
        await pilot.press("q")
        await pilot.pause()
    view = load(state, project.folder)
    assert view.commands[:4] == [":grid 1x1", ":filter", ":filter state=failed", ":sort peak"]
    assert view.grid == "1x1"
    async with opened(project, size=(120, 36), options=Options(state=state)) as pilot:
        assert board(pilot).query_one("#left").has_class("-roomy")
        assert str(board(pilot).grid.asked) == "1x1"
        await typed(pilot, "up", "up", "up")
        assert line(pilot) == ":filter state=failed"


@pytest.mark.slow
async def test_themes_are_seen_while_they_are_chosen(project: Project) -> None:
    async with opened(project) as pilot:
        await typed(pilot, *"theme lig", "tab")
        assert pilot.app.theme == "vitui-light"
        await pilot.press("escape", "escape")
        await settle(pilot)
        assert pilot.app.theme == "vitui-dark"
        await typed(pilot, *"theme contr", "down")
        await settle(pilot)
        assert pilot.app.theme == "vitui-contrast"
        await pilot.press("enter")
        await settle(pilot)
        assert pilot.app.screen is board(pilot)
        assert pilot.app.theme == "vitui-contrast"
        await typed(pilot, *"t lig", "enter")  # the one that it begins
        await settle(pilot)
        assert pilot.app.theme == "vitui-light"


@pytest.mark.slow
async def test_a_theme_that_was_only_seen_is_not_remembered(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.app.VIEW_S", 0.05)
    async with opened(project, options=Options(state=tmp_path)) as pilot:
        await typed(pilot, *"theme lig", "tab")
        assert pilot.app.theme == "vitui-light"
        await pilot.pause(0.3)  # the view would have been saved by now
        assert load(tmp_path, project.folder).theme == ""
        await pilot.press("escape", "escape")
        await settle(pilot)
        await pilot.press("s")
        await until(pilot, lambda: load(tmp_path, project.folder).order != "")
        assert load(tmp_path, project.folder).theme == ""


FIGURES = """
[figures.small]
y = "test/f1"
experiments = ["ViT-small"]

[figures.waiting]
y = "test/f1"
experiments = ["one-token"]
"""


def said_line(pilot: AppPilot) -> str:
    """Return what stands in the row for messages."""
    row = board(pilot).query_one(MessageRow)
    return row.said.line if row.said is not None else ""


@pytest.mark.slow
async def test_figures_of_the_file_are_drawn_by_name_in_a_process_of_their_own(
    project: Project, write_run: Write
) -> None:
    write_run("ViT-small")
    async with opened(project, size=(80, 24)) as pilot:
        await typed(pilot, *"figure x", "enter")
        await settle(pilot)
        assert says(pilot) == "experiments.toml has no figures: tables [figures.NAME] there define them"
        await pilot.press("escape", "escape")
        project.config.write_text(project.config.read_text() + FIGURES)
        await until(pilot, lambda: bool(board(pilot).snapshot.config.figures))  # type: ignore[union-attr]
        await typed(pilot, *"figure ")
        assert rows(pilot)[:3] == ["tab completes", "small", "waiting"]
        await pilot.press(*"x", "enter")
        await settle(pilot)
        assert says(pilot).startswith("there is no figure 'x'")
        await pilot.press("backspace", *"sm")
        await pilot.press("enter")
        await pilot.pause()
        assert said_line(pilot) == "Drawing small …"
        await settle(pilot)
        assert said_line(pilot) == "Written: images/small.png: 1 of 1 experiments, 1 run"
        assert Path("images/small.png").read_bytes().startswith(b"\x89PNG")
        await typed(pilot, *"figure waiting", "enter")
        await settle(pilot)
        assert said_line(pilot).startswith("waiting is not drawn: one-token: no runs yet; to make them: ")
        assert "Drawing" not in said_line(pilot)
        assert pilot.app.screen is board(pilot)


@pytest.mark.slow
async def test_the_report_is_written_in_a_process_of_its_own(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    project.config.write_text(project.config.read_text() + FIGURES)
    async with opened(project, size=(80, 24)) as pilot:
        await typed(pilot, *"report")
        await pilot.press("enter")
        await pilot.pause()
        assert said_line(pilot) == "Drawing the report …"
        await settle(pilot)
        assert said_line(pilot) == "Written: report/report.html: 1 of 2 figures, 1 run; M says more"
        assert "waiting is not drawn" in toasts(pilot)
        assert Path("report/report.html").exists()
        project.config.write_text("[experiments")
        await typed(pilot, *"report", "enter")
        await settle(pilot)
        assert said_line(pilot).startswith("The report is not complete: experiments.toml:1:")
        await until(pilot, lambda: board(pilot).snapshot.config_error != "")
        await typed(pilot, *"figure small", "enter")
        assert says(pilot) == "experiments.toml has mistakes: ! says which"


@pytest.mark.parametrize("text", ["run ViT-small", "figure small", "report"])
@pytest.mark.parametrize("past", [False, True], ids=["read-only", "past"])
async def test_no_line_changes_anything_read_only_or_in_the_past(
    project: Project, write_run: Write, text: str, *, past: bool
) -> None:
    write_run("BiT-small")
    project.config.write_text(project.config.read_text() + FIGURES)
    async with opened(project, options=Options(readonly=not past)) as pilot:
        if past:
            board(pilot).past.go_to(time.time() - 60)
            await settle(pilot)
        await typed(pilot, *text, "enter")
        await settle(pilot)
        refused = says(pilot) if text != "report" else toasts(pilot).strip()
        assert refused == READONLY or (past and refused.endswith("esc is now"))
        assert len(Store(project.runs).runs()) == 1
        assert not Path("images").exists()
        assert not Path("report").exists()
