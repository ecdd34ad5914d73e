"""A range marked with the mouse on a chart: seen while it is marked, shown whole afterwards, given up with escape."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style
from textual.strip import Strip

from tests.tui.conftest import Write
from tests.tui.pilot import AppPilot, board, opened, runs, settle
from tui.screens.comparison import CompareScreen
from tui.state.snapshot import Project
from tui.widgets.chart.chart import Chart
from tui.widgets.chart.chart_grid import ChartGrid
from tui.widgets.chart.range_selection import LEAST, RangeSelection


@given(st.text("ab", min_size=1, max_size=30), st.integers(0, 29), st.integers(0, 29))
def test_a_range_is_painted_in_its_rows(text: str, start: int, end: int) -> None:
    strips = RangeSelection(start, end).on([Strip.blank(len(text))] * 3, 1, 1, Style(reverse=True))
    painted_cells = [
        sum(segment.cell_length for segment in strip if segment.style and segment.style.reverse)
        for strip in strips
    ]
    wide = abs(end - start) + 1
    seen = min(max(start, end) + 1, len(text)) - min(
        start, end, len(text)
    )  # the terminal became narrower since
    assert painted_cells == [0, seen if wide >= LEAST else 0, 0]
    assert {strip.cell_length for strip in strips} == {len(text)}


async def drag(pilot: AppPilot, chart: Chart, start: int, end: int, **how: int) -> None:
    await pilot.mouse_down(chart, offset=(start, 5), **how)  # type: ignore[arg-type]
    await pilot.hover(chart, offset=(end, 5))


@pytest.mark.slow
@pytest.mark.parametrize("how", [{}, {"button": 3}, {"shift": True}])
async def test_dragging_marks_and_letting_go_shows_it_in_all_charts(
    project: Project, write_run: Write, how: dict[str, int]
) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        grid = board(pilot).query_one(ChartGrid)
        chart, other = grid.charts[:2]
        wanted = chart._picture().x_at(10), chart._picture().x_at(18)
        await drag(pilot, chart, 18, 10, **how)  # either way
        assert chart.marked is not None
        painted = [segment.style.bgcolor for segment in chart.render_line(5) if segment.style]
        assert len(set(painted)) == 2
        await pilot.mouse_up(chart, offset=(10, 5))
        await settle(pilot)
        assert chart.marked is None
        assert chart.view == pytest.approx(wanted)
        assert other.view == chart.view
        first = chart.view
        await drag(pilot, chart, 10, 16, **how)  # zoomed: without more, it pans
        assert (chart.marked is None) == (not how)
        await pilot.mouse_up(chart, offset=(16, 5))
        await settle(pilot)
        assert chart.view is not None
        assert first is not None
        narrower = chart.view[1] - chart.view[0] < (first[1] - first[0]) * 0.9
        assert narrower == bool(how)


@pytest.mark.slow
async def test_escape_gives_up_and_nothing_else(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        await pilot.press("space")
        grid = board(pilot).query_one(ChartGrid)
        chart = grid.charts[0]
        await drag(pilot, chart, 10, 18)
        await pilot.press("escape")
        assert chart.marked is None
        await pilot.hover(chart, offset=(20, 5))
        await pilot.mouse_up(chart, offset=(20, 5))
        await settle(pilot)
        assert chart.view is None
        assert chart.app.mouse_captured is None
        assert len(runs(pilot).overlaid) == 1


@pytest.mark.slow
async def test_escape_gives_up_on_the_comparison_and_stays_there(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    write_run("BiT-small")
    async with opened(project) as pilot:
        await pilot.press("A", "c")
        await settle(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, CompareScreen)
        chart = screen.query_one(ChartGrid).charts[0]
        await drag(pilot, chart, 10, 18)
        assert chart.marked is not None
        await pilot.press("escape")
        assert chart.marked is None
        assert pilot.app.screen is screen
        await pilot.press("escape")
        assert pilot.app.screen is board(pilot)


@pytest.mark.slow
async def test_a_click_that_trembles_marks_nothing(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        chart = board(pilot).query_one(ChartGrid).charts[0]
        await drag(pilot, chart, 10, 10)
        await pilot.mouse_up(chart, offset=(10, 5))
        await settle(pilot)
        assert (chart.view, chart.marked) == (None, None)
