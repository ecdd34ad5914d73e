"""Every screen that keys reach, read-only and in ASCII: nothing changes, and nothing else is drawn."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.config.loader import load_config
from engine.runs import run_lock
from engine.runs.store import Store
from tests.conftest import queued
from tests.tui.conftest import Write
from tests.tui.pilot import AppPilot, board, opened, settle, toasts
from tui.app_options import READONLY, Options
from tui.screens.dialogs import Dialog
from tui.screens.queue_page import QueueScreen
from tui.screens.run_page import RunScreen
from tui.state.snapshot import Project
from tui.terminal.textual_private import screen_strips

LEAVING = {"q", "ctrl+q", "ctrl+c", "escape", "E"}
"""Keys that leave, and the export, which writes what it is asked for."""
WAYS = (
    ("question_mark",), ("enter",), ("enter", "2"), ("enter", "3"), ("enter", "4"), ("enter", "5"), ("L",),
    ("4",), ("5",), ("5", "5"), ("c",), ("colon",), ("ctrl+p", *"theme"), ("e",), ("o",), ("t",), ("T",),
    ("D",), ("Y",), ("E",), ("f", *"state="), ("slash", *"loss"), ("b",), ("i",), ("z",), ("y",), ("right",),
    ("s", "S"), ("p",), ("R",), ("u",), ("3",), ("at",), ("at", "N", "0"),
)  # fmt: skip
"""Keys, each from the dashboard, to all that can be seen."""


def lines(pilot: AppPilot) -> list[str]:
    strips = screen_strips(pilot.app.screen)
    return ["".join(segment.text for segment in strip) for strip in strips]


async def leave(pilot: AppPilot) -> None:
    """Back to the dashboard as it was."""
    while len(pilot.app.screen_stack) > 2:
        pilot.app.pop_screen()
        await pilot.pause()
    await pilot.press("escape", "escape", "escape", "0", "1")
    await settle(pilot)


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


@pytest.mark.slow
async def test_no_key_of_any_screen_changes_a_file_read_only(project: Project, write_run: Write) -> None:
    write_run("ViT-small", end="failed", epochs=2, reason="out of memory")
    write_run("BiT-small", seed=1)
    queued(Store(project.runs), load_config(project.config).experiments["one-token"], 0)
    before = files(project.folder)
    async with opened(project, options=Options(readonly=True)) as pilot:
        said = ""
        for way in ((), ("enter",), ("5", "5")):
            await pilot.press(*way)
            await settle(pilot)
            depth, keys = len(pilot.app.screen_stack), pilot.app.screen.active_bindings
            for key in sorted(set(keys) - LEAVING):
                await pilot.press(key)
                if isinstance(pilot.app.screen, Dialog):
                    await pilot.press("enter")
                while len(pilot.app.screen_stack) > depth:
                    pilot.app.pop_screen()
                said += toasts(pilot)
            await leave(pilot)
        assert READONLY in said
        assert "read-only" in lines(pilot)[0]
    assert files(project.folder) == before


async def test_what_reaches_a_file_another_way_is_refused_too(project: Project, write_run: Write) -> None:
    write_run("ViT-small", end="stopped")
    before = files(project.folder)
    async with opened(project, options=Options(readonly=True)) as pilot:
        board(pilot).action_resume()
        board(pilot).action_run()
        await settle(pilot)
        assert toasts(pilot).count(READONLY) == 2
    assert files(project.folder) == before


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_every_screen_is_ascii(project: Project, write_run: Write, size: tuple[int, int]) -> None:
    write_run("ViT-small", seed=0)
    write_run("ViT-small", seed=1, top=0.8)
    write_run("BiT-small", end="failed", epochs=2, reason="naïve ✗ 日本")
    live = write_run("one-token", epochs=2, end=None, alive=True)
    seen = set()
    with run_lock.hold(live):
        async with opened(project, size, options=Options(ascii_only=True)) as pilot:
            for way in WAYS:
                await pilot.press("space", *way)
                await settle(pilot)
                seen.add(type(pilot.app.screen))
                wrong = [line for line in lines(pilot) if not line.isascii()]
                assert wrong == [], way
                assert {len(line) for line in lines(pilot)} == {size[0]}, way
                await leave(pilot)
    assert {RunScreen, QueueScreen, Dialog} < seen
    assert len(seen) >= 9, seen


@pytest.mark.parametrize(
    "how", ["flag", *(pytest.param(how, marks=pytest.mark.slow) for how in ("variable", "locale"))]
)
def test_one_frame_is_ascii(project: Project, write_run: Write, how: str) -> None:
    write_run("ViT-small")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    said = {"flag": {}, "variable": {"VITUI_ASCII": "1"}, "locale": {"LC_ALL": "C"}}[how]
    command = [sys.executable, "-m", "tui.cli", "--once", *(["--ascii"] if how == "flag" else [])]
    shown = subprocess.run(
        command, env=environment | said, cwd=project.folder, capture_output=True, check=True
    )
    assert shown.stdout.isascii()
    assert b"ViT-small" in shown.stdout
    assert b"+-" in shown.stdout


@pytest.mark.slow
def test_without_it_one_frame_is_not_ascii(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    command = [sys.executable, "-m", "tui.cli", "--once"]
    shown = subprocess.run(
        command, env={**environment, "LANG": "C.UTF-8"}, cwd=project.folder, capture_output=True, check=True
    )
    assert "╭" in shown.stdout.decode()
