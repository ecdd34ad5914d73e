"""The bar of keys: what it offers follows the run, the focus and the width; a click presses."""

from __future__ import annotations

import pytest

from tests.tui.conftest import Write
from tests.tui.pilot import board, opened, settle
from tui.app_options import Options
from tui.screens.command_palette.screen import CommandScreen
from tui.screens.help import HelpScreen
from tui.state.snapshot import Project
from tui.widgets.key_bar import KeyBar


def words(bar: KeyBar) -> list[str]:
    return [offer.words for offer in bar.fitting_offers()]


async def test_it_offers_what_can_be_done_to_the_run(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    write_run("BiT-small", epochs=2, end="stopped")
    async with opened(project, (200, 60)) as pilot:
        bar = board(pilot).query_one(KeyBar)
        assert "Open" in words(bar)
        assert not {"Stop", "Resume"} & set(words(bar))
        await pilot.press("down")
        await settle(pilot)
        assert "Resume" in words(bar)
        await pilot.press("down")  # an experiment that has not been run
        await settle(pilot)
        assert "Open" not in words(bar)
        assert "Run" in words(bar)


async def test_read_only_it_offers_nothing_that_changes_anything(project: Project, write_run: Write) -> None:
    write_run("ViT-small", epochs=2, end="stopped")
    async with opened(project, (200, 60), options=Options(readonly=True)) as pilot:
        said = words(board(pilot).query_one(KeyBar))
        assert {"Open", "Compare", "Export"} <= set(said)
        assert not {"Run", "Resume", "Edit", "Tag", "Note", "Run with changes"} & set(said)


@pytest.mark.parametrize("width", [40, 80, 120])
async def test_the_ways_out_are_there_however_narrow_it_is(
    project: Project, write_run: Write, width: int
) -> None:
    write_run("ViT-small")
    async with opened(project, (width, 24)) as pilot:
        bar = board(pilot).query_one(KeyBar)
        assert words(bar)[-3:] == ["More", "Help", "Leave"]
        line = bar.render_line(0)
        assert line.cell_length == width
        assert line.text.rstrip().endswith("Leave")


async def test_it_follows_the_focus(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        bar = board(pilot).query_one(KeyBar)
        assert "Overlay" in words(bar)
        await pilot.press("2")
        await settle(pilot)
        assert "Overlay" not in words(bar)
        assert words(bar)[:6] == ["Runs", "Point", "Read", "Zoom", "Smooth", "X axis"]
        await pilot.press("i", "greater_than_sign")
        assert words(bar)[:3] == ["end reading ‹ zoom ‹ charts", "Point", "Read"]
        bar.styles.width = 50
        await pilot.pause()
        assert words(bar)[0] == "end reading ‹ zoom"
        bar.styles.width = "1fr"
        await pilot.pause()
        await pilot.press("escape")
        assert words(bar)[:2] == ["end zoom ‹ charts", "Point"]
        await pilot.press("escape", "escape")
        assert words(bar)[:2] == ["Open", "Overlay"]
        await pilot.press("f", *"vit", "enter")
        assert words(bar)[:2] == ["end filter", "Open"]


async def test_a_click_presses_the_key(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project, (200, 60)) as pilot:
        bar = board(pilot).query_one(KeyBar)
        at = bar.render_line(0).text.index("Help")
        await pilot.click(KeyBar, offset=(at, 0))
        await pilot.pause()
        assert isinstance(pilot.app.screen, HelpScreen)
        assert bar.key_at(bar.size.width - 1) is None
        await pilot.press("escape")
        await pilot.click(KeyBar, offset=(bar.render_line(0).text.index("More"), 0))
        await pilot.pause()
        assert isinstance(pilot.app.screen, CommandScreen)
