"""One run, one colour and one mark: in the list, in every chart, in the comparison, whatever is overlaid beside it."""

from __future__ import annotations

import pytest

from tests.tui.conftest import Write
from tests.tui.pilot import AppPilot, opened, runs, settle, until
from tui.app_options import Options
from tui.palette import MARKERS, PALETTE, Sign, assign
from tui.screens.comparison import CompareScreen
from tui.state.snapshot import Project
from tui.views.colour_assignment import give
from tui.widgets.chart.chart_grid import ChartGrid

SKY, ORANGE = (Sign(colour, mark) for colour, mark in zip(PALETTE[:2], MARKERS[:2], strict=True))


def alone(*names: str) -> list[tuple[str, list[str]]]:
    """Return a curve for each run; its experiment is what stands before the dot."""
    return [(name.partition(".")[0], [name]) for name in names]


def test_a_curve_alone_has_the_colour_of_its_experiment_and_the_mark_of_that() -> None:
    assert give(alone("a.0"), {"a": PALETTE[1]}, {}) == {"a.0": ORANGE}


def test_what_was_there_keeps_its_sign_and_what_comes_gets_another() -> None:
    colours = {"a": PALETTE[0], "b": PALETTE[0], "c": PALETTE[1]}
    before = give(alone("a.0"), colours, {})
    after = give(alone("c.0", "b.0", "a.1", "a.0"), colours, before)
    assert after["a.0"] == before["a.0"] == SKY
    assert after["c.0"] == ORANGE
    assert len(set(after.values())) == 4
    assert len({sign.colour for sign in after.values()}) == 4
    later = give(alone("b.0", "a.0"), colours, after)
    assert later == {run: after[run] for run in ("a.0", "b.0")}


def test_the_first_run_of_an_experiment_has_its_colour_and_others_leave_those_alone() -> None:
    colours = {"a": PALETTE[0], "b": PALETTE[1]}
    found = give(alone("a.1", "a.0", "b.0"), colours, {})
    assert (found["a.1"], found["b.0"]) == (SKY, ORANGE)


def test_curves_differ_for_as_long_as_there_are_signs() -> None:
    names = [f"{number}." for number in range(len(PALETTE) * len(MARKERS))]
    found = give(alone(*names), assign(name.rstrip(".") for name in names), {})
    assert len(set(found.values())) == len(names)
    first = give(alone(*names[: len(MARKERS)]), assign(name.rstrip(".") for name in names), {})
    assert {sign.mark for sign in first.values()} == set(MARKERS)


def test_seeds_in_a_band_have_one_sign_and_the_newest_keeps_it_without() -> None:
    colours = {"a": PALETTE[0]}
    band = give([("a", ["a.2", "a.1", "a.0"])], colours, {})
    assert set(band.values()) == {SKY}
    apart = give(alone("a.2", "a.1", "a.0"), colours, band)
    assert apart["a.2"] == SKY
    assert len(set(apart.values())) == 3
    assert set(give([("a", ["a.2", "a.1", "a.0"])], colours, apart).values()) == {SKY}


def in_charts(pilot: AppPilot) -> dict[str, set[tuple[str, str]]]:
    """Return what each run wears in the charts of the screen that is open."""
    worn: dict[str, set[tuple[str, str]]] = {}
    for chart in pilot.app.screen.query_one(ChartGrid).charts:
        for line in chart.lines:
            worn.setdefault(line.curve.run, set()).add((line.colour, line.mark))
    return worn


def in_list(pilot: AppPilot) -> dict[str, tuple[str, str]]:
    """Return what the rows of the list wear."""
    rows = [row for row in runs(pilot).rows if row.run]
    worn = {row.run or "": runs(pilot)._swatch(row) for row in rows}
    return {run: (str(each.style.color.name).upper(), each.text[1]) for run, each in worn.items()
            if each.style is not None and each.text.strip() and each.style.color is not None}  # fmt: skip


@pytest.mark.slow
async def test_a_run_is_the_same_on_every_screen_while_others_come_and_go(
    project: Project, write_run: Write
) -> None:
    names = [f"net-{number}" for number in range(9)]  # two of them have one colour
    for name in names:
        with project.config.open("a") as file:
            file.write(f'[experiments."{name}"]\nmodel = "vit_mini"\nimage_size = 16\npatch_size = 4\n')
        write_run(name)
    clash = assign([*names, "ViT-small", "BiT-small", "one-token"])
    async with opened(project, size=(120, 50)) as pilot:
        seen: dict[str, tuple[str, str]] = {}
        await pilot.press(*["down"] * 3)
        for _ in names:
            await pilot.press("space", "down")
            await until(pilot, lambda: in_charts(pilot).keys() >= runs(pilot).overlaid)
            await until(
                pilot, lambda: {run: {worn} for run, worn in in_list(pilot).items()} == in_charts(pilot)
            )
            charts = in_list(pilot)
            assert seen.items() <= charts.items()
            seen = {run: worn for run, worn in charts.items() if run in runs(pilot).overlaid}
        assert len({clash[name] for name in names}) < len(names)
        assert len(set(seen.values())) == len(names)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen) and bool(in_charts(pilot)))
        assert {run: next(iter(worn)) for run, worn in in_charts(pilot).items()} == seen
        screen = pilot.app.screen
        assert isinstance(screen, CompareScreen)
        await until(pilot, lambda: screen.table is not None)
        for side in screen.table.sides if screen.table is not None else ():
            assert screen._marks(side).plain == seen[side.counted[0].run][1]


async def test_a_run_without_values_of_a_metric_changes_no_mark(project: Project, write_run: Write) -> None:
    for name in ("ViT-small", "BiT-small"):
        write_run(name)
    async with opened(project, options=Options(ascii_only=True)) as pilot:
        await pilot.press("space", "down", "space", "down")
        await settle(pilot)
        first = in_charts(pilot)
        write_run("one-token", epochs=0, end=None)
        await until(pilot, lambda: any(row.experiment == "one-token" and row.run for row in runs(pilot).rows))
        await pilot.press("space")
        await settle(pilot)
        assert {run: in_charts(pilot)[run] for run in first} == first
