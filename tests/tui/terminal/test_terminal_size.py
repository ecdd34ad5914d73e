"""The app in a terminal of any size, down to one cell: it lives, and sends nothing beyond the edges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.strip import Strip

from tests.tui.pilot import board, opened
from tui.state.snapshot import Project
from tui.terminal.cell_diff import TerminalCells
from tui.terminal.terminal_size import LARGEST, SMALLEST, bounded

SIZES = [(1, 1), (2, 80), (96, 2), (13, 5)]
OPENING = ("colon", "question_mark", "n", "f", "C", "o", "enter")
"""Keys that open what is then made small."""


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_any_size_becomes_one_that_can_be_drawn(width: int, height: int) -> None:
    size = bounded(Size(width, height))
    assert SMALLEST.width <= size.width <= LARGEST.width
    assert SMALLEST.height <= size.height <= LARGEST.height
    assert bounded(size) == size


def test_what_lies_beyond_the_edges_is_not_sent() -> None:
    cells = TerminalCells()
    cells.size = Size(3, 2)
    pieces = [(y, x, Strip([Segment(text)])) for y in range(4) for x, text in ((1, "abcd"), (5, "ef"))]
    sent = cells.send(pieces, ColorSystem.TRUECOLOR)
    assert sent.count("ab") == 2
    assert not set("cdef") & set(sent)


async def test_the_palette_takes_keys_in_two_rows(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("colon")
        pilot.app.post_message(events.Resize(Size(96, 2), Size(96, 2)))
        await pilot.pause(0.1)
        await pilot.press("down", "pagedown", "pageup", "escape")
        assert pilot.app.screen is board(pilot)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_everything_opens_in_the_smallest_terminal(project: Project, size: tuple[int, int]) -> None:
    async with opened(project) as pilot:
        for key in OPENING:
            await pilot.press(key)
            pilot.app.post_message(events.Resize(Size(*size), Size(*size)))
            await pilot.pause(0.1)
            await pilot.press("a", "down", "pagedown", "pageup", "tab")
            await pilot.press("escape", "escape")
            assert pilot.app.screen is board(pilot), key
            pilot.app.post_message(events.Resize(Size(120, 36), Size(120, 36)))
            await pilot.pause(0.1)
