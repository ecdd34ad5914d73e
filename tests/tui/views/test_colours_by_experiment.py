"""One experiment, one colour and one sign: in the list, in every chart, in the comparison, and for good."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.conftest import Write
from tests.tui.pilot import AppPilot, board, opened, runs, settle, until
from tui.app_options import Options
from tui.curve_palette import PALETTE, Sign, assign, pair, shown_in
from tui.screens.comparison import CompareScreen
from tui.state.session import load
from tui.state.snapshot import Project
from tui.views.colours_by_experiment import give, sign_of_row, signs_together
from tui.widgets.chart.chart_grid import ChartGrid

SKY, ORANGE = pair(0), pair(1)


def alone(*names: str) -> list[tuple[str, list[str]]]:
    """Return a curve for each run; its experiment is what stands before the dot, its seed what stands behind."""
    return [(name.partition(".")[0], [name]) for name in names]


def given(*curves: tuple[str, list[str]], **numbers: int) -> dict[str, Sign]:
    seeds = {run: int(run.partition(".")[2]) for _, runs in curves for run in runs}
    return give(curves, numbers, seeds)


def test_a_curve_alone_has_the_pair_of_its_experiment() -> None:
    assert given(*alone("a.3", "b.0"), a=0, b=1) == {"a.3": SKY, "b.0": ORANGE}


SEVERAL = [
    (alone("a.0", "a.1", "a.12"), {"a.0": "●0", "a.1": "●1", "a.12": "●2"}),
    (alone("a.2", "a.12", "a.22", "b.2"), {"a.2": "●2", "a.12": "●a", "a.22": "●b", "b.2": "▲"}),
    (alone("a.2", "b.2", "b.12"), {"a.2": "●", "b.2": "▲2", "b.12": "▲a"}),
    ([("a", ["a.0", "a.1"]), *alone("a.2", "b.0", "b.2")],
     {"a.0": "●", "a.1": "●", "a.2": "●2", "b.0": "▲0", "b.2": "▲2"}),
    ([("a", ["a.0", "a.1"]), ("a", ["a.2", "a.3"])], {"a.0": "●", "a.1": "●", "a.2": "●a", "a.3": "●a"}),
]  # fmt: skip


@pytest.mark.parametrize(("curves", "marks"), SEVERAL)
def test_seeds_beside_each_other_have_its_colour_and_sign_with_their_digits(
    curves: list[tuple[str, list[str]]], marks: dict[str, str]
) -> None:
    worn = given(*curves, a=0, b=1)
    assert worn == {run: Sign((SKY, ORANGE)[run[0] == "b"].colour, mark) for run, mark in marks.items()}
    assert all(sign.of_experiment == (SKY, ORANGE)[run[0] == "b"] for run, sign in worn.items())
    letters = {sign.drawn(ascii_only=True) for sign in worn.values()}
    assert len(letters) == len(set(worn.values()))  # apart without colour too
    assert all(letter.isascii() and letter[0] in "AB" for letter in letters)


def test_what_stands_for_several_runs_has_the_sign_of_their_experiment() -> None:
    seeds = [Sign(SKY.colour, "●0"), Sign(SKY.colour, "●1")]
    assert signs_together([]) == []
    assert signs_together([seeds[0], seeds[0]]) == seeds[:1]
    assert signs_together(seeds) == [SKY]
    assert signs_together([*seeds, ORANGE]) == [SKY, ORANGE]
    drawn = {"a.0": seeds[0], "a.1": seeds[1], "b.0": ORANGE}
    assert sign_of_row(drawn, "a.0", ["a.0", "a.1"]) == SKY  # of an experiment
    assert sign_of_row(drawn, "a.1", ["a.1"]) == seeds[1]  # of a run
    assert sign_of_row(drawn, "", ["a.0", "b.0"]) is None  # of a group
    assert sign_of_row(drawn, "b.0", ["a.0", "b.0"]) == ORANGE
    assert sign_of_row(drawn, "c.0", []) is None


def in_charts(pilot: AppPilot) -> dict[str, set[tuple[str, str]]]:
    """Return what each run wears in the charts of the screen that is open."""
    worn: dict[str, set[tuple[str, str]]] = {}
    for chart in pilot.app.screen.query_one(ChartGrid).charts:
        for line in chart.lines:
            worn.setdefault(line.curve.run, set()).add((shown_in(line.colour, "vitui-dark"), line.mark))
    return worn


def in_list(pilot: AppPilot) -> dict[str, tuple[str, str]]:
    """Return what the rows of the list wear."""
    rows = [row for row in runs(pilot).rows if row.run]
    worn = {row.run or "": runs(pilot)._swatch(row) for row in rows}
    return {run: (str(each.style.color.name), each.text[1]) for run, each in worn.items()
            if each.style is not None and each.text.strip() and each.style.color is not None}  # fmt: skip


@pytest.mark.slow
async def test_a_run_is_the_same_on_every_screen_while_others_come_and_go(
    project: Project, write_run: Write
) -> None:
    names = [f"net-{number}" for number in range(13)]  # two of them have one colour
    for name in names:
        with project.config.open("a") as file:
            file.write(f'[experiments."{name}"]\nmodel = "vit_mini"\nimage_size = 16\npatch_size = 4\n')
        write_run(name)
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
        assert len({colour for colour, _ in seen.values()}) == len(PALETTE)
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


async def test_an_experiment_keeps_its_pair_for_good(
    project: Project, write_run: Write, tmp_path: Path
) -> None:
    write_run("one-token")
    options = Options(state=tmp_path)
    async with opened(project, options=options) as pilot:
        await pilot.press("down", "down")
        await settle(pilot)
        assert set(board(pilot).signs.values()) == {SKY}
        await pilot.press("q")
    assert load(tmp_path, project.folder).signs == {"one-token": 0}
    write_run("ViT-small")
    async with opened(project, options=options) as pilot:
        assert set(board(pilot).signs.values()) == {ORANGE}  # the first one is taken, seen or not
        await pilot.press("down", "down")
        await settle(pilot)
        assert set(board(pilot).signs.values()) == {SKY}
    assert assign(["BiT-small", "one-token"], {"one-token": 0}) == {
        "BiT-small": ORANGE.colour, "one-token": SKY.colour,
    }  # fmt: skip
