"""The dashboard at a moment of the past: the ways there and back, and what is refused meanwhile."""

from __future__ import annotations

import math

import pytest

from tests.tui.conftest import NOW, Write
from tests.tui.pilot import AppPilot, board, opened, settle, toasts, until
from tui.app_options import LOOKS_BACK, Options
from tui.state.moment import day_and_time, iso
from tui.state.snapshot import Past, Project
from tui.terminal.textual_private import screen_strips
from tui.widgets.time_slider import slider

FIRST = NOW + 60
"""When the first run has ended."""


async def at(pilot: AppPilot, *keys: str) -> float:
    """Press keys, and return the moment that is shown then."""
    await pilot.press(*keys)
    await until(pilot, lambda: board(pilot).past.is_shown)
    past = board(pilot).snapshot.past
    return past.moment if past is not None else 0.0


@pytest.mark.slow
async def test_keys_lead_from_moment_to_moment_and_nothing_is_changed(
    project: Project, write_run: Write
) -> None:
    write_run("ViT-small", end="failed", reason="out of memory")
    count = len(list(project.runs.iterdir()))
    async with opened(project, options=Options(at=NOW + 20.5)) as pilot:
        assert await at(pilot) == NOW + 20.5
        (status,) = board(pilot).snapshot.runs
        assert (status.state, status.step, status.last["train/loss"]) == (
            "running",
            20,
            2.3 * math.exp(-20 / 12),
        )
        text = "\n".join("".join(part.text for part in strip) for strip in screen_strips(pilot.app.screen))
        assert f"as it was on {day_and_time(NOW + 20.5, FIRST, weekday=True)}" in text
        assert "next: ViT-small s0 fails" in text
        assert "2 experiments had no run yet; only looking" in text
        assert "Run" not in {offer.words for offer in board(pilot).query_one("KeyBar").fitting_offers()}  # type: ignore[attr-defined]
        for key in ("r", "R", "e", "D", "c", "E"):
            await pilot.press(key)
        await settle(pilot)
        assert toasts(pilot).strip() == f"looking at {day_and_time(NOW + 20.5, FIRST)}; esc is now"
        assert pilot.app.screen is board(pilot)
        assert len(list(project.runs.iterdir())) == count

        assert await at(pilot, "n") == NOW + 60
        assert board(pilot).snapshot.runs[0].state == "failed"
        assert await at(pilot, "N") == NOW
        assert await at(pilot, "left") == NOW - 60
        assert board(pilot).snapshot.runs == ()
        assert await at(pilot, "shift+right") == NOW + 3540
        await at(pilot, "0", "backspace", *iso(NOW + 10), "enter")
        assert board(pilot).snapshot.runs[0].step == 10
        await pilot.press("Y", "a")
        assert pilot.app.clipboard == f"vitui --at {iso(NOW + 10)}"
        await pilot.press("minus", "x", "enter", "escape")
        assert await at(pilot, "escape") == 0
        assert not pilot.app.has_class(LOOKS_BACK)
        assert board(pilot).snapshot.runs[0].state == "failed"
        assert len(board(pilot).rows()) == 3
        assert board(pilot).run_list.has_focus


@pytest.mark.parametrize(("width", "cells"), [(1, 1), (24, 6), (80, 62)])
def test_the_line_has_a_place_for_every_event(width: int, cells: int) -> None:
    left, (mark, _), right = slider(Past(NOW + 50, NOW + 100, ()), width)
    assert mark == "●"
    track = left[0].partition("├")[2] + mark + right[0].partition("┤")[0]
    assert len(track) == cells
    assert len(left[0] + mark + right[0]) <= max(width, 20)
