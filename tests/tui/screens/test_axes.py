"""The x axis of charts: those that no run shown has are passed over, with a word, for as long as it has them not."""

from __future__ import annotations

from engine.exchange.importing import import_from
from engine.runs.store import Store
from tests.tui.pilot import AppPilot, board, opened, settle, toasts
from tui.state.snapshot import Project
from tui.widgets.chart.chart_grid import ChartGrid


def take(project: Project, text: str) -> None:
    log = project.folder / "log.csv"
    log.write_text(text)
    import_from(Store(project.runs), log, name="ViT-small", say=lambda _: None)


async def axes(pilot: AppPilot) -> list[str]:
    """The axes that the key goes through, from where it stands until it comes again."""
    grid = board(pilot).query_one(ChartGrid)
    seen = [grid.x_label]
    while True:
        await pilot.press("x")
        await settle(pilot)
        if grid.x_label in seen:
            return seen
        seen.append(grid.x_label)


async def test_a_log_without_times_has_steps_and_epochs_alone(project: Project) -> None:
    take(project, "epoch,test/f1\n1,0.5\n2,0.6\n")
    async with opened(project) as pilot:
        assert await axes(pilot) == ["epoch", "step"]


async def test_an_axis_that_no_run_shown_has_gives_way_with_a_word(project: Project) -> None:
    take(project, "step,time,test/f1\n1,1795000000,0.5\n2,1795000060,0.6\n")
    async with opened(project) as pilot:
        assert "x is step: no run shown has epochs" in toasts(pilot)
        assert board(pilot).taken_view().axis == "epoch"  # for runs that have it
        assert await axes(pilot) == ["step", "time"]
