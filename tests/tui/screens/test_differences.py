"""Why two runs differ, in the app: which two are meant, and a page that fits any width and shows text as text."""

from __future__ import annotations

import pytest
from textual.widgets import Static

from engine.analysis.provenance.differences import differences
from engine.analysis.provenance.run_origin import Code, RunOrigin
from engine.runs.provenance.git_patch_format import files_of, new_file
from tests.hostile_texts import HOSTILE, acted_on
from tests.tui.conftest import Write
from tests.tui.pilot import AppPilot, opened, settle, toasts, until
from tui.screens.differences import DifferencesScreen, changes, page
from tui.state.snapshot import Project

TEXT = "".join(HOSTILE.values())
ONE = RunOrigin(
    "first-run", {"lr": 0.1, "options": {TEXT: TEXT}}, code=Code("1" * 40, is_program=True), device=TEXT
)
OTHER = RunOrigin(
    f"second {TEXT}", {"lr": 0.2, TEXT: 1}, 1, Code("2" * 40, patch="x", is_program=True, files=files_of(
        new_file(b"train.py", f"print(1)\n{TEXT}\n".encode(errors="replace"))
    )), device="cpu",
)  # fmt: skip


@pytest.mark.parametrize("width", [30, 52, 112, 192])
def test_a_page_is_as_wide_as_its_room_and_shows_no_more_than_characters(width):
    shown = page(differences(ONE, OTHER), (ONE, OTHER), width)
    assert acted_on(shown.plain) == []
    assert {line.split(" ")[0] for line in shown.plain.splitlines()} >= {
        "first",
        "second",
        "commit",
        "lr",
        "seed",
    }
    assert all(line.cell_len <= width for line in shown.split("\n") if not line.plain.startswith("not known"))


def test_changes_are_shown_as_text_and_bounded():
    shown = changes(ONE.code, OTHER.code, {"+": "green"})
    assert "train.py of the first\nas in its commit\n" in shown.plain
    assert "\n+print(1)\n" in shown.plain
    assert acted_on(shown.plain.replace("\n", " ")) == []
    many = Code(files=files_of(new_file(b"long.py", b"x\n" * 9000)))
    assert changes(Code(), many, {}).plain.count("\n") < 2100
    assert "neither has changes" in changes(ONE.code, ONE.code, {}).plain


def text_of(pilot: AppPilot) -> str:
    screen = pilot.app.screen
    assert isinstance(screen, DifferencesScreen)
    return str(screen.query_one("#differences-page", Static).content)


def titled(pilot: AppPilot) -> str:
    return str(pilot.app.screen.query_one("#differences").border_title)


async def test_the_two_that_are_meant_are_compared(project: Project, write_run: Write) -> None:
    seeds = [write_run("ViT-small", seed=seed) for seed in (1, 0)]
    others = [write_run("BiT-small", seed=seed) for seed in (2, 0)]
    async with opened(project, (120, 36)) as pilot:
        await pilot.press("w")
        assert "Why differ?" in toasts(pilot)
        await pilot.press("space", "w")  # a row with two seeds is overlaid
        await until(pilot, lambda: "seed" in text_of(pilot))
        assert [run.id in text_of(pilot) for run in (*seeds, *others)] == [True, True, False, False]
        await pilot.press("p")
        assert "neither has changes" in text_of(pilot)
        await pilot.press("w")
        await pilot.press("down", "space", "w")  # another row too: the seed that both have
        await until(pilot, lambda: "it changes what is learned" in text_of(pilot))
        assert [run.id in text_of(pilot) for run in (*seeds, *others)] == [False, True, False, True]
        assert titled(pilot) == "Why ViT-small s0 and BiT-small s0 differ"
        await pilot.press(
            "w", "space", "p", "up", "space", "w"
        )  # the pinned run, and the one under the cursor
        await until(pilot, lambda: "it changes what is learned" in text_of(pilot))
        assert titled(pilot) == "Why BiT-small s0 (baseline) and ViT-small s0 differ"
        await pilot.press("escape")
        await settle(pilot)
