"""The app without a terminal: keys in, messages, state and files out."""

from __future__ import annotations

import math
import re
from contextlib import ExitStack

import numpy as np
import pytest
from textual.widgets import Input, Static

from engine.config.loader import load_config
from engine.events import Confusion, encode
from engine.runs import run_lock, stop_request
from engine.runs.queue_entry import waiting_entry
from engine.runs.status import Status
from engine.runs.store import Store
from tests.conftest import queued
from tests.tui.conftest import NOW, Write
from tests.tui.pilot import AppPilot, board, opened, runs, settle, toasts, until
from tui.screens.actions.stop_and_resume import briefly, how_it_goes_on
from tui.screens.comparison import CompareScreen
from tui.screens.dialogs import Dialog
from tui.screens.experiment_form import FormScreen
from tui.screens.help import HelpScreen
from tui.screens.mistake_list import MistakeScreen
from tui.screens.run_page import RunScreen
from tui.state.snapshot import Project
from tui.terminal.textual_private import screen_strips
from tui.widgets.chart.chart import Chart
from tui.widgets.chart.chart_grid import ChartGrid
from tui.widgets.chart.inks_and_glyphs import marks_of
from tui.widgets.form_list import FormList
from tui.widgets.key_bar import KeyBar
from tui.widgets.machine.status_line import MachineLine
from tui.widgets.message_row import MessageRow
from tui.widgets.runs.run_list import RunList


def curves(pilot: AppPilot, metric: str) -> list[str]:
    chart = next(chart for chart in board(pilot).query_one(ChartGrid).charts if chart.metric == metric)
    return [line.curve.run for line in chart.lines]


async def test_it_opens_on_the_experiments_and_shows_the_run_under_the_cursor(
    project: Project, write_run: Write
) -> None:
    run = write_run("ViT-small")
    async with opened(project) as pilot:
        assert [row.label for row in runs(pilot).rows] == ["ViT-small", "BiT-small", "one-token"]
        assert curves(pilot, "test/f1") == [run.id]
        await pilot.press("down")
        await settle(pilot)
        assert runs(pilot).row is not None
        assert runs(pilot).row.label == "BiT-small"
        assert board(pilot).query_one(MessageRow).rest == "not run; r runs it"


async def test_space_overlays_runs_and_escape_takes_them_away(project: Project, write_run: Write) -> None:
    first, second = write_run("ViT-small"), write_run("BiT-small")
    async with opened(project) as pilot:
        await pilot.press("space", "down", "space", "down")
        await settle(pilot)
        assert curves(pilot, "train/loss") == [first.id, second.id]
        labels = [line.name for line in board(pilot).query_one(ChartGrid).charts[0].lines]
        assert labels == ["ViT-small", "BiT-small"]
        await pilot.press("escape")  # one of many uses of the key: it asks
        assert runs(pilot).overlaid == {first.id, second.id}
        assert "esc again lets go of 2 overlaid runs" in toasts(pilot)
        assert board(pilot).query_one(KeyBar).way_out == "let go of 2"
        await pilot.press("escape")
        await settle(pilot)
        assert runs(pilot).overlaid == set()
        assert "let go of 2 runs; u overlays them again" in toasts(pilot)
        await pilot.press("u")
        assert runs(pilot).overlaid == {first.id, second.id}


async def test_the_bar_of_what_is_overlaid_goes_with_it_under_the_cursor_too(
    project: Project, write_run: Write
) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        await pilot.press("space")
        await settle(pilot)
        assert "┃" in pilot.app.export_screenshot()
        await pilot.press("escape", "escape")
        await settle(pilot)
        assert "┃" not in pilot.app.export_screenshot()
        await pilot.press("u")
        await settle(pilot)
        assert "┃" in pilot.app.export_screenshot()


@pytest.mark.slow
async def test_the_cursor_stays_on_a_screen_that_shrinks(project: Project, write_run: Write) -> None:
    for seed in range(40):
        write_run("ViT-small", seed=seed)
    async with opened(project, (120, 50)) as pilot:
        await pilot.press("right", "G")
        await pilot.press(*["up"] * 8)
        await settle(pilot)
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        shown = runs(pilot)
        line = shown.cursor - shown.scroll_offset.y
        assert 0 <= line < shown.size.height - 1
        await pilot.press("s")  # whoever sorts looks at the first of the order
        await settle(pilot)
        assert (shown.cursor, shown.scroll_offset.y) == (0, 0)


async def test_a_file_with_a_mistake_has_a_mark_until_it_is_mended(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    good = project.config.read_text()
    async with opened(project) as pilot:
        line = board(pilot).query_one(MachineLine)
        assert "experiments.toml" not in line._line().plain
        project.config.write_text(good + "\n[experiments.x]\nmodel = 7\n")
        at = good.count("\n") + 3
        await until(pilot, lambda: f"✗ experiments.toml:{at}" in line._line().plain)
        said = pilot.app.screen.query_one(MessageRow)
        assert said.render_line(0).text.startswith(f" experiments.toml:{at}:9: ")
        await pilot.press("x")  # whatever has come since, and the message has gone
        await pilot.press("exclamation_mark")
        page = pilot.app.screen
        assert isinstance(page, MistakeScreen)
        assert f"experiments.toml:{at}:9: model of experiment 'x'" in str(page.query_one(Static).content)
        await pilot.press("escape")
        await pilot.click(MachineLine, offset=(line._line().plain.index("✗") + 2, 0))
        await until(pilot, lambda: isinstance(pilot.app.screen, MistakeScreen))
        project.config.write_text(good + "\n[experiments.x]\nmodel = 17\n")  # the open page follows
        await until(
            pilot, lambda: "found 17" in str(pilot.app.screen.query_one("#messages Static", Static).content)
        )
        assert "found 17" in said.render_line(0).text
        project.config.write_text(good + "\n[experiments.x]\nmodel = 'bit_mini'\nbach_size = 4\n")
        await until(pilot, lambda: "bach_size" in said.render_line(0).text)
        wrong = str(pilot.app.screen.query_one("#messages Static", Static).content)
        assert wrong.endswith("did you mean 'batch_size'?")  # not all other keys behind it
        await pilot.press("e")  # without an editor: the line in the form
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        row = pilot.app.screen.query_one(FormList).entry
        assert row is not None
        assert (row.key, row.meant) == ("bach_size", "batch_size")
        assert "Take it out" in {offer.words for offer in pilot.app.screen.query_one(KeyBar).fitting_offers()}
        await pilot.press("enter", "ctrl+s")
        await until(pilot, lambda: "✗" not in line._line().plain)
        assert "\nbatch_size = 4\n" in project.config.read_text()
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, MistakeScreen))
        assert "No mistakes" in str(pilot.app.screen.query_one("#messages").border_title)
        assert "experiments.toml:" not in said.render_line(0).text


async def test_two_runs_of_one_experiment_have_its_colour_and_sign_with_their_digits(
    project: Project, write_run: Write
) -> None:
    write_run("ViT-small", seed=0)
    write_run("ViT-small", seed=1)
    async with opened(project) as pilot:
        await pilot.press("l", "down", "space", "down", "space", "down")
        await settle(pilot)
        shown = board(pilot).query_one(ChartGrid).charts[0].lines
        assert [line.mark for line in shown] == ["●0", "●1"]
        assert len({line.colour for line in shown}) == 1
        assert [line.name for line in shown] == ["s0", "s1"]


async def test_r_queues_the_experiment_under_the_cursor(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("down", "r")
        await settle(pilot)
        (run,) = Store(project.runs).runs()
        assert run.info().experiment == "BiT-small"
        assert waiting_entry(run) is not None
        assert "BiT-small is queued" in toasts(pilot)
        assert [row.note for row in runs(pilot).rows] == ["", "waits", ""]


async def test_r_says_that_it_queues_what_the_file_said_before_it_was_broken(project: Project) -> None:
    async with opened(project) as pilot:
        project.config.write_text(project.config.read_text() + "\nnot toml\n")
        await until(pilot, lambda: bool(board(pilot).snapshot.config_error))
        await pilot.press("down", "r")
        said = (
            "BiT-small is queued; experiments.toml has a mistake: it is queued as the file last had it right"
        )
        await until(pilot, lambda: said in toasts(pilot))


async def test_r_does_not_queue_what_has_no_data_here(project: Project) -> None:
    text = project.config.read_text().replace(
        '[experiments."BiT-small"]', '[experiments."BiT-small"]\ndataset = "folder:/nope"'
    )
    project.config.write_text(text)
    async with opened(project) as pilot:
        await pilot.press("down", "r")
        await until(pilot, lambda: isinstance(pilot.app.screen, Dialog))
        assert "there is no folder /nope" in str(pilot.app.screen.query_one("#dialog-text", Static).render())
        assert not Store(project.runs).runs()


async def test_a_toast_is_not_shown_twice_at_once_and_says_runs_briefly(
    project: Project, write_run: Write
) -> None:
    (run,) = [queued(Store(project.runs), load_config(project.config).experiments["BiT-small"], 3)]
    async with opened(project) as pilot:
        await pilot.press("down", "H")
        await until(pilot, lambda: "BiT-small s3 is held; H lets it go" in toasts(pilot))
        assert run.id not in toasts(pilot)
        await pilot.press("u", "u")
        await until(pilot, lambda: "Nothing to take back" in toasts(pilot))
        said = [line for line in toasts(pilot).splitlines() if "othing" in line]
        assert said == ["Nothing to take back `engine rm --list` shows the trash."]


def test_run_ids_are_said_briefly() -> None:
    known = Status(run="ViT-B-Hyb-s0-20261127-060028-009b", experiment="ViT(B)-Hyb", seed=0)
    text = f"{known.run} is number 2 of 3; x-s12-20261127-060028-009b is not"
    assert briefly(text, [known]) == "ViT(B)-Hyb s0 is number 2 of 3; x s12 is not"
    assert briefly("nothing is named", [known]) == "nothing is named"


async def test_a_queued_run_leaves_the_queue_on_a_confirmed_stop(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("r")
        await settle(pilot)
        await pilot.press("full_stop")
        await pilot.pause()
        assert "has not begun" in str(pilot.app.screen.query_one("#dialog-text", Static).render())
        await pilot.press("enter")
        await settle(pilot)
        (run,) = Store(project.runs).runs()
        assert waiting_entry(run) is None
        assert board(pilot).snapshot.runs[0].state == "stopped"


@pytest.mark.parametrize(
    ("key", "request_"), [("enter", "stop-after-epoch"), ("n", "stop-now"), ("escape", None)]
)
async def test_stopping_asks_first_and_does_what_is_answered(
    project: Project, write_run: Write, key: str, request_: str | None
) -> None:
    run = write_run("ViT-small", epochs=2, end=None, alive=True)
    with run_lock.hold(run):
        async with opened(project) as pilot:
            await pilot.press("full_stop")
            await pilot.pause()
            assert isinstance(pilot.app.screen, Dialog)
            assert stop_request.asked(run) is None
            await pilot.press(key)
            await settle(pilot)
            assert not isinstance(pilot.app.screen, Dialog)
            assert stop_request.asked(run) == request_
            word = {"stop-after-epoch": "stops", "stop-now": "stops now", None: ""}[request_]
            await until(pilot, lambda: runs(pilot).rows[0].stops == word)
            line = runs(pilot).render_line(1).text.rstrip()
            assert line.endswith(word)
            assert "»" in line


async def test_stopping_what_does_not_run_says_so(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        await pilot.press("full_stop")
        await pilot.pause()
        assert not isinstance(pilot.app.screen, Dialog)
        assert "Nothing to stop ViT-small s0 has finished" in toasts(pilot)


async def test_a_stopped_run_is_queued_again_by_resume_and_a_finished_one_is_not(
    project: Project, write_run: Write
) -> None:
    finished, stopped = (
        write_run("ViT-small"),
        write_run("BiT-small", epochs=2, end="stopped", reason="on request"),
    )
    async with opened(project) as pilot:
        await pilot.press("R")
        await settle(pilot)
        assert waiting_entry(finished) is None
        await pilot.press("down", "R")
        await settle(pilot)
        assert waiting_entry(stopped) is not None


async def test_the_stopped_run_behind_a_result_is_resumed(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    stopped = write_run("ViT-small", epochs=2, end="stopped", reason="on request")
    async with opened(project) as pilot:
        assert "✓ ViT-small" in runs(pilot).render_line(1).text
        assert " –1" in runs(pilot).render_line(1).text
        await pilot.press("R")
        await until(pilot, lambda: "ViT-small s0 11-18 15:00 is queued to begin anew" in toasts(pilot))
        assert waiting_entry(stopped) is not None
        await until(pilot, lambda: " …1" in runs(pilot).render_line(1).text)


@pytest.mark.parametrize(
    ("more", "how"),
    [
        ({}, "begin anew: it has no checkpoint"),
        ({"checkpoint": 84, "steps_per_epoch": 21}, "go on from epoch 4"),
        ({"checkpoint": 1084}, "go on from step 1,084"),
    ],
)
def test_a_resumed_run_says_from_where(more: dict[str, int], how: str) -> None:
    assert how_it_goes_on(Status(run="r", **more)) == how


async def test_a_run_shown_whole_is_itself_meant_not_what_its_row_hides(
    project: Project, write_run: Write
) -> None:
    write_run("ViT-small")
    stopped = write_run("ViT-small", epochs=2, end="stopped", reason="on request")
    async with opened(project) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await pilot.press("R")
        await until(pilot, lambda: "has finished; R resumes what was stopped" in toasts(pilot))
        assert waiting_entry(stopped) is None


async def test_the_end_of_a_run_is_announced(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small", epochs=2, end=None, alive=True)
    with ExitStack() as process:
        process.enter_context(run_lock.hold(run))
        async with opened(project) as pilot:
            assert board(pilot).snapshot.runs[0].state == "running"
            process.close()
            await settle(pilot)
            assert "ViT-small s0 crashed" in toasts(pilot)


async def test_q_leaves_and_says_which_runs_go_on(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small", epochs=2, end=None, alive=True)
    with run_lock.hold(run):
        async with opened(project) as pilot:
            await pilot.press("q")
        assert pilot.app.return_value == "ViT-small goes on; `vitui` shows it again."
        assert stop_request.asked(run) is None


async def test_q_without_live_runs_says_nothing(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        await pilot.press("q")
    assert pilot.app.return_value == ""


async def test_the_axis_goes_round_and_the_curves_follow(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        grid = board(pilot).query_one(ChartGrid)
        ends = {}
        for _ in range(3):
            places = grid.charts[0].lines[0].curve.x
            ends[grid.charts[0].x_label] = float(places[-1]) if len(places) else math.nan
            await pilot.press("x")
            await settle(pilot)
        known = {axis: pytest.approx(end) for axis, end in ends.items()}
        assert known == {
            "epoch": 4.0,
            "time": 40.0,
            "step": 40.0,
        }  # no GPU: no GPU-hours and joules; and a program's steps are its own: no samples
        await pilot.press("y")
        assert all(chart.log_y for chart in grid.charts)


async def test_cursor_and_zoom_move_all_charts_and_escape_resets_them(
    project: Project, write_run: Write
) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        grid = board(pilot).query_one(ChartGrid)
        await pilot.press("i", "left", "greater_than_sign")
        await pilot.pause()
        assert len({chart.cursor for chart in grid.charts}) == 1
        assert grid.charts[0].cursor is not None
        assert len({chart.view for chart in grid.charts}) == 1
        assert grid.charts[-1].view is not None
        await pilot.press("escape")
        assert all(chart.view is not None and chart.cursor is None for chart in grid.charts)
        await pilot.press("escape")
        assert all(chart.view is None for chart in grid.charts)


async def test_smoothing_keeps_the_values_faintly(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        grid = board(pilot).query_one(ChartGrid)
        loss = next(chart for chart in grid.charts if chart.metric == "train/loss")
        assert loss.lines[0].curve.raw is None
        before = loss.lines[0].curve.y
        await pilot.press("plus", "plus")
        await settle(pilot)
        assert loss.lines[0].curve.raw.tolist() == before.tolist()
        assert loss.lines[0].curve.y[-1] > before[-1]
        await pilot.press("equals_sign")
        await settle(pilot)
        assert loss.lines[0].curve.raw is None


async def test_values_are_read_where_they_were_measured(project: Project, write_run: Write) -> None:
    for seed in range(2):
        write_run("ViT-small", seed=seed, top=0.9 + seed / 50)
    async with opened(project) as pilot:
        runs, grid = board(pilot).query_one(RunList), board(pilot).query_one(ChartGrid)

        def tops() -> list[str]:
            return [chart.render_line(0).text for chart in grid.charts[:2]]

        await pilot.press("i", "2")
        await pilot.pause()
        assert [" epoch 2 " in top for top in tops()] == [True, True]
        read = runs.render_line(0).text, runs.render_line(1).text
        assert "F1@2" in read[0]
        (value,) = re.findall(r"\S(\.\d+) ", grid.charts[0].render_line(grid.charts[0].size.height - 1).text)
        assert value in read[1]
        await pilot.press("n", "left")
        await pilot.pause()
        assert [re.search(r"epoch \S+", top)[0] for top in tops()] == ["epoch 1", "epoch 1.90"]  # type: ignore[index]
        await pilot.press("home")
        assert grid.cursor == pytest.approx(0.1)
        await pilot.press("shift+right")
        assert grid.cursor == pytest.approx(1.1)
        await pilot.press("end", "N")
        assert grid.cursor == 4
        await pilot.press("1", "full_stop", "2")
        await pilot.pause()
        assert grid.cursor == 1  # the nearest of the first chart
        rest = board(pilot).query_one(MessageRow)
        assert rest.rest == "epoch 1.20 was not measured: reading epoch 1, the nearest that was"
        for back in ("right", "left"):
            await pilot.press(back)
            await pilot.pause()
            assert rest.rest == f"reading epoch {2 if back == 'right' else 1}; the list shows the values too"
        await pilot.press("escape")
        await pilot.pause()
        assert grid.cursor is None
        assert "@" not in runs.render_line(0).text
        await pilot.press("2")
        assert grid.has_focus  # a digit is the screen's again


async def test_a_curve_that_was_not_measured_where_it_is_read_is_named(
    project: Project, write_run: Write
) -> None:
    write_run("ViT-small")
    write_run("BiT-small", epochs=2)
    async with opened(project) as pilot:
        grid, rest = board(pilot).query_one(ChartGrid), board(pilot).query_one(MessageRow)
        await pilot.press("space", "j", "space", "i", "4")
        await settle(pilot)
        f1 = next(chart for chart in grid.charts if chart.metric == "test/f1")
        marks = marks_of(f1.lines, ascii_only=False)
        (sign,) = (mark for line, mark in zip(f1.lines, marks, strict=True) if "BiT" in line.name)
        assert f"{sign}–" in f1.render_line(f1.size.height - 1).text
        assert rest.rest == f"reading epoch 4; test F1 of {sign} was not measured there"
        await pilot.press("left", "left")
        await settle(pilot)
        assert rest.rest == "reading epoch 2; the list shows the values too"
        await pilot.press("n", "home")
        await settle(pilot)
        assert rest.rest.endswith(" was not measured there")


async def test_arrows_move_the_cursor_only_while_there_is_one(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        runs, grid = board(pilot).query_one(RunList), board(pilot).query_one(ChartGrid)
        await pilot.press("l")
        assert runs.unfolded == {"ViT-small"}
        await pilot.press("i", "h", "h")
        await pilot.pause()
        assert runs.unfolded == {"ViT-small"}
        at = grid.cursor
        await pilot.press("right")
        await pilot.pause()
        assert grid.cursor > at
        await pilot.press("i", "h")
        assert grid.cursor is None
        assert runs.unfolded == set()


async def test_pages_show_every_metric_and_z_gives_one_chart_the_space(
    project: Project, write_run: Write
) -> None:
    write_run("ViT-small")
    async with opened(project, (80, 24)) as pilot:
        grid = board(pilot).query_one(ChartGrid)
        seen = [chart.metric for chart in grid.charts]
        for _ in range(grid.pages - 1):
            await pilot.press("n")
            await pilot.pause()
            seen += [chart.metric for chart in grid.charts]
        assert seen == [
            "test/f1",
            "train/loss",
            "test/loss",
            "cpu/memory_process",
            "test/accuracy",
            "train/images_per_s",
        ]
        await pilot.press("0", "z")
        await pilot.pause()
        assert [chart.metric for chart in grid.charts] == ["test/f1"]


async def test_filtering_hides_what_does_not_match(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("f", *"bit")
        assert [row.label for row in runs(pilot).rows] == ["BiT-small"]
        await pilot.press("enter")
        assert runs(pilot).has_focus
        await pilot.press("escape")
        assert len(runs(pilot).rows) == 3
        assert board(pilot).query_one("#filter", Input).value == ""


async def test_enter_opens_the_run_and_escape_comes_back(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, RunScreen)
        await pilot.press("escape")
        await pilot.pause()
        assert pilot.app.screen is board(pilot)


async def test_help_opens_and_closes(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("question_mark")
        assert isinstance(pilot.app.screen, HelpScreen)
        await pilot.press("escape")
        assert pilot.app.screen is board(pilot)


async def test_a_folder_without_experiments_teaches_what_to_write(project: Project) -> None:
    project.config.write_text("")
    async with opened(project) as pilot:
        advice = board(pilot).query_one("#advice", Static)
        assert advice.display
        assert '[experiments."my-first"]' in str(advice.render())
        await pilot.press("space", "enter", "r", "full_stop", "R", "x", "z", "n")
        project.config.write_text('[experiments.x]\nmodel = "bit_mini"\n')
        await settle(pilot)
        assert [row.label for row in runs(pilot).rows] == ["x"]
        assert "Press r to train x" in str(advice.render())


async def test_an_empty_folder_teaches_too(project: Project) -> None:
    project.config.unlink()
    async with opened(project) as pilot:
        advice = board(pilot).query_one("#advice", Static)
        assert advice.display
        assert '[experiments."my-first"]' in str(advice.render())
        await pilot.press("r", "i")
        assert "There is none yet" in toasts(pilot)
        assert "no experiment yet; e writes one, r runs it" in toasts(pilot)
        await pilot.press("e", "enter")
        await until(pilot, lambda: [row.label for row in runs(pilot).rows] == ["my-first"])
    assert list(load_config(project.config).experiments) == ["my-first"]


async def test_what_a_project_begins_with_replaces_nothing(project: Project) -> None:
    said = project.config.read_text()
    project.config.unlink()
    async with opened(project) as pilot:
        await pilot.press("e")
        project.config.write_text(said)
        await pilot.press("enter")
        assert "File exists" in toasts(pilot)
    assert project.config.read_text() == said


async def test_a_broken_configuration_is_shown_with_its_line(project: Project) -> None:
    project.config.write_text('[experiments.x]\nmodel = "vit_q"\n')
    async with opened(project) as pilot:
        assert "experiments.toml:2:9" in toasts(pilot)
        assert "vit_q" in toasts(pilot)


async def test_hostile_names_and_reasons_are_shown_as_text(project: Project, write_run: Write) -> None:
    write_run("ViT-small", end="failed", reason="[/x] \x1b[2J\x07 boom")
    run = write_run("BiT-small", name="[red]x[/] [/y] \u202e 模型 🤖 \x1b[2J")
    run.console.write_bytes(b"[/z] \x1b]52;c;AAAA\x07 \xff\n")
    async with opened(project, (200, 60)) as pilot:
        await pilot.press("space", "G", "space")
        await settle(pilot)
        screen = "\n".join(
            "".join(segment.text for segment in strip) for strip in screen_strips(pilot.app.screen)
        )
        assert "[red]x[/] [/y]   模型 🤖" in screen
        assert "\x1b" not in screen


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "overview"), [((80, 24), False), ((120, 36), False), ((200, 60), True), ((40, 12), False)]
)
async def test_panes_fit_the_terminal(
    project: Project, write_run: Write, size: tuple[int, int], overview: bool
) -> None:
    write_run("ViT-small")
    async with opened(project, size) as pilot:
        screen = board(pilot)
        assert screen.query_one("#right").display == overview
        assert screen.query_one(ChartGrid).charts
        await pilot.press("right_square_bracket")
        assert screen.query_one("#right").display != overview
        await pilot.press("0")
        assert screen.query_one("#right").display == overview


async def test_seeds_fold_into_one_curve_with_a_band(project: Project, write_run: Write) -> None:
    for seed, top in enumerate((0.8, 0.9, 1.0)):
        write_run("ViT-small", seed=seed, top=top)
    async with opened(project) as pilot:
        chart = board(pilot).query_one(ChartGrid).charts[0]
        (line,) = chart.lines
        assert line.name.endswith("×3")
        assert line.curve.y[-1] == pytest.approx(0.9 * (1 - np.exp(-4)))
        assert line.curve.high[-1] - line.curve.y[-1] == pytest.approx(0.1 * (1 - np.exp(-4)))
        await pilot.press("b")
        await settle(pilot)
        assert chart.lines[0].curve.high is None


async def test_seeds_that_a_mean_lacks_are_counted_behind_its_name(
    project: Project, write_run: Write
) -> None:
    write_run("ViT-small", seed=0)
    write_run("ViT-small", seed=1, epochs=2)
    write_run("BiT-small", seed=0)
    lost = write_run("BiT-small", seed=1, epochs=2)
    lines = lost.events.read_text().splitlines(keepends=True)
    lost.events.write_text("".join(re.sub(r'"test/f1":[^,}]+', '"test/f1":null', line) for line in lines))
    async with opened(project) as pilot:
        await pilot.press("space", "down")
        await settle(pilot)
        named = {line.name for line in board(pilot).query_one(ChartGrid).charts[0].lines}
        assert named == {"ViT-small ×1 of 2", "BiT-small ×2 ✗1"}


async def test_runs_of_other_settings_are_no_seeds(project: Project, write_run: Write) -> None:
    """The mean and the chart are of those of the run under the cursor."""
    write_run("ViT-small", seed=0)
    project.config.write_text(project.config.read_text().replace("patch_size = 4", "patch_size = 8"))
    write_run("ViT-small", seed=1)
    async with opened(project) as pilot:
        await settle(pilot)
        assert len(board(pilot).query_one(ChartGrid).charts[0].lines) == 1


async def test_the_list_is_sorted_by_the_next_number(project: Project, write_run: Write) -> None:
    write_run("ViT-small", top=0.5)
    write_run("BiT-small", top=0.9)
    async with opened(project) as pilot:
        runs = board(pilot).query_one(RunList)

        def names() -> list[str]:
            return [row.label for row in runs.rows]

        assert names() == ["ViT-small", "BiT-small", "one-token"]
        await pilot.press("s")
        assert names() == ["BiT-small", "ViT-small", "one-token"]
        assert board(pilot).query_one("#left").border_subtitle == "test F1 ↓"
        await pilot.press("S")
        assert names() == ["ViT-small", "BiT-small", "one-token"]  # what has no number stays last


async def test_a_pinned_run_stays_in_the_charts(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small")
    write_run("BiT-small")
    async with opened(project) as pilot:
        await pilot.press("p", "down")
        await settle(pilot)
        chart = board(pilot).query_one(ChartGrid).charts[0]
        assert {line.curve.run: line.pinned for line in chart.lines}[run.id]
        assert len(chart.lines) == 2
        await pilot.press("up", "p", "down")
        await settle(pilot)
        assert len(chart.lines) == 1


async def test_metrics_are_found_by_a_regular_expression(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        grid = board(pilot).query_one(ChartGrid)
        await pilot.press("slash", *"^test/.*s$")
        await settle(pilot)
        assert [chart.metric for chart in grid.charts] == ["test/loss"]
        await pilot.press("escape")
        await settle(pilot)
        assert "train/loss" in [chart.metric for chart in grid.charts]
        await pilot.press("slash", *"f1[")  # no expression yet: taken as it is written
        assert "no metric matches; f filters the list of runs" in toasts(pilot)
        await settle(pilot)
        assert grid.charts == []


async def test_ranges_and_everything_can_be_overlaid(project: Project, write_run: Write) -> None:
    for name in ("ViT-small", "BiT-small", "one-token"):
        write_run(name)
    async with opened(project) as pilot:
        runs = board(pilot).query_one(RunList)
        await pilot.press("space", "down", "down", "V")
        assert len(runs.overlaid) == 3
        await pilot.press("A")
        assert not runs.overlaid
        await pilot.press("A")
        assert len(runs.overlaid) == 3


async def test_classes_are_compared_over_the_finished_seeds(project: Project, write_run: Write) -> None:
    for name, right in (("ViT-small", 90), ("BiT-small", 50)):
        for seed in range(3):
            run = write_run(name, seed=seed, end="finished" if seed else "stopped")
            seen = Confusion(time=NOW, run=run.id, step=40, epoch=4.0, split="test", labels=["cat", "dog"],
                             matrix=[[right + seed, 100 - right - seed], [0, 100]])  # fmt: skip
            with run.events.open("ab") as file:
                file.write(encode(seen))
    async with opened(project) as pilot:
        await pilot.press("A", "c")
        screen = pilot.app.screen
        assert isinstance(screen, CompareScreen)
        await until(pilot, lambda: bool(screen.shifts))
        found = screen.shifts["BiT-small"]
        assert found.seeds == (2, 2)
        assert found.classes[0].before > 0.9 > found.classes[0].after


async def test_c_compares_the_overlaid_runs(project: Project, write_run: Write) -> None:
    for name, right in (("ViT-small", 900), ("BiT-small", 500)):
        run = write_run(name, top=right / 1000)
        seen = Confusion(time=NOW, run=run.id, step=40, epoch=4.0, split="test", labels=["cat", "dog"],
                         matrix=[[right, 1000 - right], [0, 1000]])  # fmt: skip
        with run.events.open("ab") as file:
            file.write(encode(seen))
    async with opened(project) as pilot:
        await pilot.press("c")
        assert not isinstance(pilot.app.screen, CompareScreen)  # one alone has nothing to be compared with
        await pilot.press("space", "down", "space", "down")
        await settle(pilot)
        await pilot.press("c")
        screen = pilot.app.screen
        assert isinstance(screen, CompareScreen)
        await until(pilot, lambda: screen.table is not None and len(screen.query(Chart)) > 1)
        assert screen.table is not None
        assert [side.name for side in screen.table.sides] == ["ViT-small", "BiT-small"]
        mistake = screen.shifts["BiT-small"].mistakes[0]
        assert (mistake.true, mistake.taken, mistake.before, mistake.after) == ("cat", "dog", 0.1, 0.5)
        assert [chart.metric for chart in screen.query(Chart)][:2] == ["test/f1", "train/loss"]
        assert all(len(chart.lines) == 2 for chart in list(screen.query(Chart))[:2])
        await pilot.press("Y", "l")
        assert pilot.app.clipboard.startswith("\\begin{tabular}{lrrr}")
        assert str(screen.query_one("#compare").border_title) == "Compare 2: baseline ● ViT-small"
        await pilot.press("p")
        await until(pilot, lambda: screen.table is not None and screen.table.sides[0].name == "BiT-small")
        assert str(screen.query_one("#compare").border_title) == "Compare 2: baseline ▲ BiT-small"
        await pilot.press("Y", "m")
        assert "| model | bit\\_mini | vit\\_mini |  |" in pilot.app.clipboard
        await pilot.press("escape")
        assert (board(pilot).state.pinned or "").startswith("BiT-small")
        assert not isinstance(pilot.app.screen, CompareScreen)
