"""What narrow terminals show: names give way, a number is whole or left out."""

from __future__ import annotations

import re

import msgspec
import pytest
from rich.cells import cell_len

from engine.analysis.alarms import Alarm
from engine.runs.status import Status
from engine.system.nvml import GpuSample
from tests.tui.conftest import Write
from tests.tui.pilot import board, opened, runs, settle, until
from tui.screens.run_page import RunScreen
from tui.state.snapshot import Machine, Project
from tui.views.run_page_title import title_of
from tui.widgets.machine.status_line import MachineLine, machine_texts
from tui.widgets.run_page.tab_bar import TabBar

RUNNING = Status(run="ViT-B-32x32-16-7-s0", experiment="ViT-B-32x32-16-7", state="running", epochs=30, epoch=15.0,
                 last={"test/f1": 0.911}, eta_s=18.0)  # fmt: skip


def gpu(index: int) -> GpuSample:
    return GpuSample(index=index, name="H200", uuid=str(index), memory_used=34 * 2**30, memory_total=139 * 2**30,
                     utilization=80.0 + index, power=412.0)  # fmt: skip


NUMBERS = r"[.\d][\d.]*"


def numbers(text: str) -> set[str]:
    return set(re.findall(NUMBERS, text))


def test_the_title_of_a_run_that_is_to_go_on_says_what_it_waits_for() -> None:
    waits = msgspec.structs.replace(RUNNING, state="queued", reason="waiting for CPU slot 1 (runs ViT)")
    assert title_of("r", waits, [], 200).plain.endswith("waiting for CPU slot 1 (runs ViT)")


def test_the_title_of_a_run_has_whole_facts() -> None:
    alarm = Alarm("r", "overfits", "test loss is 13 % over its lowest, 0.412")
    whole = title_of("r", RUNNING, [alarm], 200).plain
    assert whole.endswith(
        "running  overfits   epoch 15/30   F1 .911   18 s left   test loss is 13 % over its lowest, 0.412"
    )
    facts = whole.split("   ")[1:]
    for width in range(12, 130):
        title = title_of("r", RUNNING, [alarm], width).plain
        said = title.split("   ")[1:]
        assert said == facts[: len(said)], width
        assert cell_len(title) <= width or not said, width
        if width >= 60:
            assert said[:1] == ["epoch 15/30"], width


@pytest.mark.parametrize(
    "machine",
    [
        Machine(cpu=84.0, memory_used=1_288_490_188, memory_total=24 * 2**30),
        Machine(gpus=tuple(map(gpu, range(8)))),
    ],
)
def test_what_is_said_of_the_machine_is_cut_at_no_number(machine: Machine) -> None:
    said = machine_texts(machine)
    assert said[-1] == ""
    assert [cell_len(text) for text in said] == sorted(map(cell_len, said), reverse=True)
    assert all(numbers(text) <= numbers(said[0]) for text in said)


@pytest.mark.slow
async def test_every_number_of_the_list_and_the_first_line_is_whole(
    project: Project, write_run: Write
) -> None:
    for seed in range(3):
        write_run("ViT-small", seed=seed)
    write_run("BiT-small", epochs=2, end=None)
    async with opened(project, size=(200, 50)) as pilot:
        listed = runs(pilot)
        listed.choose(listed.visible_columns, by_hand=True)
        known = {column.text(row) for row in listed.rows for column in listed.visible_columns}
        for width in (24, 100, 32, 80, 40, 60, 48):  # wider and narrower in turn
            await pilot.resize_terminal(width, 24)
            await until(pilot, lambda width=width: board(pilot).size.width == width)  # type: ignore[misc]
            await settle(pilot)
            for index, row in enumerate(listed.rows, start=1):
                line = listed.render_line(index).text
                assert row.label[:3] in line, width
                columns = line[5 + 12 :].replace("×3", "").split()
                found = {word for word in columns if re.fullmatch(r"[\d./±]+[GMK]?", word)}
                assert found <= known, width
            if width >= 32:
                assert listed.render_line(1).text.count("±") == 1, width
            first = board(pilot).query_one(MachineLine)._line()
            assert first.cell_len <= width - 2, width
            assert "…" not in first.plain, width


@pytest.mark.parametrize(
    ("width", "said"), [(80, " 1 Overview [2 Confusion] 3 Classes "), (30, " 1 [2 Confusion] 3  4  5 ")]
)
async def test_a_narrow_terminal_shows_all_tabs(
    project: Project, write_run: Write, width: int, said: str
) -> None:
    write_run("ViT-small")
    async with opened(project, size=(width, 24)) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await pilot.press("2")
        bar = pilot.app.screen.query_one(TabBar)
        await until(pilot, lambda: bar.render_line(0).text.startswith(said))
        if width < 60:
            await pilot.click(TabBar, offset=(17, 0))
            await until(pilot, lambda: bar.index == 2)
