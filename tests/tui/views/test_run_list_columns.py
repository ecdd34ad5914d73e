"""The columns of the run list, its groups, and rows that stand for several runs."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.screen import Screen
from textual.widgets import Input, Static

from engine.analysis.runs_that_count import runs_that_count
from engine.config.loader import load_config
from engine.runs.labels import Labels
from engine.runs.metadata import RunMetadata, RunSummary, summaries_of
from engine.runs.status import Status
from engine.text import count, setting_text, span
from tests.tui.conftest import Write
from tests.tui.pilot import AppPilot, board, opened, settle, toasts, until
from tui.app import VituiApp
from tui.app_options import Options
from tui.screens.column_chooser import ColumnsScreen
from tui.screens.comparison import CompareScreen
from tui.screens.dialogs import Dialog
from tui.screens.line_prompt import Prompt
from tui.state.session import SavedView, load, save
from tui.state.snapshot import Project, Snapshot
from tui.views.experiment_groups import KEYS, Grouping, keys_to_offer, wrong_keys
from tui.views.run_list_columns import WIDEST, Column, find_column, known_columns
from tui.views.run_list_row import Row
from tui.views.run_list_tree import make_rows
from tui.widgets.chart.chart import Chart
from tui.widgets.chart.chart_grid import ChartGrid
from tui.widgets.completing_input import CompletingInput
from tui.widgets.key_bar import KeyBar
from tui.widgets.runs.column_layout import (
    LEAST_BESIDE_CHOSEN,
    LEAST_BESIDE_LEFT,
    LEAST_NAME,
    LEAST_NOTE,
    NAME_WIDTH,
    PREFIX,
    chips_of,
    count_of,
    fitting_in,
    lacking,
    name_overflow,
    no_room_words,
    note_growth,
    note_place,
    total,
    without_last_cells,
)
from tui.widgets.runs.column_list import ColumnList
from tui.widgets.runs.run_list import RunList
from tui.widgets.runs.run_overview import Overview
from tui.widgets.runs.shown_columns import DEFAULT


def status(run: str, experiment: str = "e", state: str = "finished", **more: object) -> Status:
    return Status(run=run, experiment=experiment, state=state, **more)  # type: ignore[arg-type]


def column(name: str) -> Column:
    found = find_column(name)
    assert found is not None
    return found


def row(*facts: RunSummary, group: bool = False) -> Row:
    return Row("r", "e", "r", "e", facts[0].status.state, facts=facts, group=group)


def text(name: str, *facts: RunSummary, group: bool = False) -> str:
    return column(name).text(row(*facts, group=group))


# ---- what stands in a column


RUN = RunSummary(
    status(
        "vit-s3-20261118-150000-abcd", state="running", seed=3, epoch=2.0, epochs=7, eta_s=100.0, parameters=85_700_000,
        last={"test/f1": 0.5, "train/loss": 1.25, "train/images_per_s": 21_830.0, "cpu/memory_process": 2.0**30,
              "train/lr": 3e-4, "test/loss": 2.0},
        best={"test/f1": 0.61, "cpu/memory_process": 2.0**31},
    ),
    RunMetadata(
        {"model": "vit_b", "lr": 3e-4, "options": {"pool": "mean"}}, Labels(tags=("a", "b"), notes="first\nsecond")
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "heading", "shown"),
    [
        ("epoch", "epoch", "2/7"), ("test/f1", "F1", ".500"), ("best:test/f1", "best F1", ".610"),
        ("train/loss", "loss", "1.250"), ("test/loss", "test loss", "2.000"), ("left", "left", "1:40"),
        ("memory", "mem", "1.0G"), ("peak", "peak", "2.0G"), ("train/images_per_s", "img/s", "21.8k"),
        ("train/lr", "lr", "0.0003"), ("lr", "lr", "0.0003"), ("model", "model", "vit_b"), ("seed", "seed", "3"),
        ("parameters", "params", "85.7M"), ("state", "state", "running"), ("tags", "tags", "a,b"),
        ("note", "note", "first second"), ("patch_size", "patch_size", ""), ("gpu/memory_peak", "gpu peak", ""),
        ("options.pool", "pool", "mean"),
    ],
)  # fmt: skip
def test_a_column_says_what_its_key_means(name: str, heading: str, shown: str) -> None:
    assert (column(name).heading, text(name, RUN)) == (heading, shown)


def test_a_program_that_tells_its_epochs_alone_is_shown_with_them() -> None:
    assert text("epoch", RunSummary(status("mine", state="running", epoch=3.0))) == "3"
    assert text("epoch", RunSummary(status("mine", state="running", epoch=0.0))) == ""


def test_names_that_mean_nothing_are_no_columns() -> None:
    assert [find_column(name) for name in ("", "no such", "name", "seeds", "x:y")] == [None] * 5


def test_numbers_are_written_short() -> None:
    assert [count(value) for value in (12, 999, 21_830, 306_730, 85_700_000)] == [
        "12", "999", "21.8k", "307k", "85.7M",
    ]  # fmt: skip
    assert [span(value) for value in (-3, 40, 720, 18_000, 300_000)] == [
        "0 s",
        "40 s",
        "12 min",
        "5 h",
        "3 d",
    ]


def test_a_row_for_several_runs_shows_their_mean_and_what_they_share() -> None:
    facts = [
        RunSummary(
            status(f"r{seed}", seed=seed, last={"test/f1": f1, "train/loss": f1}), RunMetadata({"lr": lr})
        )
        for seed, f1, lr in ((0, 0.4, 0.1), (1, 0.5, 0.1), (2, 0.6, 0.1))
    ]
    assert text("test/f1", *facts) == ".500±.100"
    assert text("train/loss", *facts) == "0.500"
    assert text("lr", *facts) == "0.1"
    assert text("seed", *facts) == "0,1,2"
    other = RunSummary(
        status("r3", state="failed", last={"test/f1": 0.0}), RunMetadata({"lr": 0.2, "model": "bit_r50x1"})
    )
    assert text("test/f1", *facts, other) == ".500±.100"  # what has not finished bends no mean
    assert text("test/f1", other, *facts) == ".000"
    assert text("test/f1", other, *facts, group=True) == ".500±.100"
    assert text("lr", *facts, other) == "0.1,0.2"
    many = [RunSummary(status(f"r{n}"), RunMetadata({"lr": n / 7})) for n in range(4)]
    assert text("lr", *many) == "4 values"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
NAMES = st.sampled_from(["lr", "model", "options", "tags", "note", "state", "test/f1", "best:test/loss", "device",
                         "a/\x1b[2J", "parameters", "age", "duration", "epoch", "left"])  # fmt: skip


@given(NAMES, JSON, st.text(), st.floats(allow_nan=False, allow_infinity=False))
def test_any_value_is_shown_as_text_that_fits(name: str, value: Any, words: str, number: float) -> None:
    fact = RunSummary(
        status("r", state="running", device=words, last={name: number}, best={"test/loss": number}, eta_s=abs(number)),
        RunMetadata({name: value}, Labels(tags=(words,), notes=words)),
    )  # fmt: skip
    for facts in ((fact,), (fact, fact)):
        shown = text(name, *facts, group=True)
        assert shown.isprintable()
        assert cell_len(shown) <= WIDEST
    assert column(name).heading.isprintable()


def test_nested_values_are_cut_off() -> None:
    deep: list[Any] = []
    for _ in range(500):
        deep = [deep]
    assert setting_text(deep) == "…"
    assert len(setting_text("x" * 10**6)) == 200


@given(st.lists(JSON, max_size=12), st.booleans())
def test_rows_of_any_values_can_be_sorted_and_none_is_lost(values: list[Any], reverse: bool) -> None:
    runs = tuple(status(f"r{n}", f"e{n}") for n in range(len(values)))
    metadata = {f"r{n}": RunMetadata({"options": value}) for n, value in enumerate(values)}
    rows = make_rows(Snapshot(runs=runs, metadata=metadata), set(), order=column("options"), reverse=reverse)
    assert sorted(each.experiment for each in rows) == sorted(run.experiment for run in runs)
    ranked = [column("options").order(each) is not None for each in rows]
    assert ranked == sorted(ranked, reverse=True)  # what has nothing stands last


def test_the_columns_there_are_begin_with_settings_that_differ(project: Project) -> None:
    snapshot = Snapshot(
        config=load_config(project.config), runs=(RUN.status,), metadata={RUN.status.run: RUN.metadata}
    )
    names = [each.name for each in known_columns(snapshot)]
    assert {"model", "patch_size", "lr"} <= set(names[: names.index("epoch")])
    assert {"image_size", "dataset"} <= set(names[names.index("epoch") :])
    assert names.index("train/lr") < names.index("image_size")
    assert "best:test/f1" in names
    assert len(names) == len(set(names))
    assert keys_to_offer(snapshot)[:2] == ["model", "family"]
    assert set(keys_to_offer(snapshot)) == set(KEYS)


# ---- where it stands


SIZED = st.lists(
    st.tuples(
        st.sampled_from([column(name) for name in (*DEFAULT, "lr", "tags", "model")]), st.integers(1, 24)
    ),
    max_size=9,
)


@given(SIZED, st.integers(0, 200))
def test_the_first_columns_that_fit_leave_the_name_readable(columns: list[Any], width: int) -> None:
    fitting, room = fitting_in(width, columns), width - PREFIX - NAME_WIDTH
    first = columns[: len(fitting)]
    scores = [each for each in columns if each[0].spread][:1]
    least = width - PREFIX - LEAST_NAME
    more = NAME_WIDTH - LEAST_BESIDE_LEFT if fitting and fitting[-1][0].name == "left" else 0
    assert not fitting or total(fitting) <= (least if fitting == scores else room + more)
    assert fitting in (first, first[:-1] + scores)
    if total(scores) <= least:
        assert all(score in fitting for score in scores)
    if len(fitting) < len(columns):
        assert total(columns[: len(fitting) + 1]) > room or scores[0] not in columns[: len(fitting) + 1]


@given(SIZED, st.integers(0, 40))
def test_a_word_on_the_right_takes_the_place_of_the_last_columns(columns: list[Any], cells: int) -> None:
    kept = without_last_cells(columns, cells)
    assert kept == columns[: len(kept)]
    assert not kept or total(columns) - total(kept) >= cells


HAND = frozenset({"lr", "tags", "model"})


@given(SIZED, st.integers(0, 200), st.sampled_from(["", "memory", "test/f1", "lr"]), st.booleans())
def test_what_was_chosen_by_hand_stays_and_all_else_gives_way(
    columns: list[Any], width: int, sorted_by: str, chooses: bool
) -> None:
    columns = list({each[0].name: each for each in columns}.values())
    hand = HAND if chooses else frozenset()
    fitting = fitting_in(width, columns, hand, sorted_by)
    first_of_all = [each for each in columns if each[0].name == sorted_by]
    chosen = first_of_all + [each for each in columns if each[0].name in hand - {sorted_by}]
    assert fitting == [each for each in columns if each in fitting]
    room = width - PREFIX - total(fitting)
    least = LEAST_NAME if fitting == first_of_all or not hand else LEAST_BESIDE_CHOSEN
    assert not fitting or room >= least
    if total(first_of_all) <= width - PREFIX - LEAST_NAME:
        assert all(each in fitting for each in first_of_all)
    if total(chosen) <= width - PREFIX - LEAST_BESIDE_CHOSEN:
        assert all(each in fitting for each in chosen)
        assert lacking(width, columns, hand, sorted_by) is None
    elif missing := [each for each in chosen if each not in fitting]:
        first = missing[0]
        heading, cells = lacking(width, columns, hand, sorted_by) or ("", 0)
        assert heading == first[0].heading
        assert first in fitting_in(width + cells, columns, hand, sorted_by)
        assert first not in fitting_in(width + cells - 1, columns, hand, sorted_by)
    assert all(each in fitting for each in chosen) or not any(each not in chosen for each in fitting)


@pytest.mark.parametrize(
    ("lacks", "hidden", "widens", "said"),
    [
        (None, 0, True, ""),
        (None, 1, True, "+1 column: [ widens"),  # one that is there by itself too, and was chosen
        (("mem", 3), 1, True, "mem needs 3 more cells, [ widens"),
        (("mem", 1), 0, False, "mem needs 1 more cell"),  # the list is sorted by it
        (("mem", 3), 2, True, "+2 columns: [ widens"),
        (None, 2, False, "+2 columns without room"),
    ],
)
def test_what_was_chosen_and_has_no_room_is_said(
    lacks: tuple[str, int] | None, hidden: int, widens: bool, said: str
) -> None:
    assert no_room_words(lacks, hidden, widens=widens) == said


@given(SIZED)
def test_a_note_stands_beside_what_was_chosen_by_hand(columns: list[Any]) -> None:
    place = note_place(columns, HAND)
    if place is not None:
        assert not any(columns[index][0].name in HAND for index in place)
        assert len(place) == len(columns) or total([columns[index] for index in place]) > LEAST_NOTE


# ---- which runs stand for an experiment, and in which group they are


MADE = ({"lr": 0.1, "model": "vit_b"}, {"lr": 0.2, "model": "vit_l"}, {"lr": 0.2, "model": "no\x1b[2J [/x]"})
RUNS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]), st.integers(0, 2),
        st.sampled_from(["finished", "running", "failed", "queued"]), st.sampled_from([0, 1, 2, None]),
    ),
    max_size=12,
)  # fmt: skip


def shot(runs: list[tuple[str, int, str, int | None]]) -> Snapshot:
    made = tuple(status(f"r{n}", name, state, seed=seed) for n, (name, seed, state, _) in enumerate(runs))
    metadata = {f"r{n}": RunMetadata(MADE[which]) for n, (*_, which) in enumerate(runs) if which is not None}
    return Snapshot(runs=made, metadata=metadata)


@given(RUNS)
def test_a_row_stands_for_one_run_of_each_seed_all_of_the_same_settings(runs: list[Any]) -> None:
    snapshot = shot([("a", *rest) for _, *rest in runs])
    for row in make_rows(snapshot, set()):
        choice = runs_that_count(summaries_of(snapshot.runs, snapshot.metadata))
        assert {run.status.run for run in choice.runs} <= set(row.runs)
        assert len({fact.status.seed for fact in row.facts}) == len(row.facts)
        assert len({str(fact.config) for fact in row.facts}) == 1
        finished = [fact.status.run for fact in row.facts if fact.status.state == "finished"]
        assert row.seeds == len(choice.runs) >= len(finished) - 1
        assert all(fact.status.state != "running" for fact in row.facts) or row.state == "running"


@given(RUNS, st.lists(st.sampled_from(["lr", "model", "family"]), min_size=1, unique=True), st.booleans())
def test_each_run_is_in_one_group(runs: list[Any], keys: list[str], sort: bool) -> None:
    snapshot, grouping = shot(runs), Grouping(keys)
    order = column("lr") if sort else None
    unfolded: set[str] = set()
    for _ in range(2):
        rows = make_rows(snapshot, unfolded, order=order, grouping=grouping)
        unfolded |= {each.folds for each in rows}
    rows = make_rows(snapshot, unfolded, order=order, grouping=grouping)
    listed = [each.run for each in rows if not each.folds]
    assert sorted(map(str, listed)) == sorted(run.run for run in snapshot.runs)
    groups = [each for each in rows if each.group]
    assert sum(each.folded for each in groups) == len(runs)
    assert len({each.label for each in groups}) == len(groups)
    assert all(each.label.isprintable() for each in groups)
    by_key = {each.key: each for each in rows}
    assert len(by_key) == len(rows)
    for each in rows:
        assert each.group or each.depth == by_key[each.parent].depth + 1


def test_groups_have_titles_of_keys_and_values_and_hold_experiments_without_runs(project: Project) -> None:
    config = load_config(project.config)
    made = {"model": "vit_b", "lr": 3e-4}
    runs = [status(f"r{seed}", "x", seed=seed, last={"test/f1": 0.4 + seed / 10}) for seed in range(2)]
    metadata = {run.run: RunMetadata(made) for run in runs}
    snapshot = Snapshot(config=config, runs=(*runs, status("new", "y")), metadata=metadata)
    rows = make_rows(snapshot, set(), grouping=Grouping(["model", "lr"]))
    titles = [each.label for each in rows]
    assert "model=vit_b lr=0.0003" in titles
    assert "not read yet" in titles
    assert len([title for title in titles if title.startswith("model=vit_mini")]) >= 1
    (of_b,) = [each for each in rows if each.label == "model=vit_b lr=0.0003"]
    assert (of_b.folded, set(of_b.runs), of_b.experiment) == (2, {"r0", "r1"}, "")
    assert column("test/f1").text(of_b) == ".450±.071"
    assert wrong_keys("model lr") == ""
    assert wrong_keys("model optimiser") == "there is no key 'optimiser'; did you mean 'optimizer'?"


# ---- on the screen


def runs_of(pilot: AppPilot) -> RunList:
    return board(pilot).query_one(RunList)


def line(pilot: AppPilot, y: int) -> str:
    return runs_of(pilot).render_line(y).text.rstrip()


def labels(pilot: AppPilot) -> list[str]:
    return [each.label for each in runs_of(pilot).rows]


async def choose(pilot: AppPilot, *names: str) -> ColumnList:
    """Open the columns and put these in, or out."""
    await pilot.press("C")
    assert isinstance(pilot.app.screen, ColumnsScreen)
    chooser = pilot.app.screen.query_one(ColumnList)
    for name in names:
        chooser.cursor = [each.name for each in chooser.listed].index(name)
        await pilot.press("space")
    return chooser


async def test_columns_are_put_in_and_out_moved_and_sorted_by(project: Project, write_run: Write) -> None:
    write_run("ViT-small", top=0.5)
    write_run("BiT-small", top=0.9)
    async with opened(project) as pilot:
        assert line(pilot, 0).split() == ["experiment", "epoch", "F1", "loss", "mem"]
        chooser = await choose(pilot, "epoch", "train/loss", "memory", "left", "model", "image_size")
        assert line(pilot, 0).split() == [
            "experiment",
            "F1",
            "model",
            "image_size",
        ]  # the list follows at once
        assert line(pilot, 1).split()[-3:] == [".491", "vit_mini", "16"]
        chooser.cursor = 2
        await pilot.press("K", "K", "K")
        assert chooser.cursor == 0
        assert line(pilot, 0).split() == ["experiment", "image_size", "F1", "model"]
        await pilot.press("J", "down", "s")
        assert line(pilot, 0).split() == ["experiment", "F1", "image_size", "model↑"]
        await pilot.press("enter")
        assert pilot.app.screen is board(pilot)
        assert board(pilot).query_one("#left").border_subtitle == "model ↑"
        assert labels(pilot)[0] == "BiT-small"
        await pilot.press("C", "0", "escape")
        assert line(pilot, 0).split() == ["experiment", "epoch", "F1", "loss", "mem"]
        assert board(pilot).arrangement.names == DEFAULT
        assert board(pilot).query_one("#left").border_subtitle == ""  # nor sorted by what is hidden so


async def test_columns_are_found_by_words_of_their_names(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project, (200, 60)) as pilot:
        chooser = await choose(pilot)
        await pilot.press("slash", *"best f1", "enter")
        assert [each.name for each in chooser.listed] == ["best:test/f1"]
        await pilot.press("space", "slash", *"nothing")
        assert "no column is called" in chooser.render_line(0).text
        await pilot.press("escape")
        assert chooser.text == ""
        assert isinstance(pilot.app.screen, ColumnsScreen)
        assert [each.name for each in chooser.columns] == [*DEFAULT, "best:test/f1"]
        await pilot.press("escape")
        assert "best F1" in line(pilot, 0)


async def test_the_last_column_may_go_and_those_by_themselves_come(
    project: Project, write_run: Write
) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        await choose(pilot, *DEFAULT)
        await pilot.press("enter")
        assert board(pilot).arrangement.names == DEFAULT


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60), (40, 12)])
async def test_many_columns_leave_the_names_readable(
    project: Project, write_run: Write, size: tuple[int, int]
) -> None:
    write_run("ViT-small")
    async with opened(project, size) as pilot:
        board(pilot).arranging.arrange(
            ["model", "lr", "test/f1", "best:test/f1", "train/images_per_s", "note", "tags"],
            "",
            reverse=False,
            groups=(),
        )
        await settle(pilot)
        width = runs_of(pilot).scrollable_content_region.width
        assert line(pilot, 1)[PREFIX:].startswith("ViT-small")
        assert all(cell_len(runs_of(pilot).render_line(y).text) == width for y in range(4))
        assert "model" in line(pilot, 0)
        assert "F1" in line(pilot, 0)
        await pilot.press("C")
        chooser = pilot.app.screen.query_one("#columns")
        assert chooser.region.right <= size[0]
        assert chooser.region.bottom <= size[1]


async def test_a_failure_is_told_beside_the_settings(project: Project, write_run: Write) -> None:
    write_run("ViT-small", epochs=0, end="failed", reason="out of GPU memory")
    async with opened(project, (200, 60)) as pilot:
        board(pilot).arranging.arrange(
            ["model", "test/f1", "train/loss", "memory"], "", reverse=False, groups=()
        )
        assert line(pilot, 1).split()[-5:] == ["out", "of", "GPU", "memory", "vit_mini"]
        board(pilot).arranging.arrange(["model"], "", reverse=False, groups=())
        assert line(pilot, 1).split()[-5:] == ["out", "of", "GPU", "memory", "vit_mini"]


async def test_s_goes_through_what_is_shown_and_a_click_on_a_heading_sorts(
    project: Project, write_run: Write
) -> None:
    write_run("ViT-small", top=0.5)
    write_run("BiT-small", top=0.9)
    async with opened(project) as pilot:
        left = board(pilot).query_one("#left")
        said = []
        for _ in range(5):
            await pilot.press("s")
            said.append(str(left.border_subtitle))
        assert said == ["test F1 ↓", "train loss ↑", "memory ↓", "epoch ↓", ""]
        runs = runs_of(pilot)
        at = runs.render_line(0).text.index("F1")
        await pilot.click(RunList, offset=(at, 0))
        assert left.border_subtitle == "test F1 ↓"
        await pilot.click(RunList, offset=(at, 0))
        assert left.border_subtitle == "test F1 ↑"
        assert labels(pilot) == ["ViT-small", "BiT-small", "one-token"]


async def test_the_arrangement_is_remembered(project: Project, write_run: Write, tmp_path: Path) -> None:
    write_run("ViT-small")
    options = Options(state=tmp_path / "state")
    async with opened(project, options=options) as pilot:
        await choose(pilot, "lr")
        await pilot.press("s", "enter", "S", "B", *"model", "enter", "q")
    async with opened(project, options=options) as pilot:
        shown = board(pilot)
        assert shown.arrangement.names == (*DEFAULT, "lr")
        assert (shown.arrangement.reverse, shown.arrangement.groups) == (True, ("model",))
        assert shown.query_one("#left").border_title == "Runs by model"


async def test_the_arrangement_is_remembered_before_the_app_is_left(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.app.VIEW_S", 0.05)
    async with opened(project, options=Options(state=tmp_path)) as pilot:
        await choose(pilot, "lr")
        await pilot.press("enter")
        await until(pilot, lambda: "lr" in load(tmp_path, project.folder).columns)


async def test_a_damaged_arrangement_counts_as_far_as_it_can_be_understood(
    project: Project, tmp_path: Path
) -> None:
    view = SavedView(
        columns=["no such", "lr", "lr", "\x1b[2J"], order="no such", groups=["name", "lr", "[/x]"]
    )
    save(tmp_path, project.folder, view)
    async with opened(project, options=Options(state=tmp_path)) as pilot:
        assert (board(pilot).arrangement.names, board(pilot).arrangement.groups) == (("lr",), ("lr",))
        assert not board(pilot).arrangement.order


async def test_cells_are_made_for_the_rows_on_the_screen_alone(project: Project) -> None:
    asked: list[str] = []

    def value(fact: RunSummary) -> str:
        asked.append(fact.status.run)
        return fact.status.run

    made = dataclasses.replace(column("state"), name="counted", value=value)
    async with VituiApp(project).run_test(size=(80, 24)) as pilot:
        runs = RunList()
        await pilot.app.push_screen(Screen())
        await pilot.app.screen.mount(runs)
        runs.styles.height = 10
        runs.focus()
        while runs.size.height != 10:
            await pilot.pause()
        many = Snapshot(runs=tuple(status(f"run-{n}", f"e{n}") for n in range(10_000)))
        runs.choose([made], by_hand=True)
        runs.show(make_rows(many, set()), {})
        await pilot.pause()
        assert 0 < len(set(asked)) <= 10
        asked.clear()
        runs.show(make_rows(many, set()), {})
        await pilot.pause()
        assert not asked
        await pilot.press("G")
        await pilot.pause()
        assert "run-9999" in asked
        assert len(set(asked)) <= 20


@pytest.mark.slow
async def test_b_groups_by_settings_with_completion(project: Project, write_run: Write) -> None:
    write_run("ViT-small", seed=0, top=0.5)
    write_run("ViT-small", seed=1, top=0.7)
    write_run("one-token")
    async with opened(project, (200, 60)) as pilot:
        await pilot.press("B", *"mod", "tab", "enter")
        await settle(pilot)
        assert labels(pilot) == ["model=vit_mini", "model=bit_mini"]
        assert "×3" in line(pilot, 1)
        assert "2 experiments" in line(pilot, 1)
        assert board(pilot).query_one("#left").border_title == "Runs by model"
        await pilot.press("g", "enter")
        assert labels(pilot) == ["model=vit_mini", "ViT-small", "one-token", "model=bit_mini"]
        await pilot.press("down", "right", "down")
        assert [each.depth for each in runs_of(pilot).rows] == [0, 1, 2, 2, 1, 0]
        assert runs_of(pilot).row.run is not None  # type: ignore[union-attr]
        await pilot.press("left")
        assert labels(pilot) == ["model=vit_mini", "ViT-small", "one-token", "model=bit_mini"]
        assert runs_of(pilot).row.label == "ViT-small"  # type: ignore[union-attr]
        await pilot.press("left")
        assert labels(pilot) == ["model=vit_mini", "model=bit_mini"]
        assert runs_of(pilot).cursor == 0
        await pilot.press("enter", "enter")
        assert labels(pilot) == ["model=vit_mini", "model=bit_mini"]
        await pilot.press("r")
        assert "No experiment here This is a group" in toasts(pilot)
        await pilot.press("B", *["backspace"] * 9, "enter")
        assert labels(pilot) == ["ViT-small", "BiT-small", "one-token"]


async def test_a_key_that_is_none_is_said(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("B", *"modle", "enter")
        assert isinstance(pilot.app.screen, Prompt)
        assert "did you mean 'model'?" in str(pilot.app.screen.query_one("#prompt-hint", Static).content)
        await pilot.press("escape")
        assert board(pilot).arrangement.groups == ()


async def test_a_folded_row_overlays_all_its_seeds_as_a_band(project: Project, write_run: Write) -> None:
    seeds = {write_run("ViT-small", seed=seed, top=0.7 + seed / 10).id for seed in range(3)}
    write_run("BiT-small")
    async with opened(project) as pilot:
        runs = runs_of(pilot)
        await pilot.press("space")
        await settle(pilot)
        assert runs.overlaid == seeds
        assert "┃" in line(pilot, 1)
        await pilot.press("down")
        await settle(pilot)
        chart = board(pilot).query_one(ChartGrid).charts[0]
        assert [line.name for line in chart.lines if line.curve.high is not None] == ["ViT-small ×3"]
        await pilot.press("g", "right", "down", "space")
        assert len(runs.overlaid) == 2
        assert "┆" in line(pilot, 1)
        await pilot.press("g", "space", "space")
        assert not runs.overlaid  # all, then none


async def test_b_says_for_good_how_seeds_are_drawn(project: Project, write_run: Write) -> None:
    for seed in range(2):
        write_run("ViT-small", seed=seed)
    async with opened(project) as pilot:
        await settle(pilot)
        assert [curve.n for curve in board(pilot).snapshot.curves["test/f1"]] == [2]  # before any key
        await pilot.press("b", "space")
        await settle(pilot)
        assert not board(pilot).state.bands
        assert len(board(pilot).query_one(ChartGrid).charts[0].lines) == 2


async def test_list_charts_pane_and_comparison_count_the_same_seeds(
    project: Project, write_run: Write
) -> None:
    write_run("ViT-small", seed=0, top=0.1)
    counted = {write_run("ViT-small", seed=seed, top=0.7 + seed / 10).id for seed in range(2)}
    write_run("BiT-small")
    async with opened(project) as pilot:
        await settle(pilot)
        (curve,) = board(pilot).snapshot.curves["test/f1"]
        assert curve.n == 2  # before any key is pressed
        assert curve.outcome is not None
        mean = f".{1000 * curve.outcome.last:.0f}"
        row = board(pilot).row
        assert row is not None
        assert (set(row.runs), count_of(row)) == (counted, " ×2")
        assert column("test/f1").text(row).startswith(mean)
        said = dict(pilot.app.screen.query_one(Overview)._facts)
        assert said["F1"].startswith(mean)
        assert said["F1"].endswith("mean of 2")
        await pilot.press("A", "c")
        screen = pilot.app.screen
        assert isinstance(screen, CompareScreen)
        assert counted < screen.runs
        assert len(screen.runs) == 3
        await until(pilot, lambda: bool(screen.query(Chart)))
        await until(pilot, lambda: len(screen.query(Chart)[0].lines) == 2)


async def test_a_seed_whose_own_row_the_cursor_is_on_is_shown_alone(
    project: Project, write_run: Write
) -> None:
    runs = [write_run("ViT-small", seed=seed).id for seed in range(2)]
    async with opened(project) as pilot:
        await pilot.press("right", "down")
        await until(pilot, lambda: board(pilot).snapshot.watch.runs == (runs[1],))
        await settle(pilot)
        assert [curve.n for curve in board(pilot).snapshot.curves["test/f1"]] == [1]


async def test_folded_rows_are_compared_with_all_their_seeds(project: Project, write_run: Write) -> None:
    for seed in range(3):
        write_run("ViT-small", seed=seed, top=0.5 + seed / 50)
        write_run("BiT-small", seed=seed, top=0.8 + seed / 50)
    async with opened(project) as pilot:
        await pilot.press("space", "down")  # what is under the cursor counts too
        await settle(pilot)
        await pilot.press("c")
        screen = pilot.app.screen
        assert isinstance(screen, CompareScreen)
        await until(pilot, lambda: screen.table is not None)
        assert screen.table is not None
        assert [(side.name, len(side.counted)) for side in screen.table.sides] == [
            ("ViT-small", 3),
            ("BiT-small", 3),
        ]
        assert str(screen.query_one("#compare").border_subtitle) == "with the row under the cursor"


async def test_the_row_under_the_cursor_is_compared_only_with_less_than_two(
    project: Project, write_run: Write
) -> None:
    for name in ("ViT-small", "BiT-small", "one-token"):
        write_run(name)
    async with opened(project) as pilot:
        await pilot.press("space", "down", "space", "down")
        await until(pilot, lambda: len(board(pilot).snapshot.watch.runs) == 3)
        await pilot.press("c")
        screen = pilot.app.screen
        assert isinstance(screen, CompareScreen)
        await until(pilot, lambda: screen.table is not None)
        assert screen.table is not None
        assert [side.name for side in screen.table.sides] == ["ViT-small", "BiT-small"]
        await until(pilot, lambda: all(len(chart.lines) == 2 for chart in list(screen.query(Chart))[:2]))
        await pilot.press("escape")
        await until(pilot, lambda: len(board(pilot).snapshot.watch.runs) == 3)


async def test_an_experiment_of_two_settings_is_compared_with_itself(
    project: Project, write_run: Write
) -> None:
    for seed in range(2):
        write_run("ViT-small", seed=seed, top=0.5)
    config = project.folder / "experiments.toml"
    config.write_text(
        config.read_text().replace('[experiments."ViT-small"]', '[experiments."ViT-small"]\nlr = 0.5', 1)
    )
    write_run("ViT-small", seed=0, top=0.7)
    write_run("ViT-small", seed=1, top=0.7, epochs=2, end="stopped")
    async with opened(project) as pilot:
        await pilot.press("c")
        screen = pilot.app.screen
        assert isinstance(screen, CompareScreen)
        await until(pilot, lambda: screen.table is not None and len(screen.query(Chart)) > 1)
        assert screen.table is not None
        assert [(side.count, side.left_out) for side in screen.table.sides] == [
            (" ×2", ""),
            ("", "1 stopped at 2/4"),
        ]
        assert screen.table.sides[1].name == "ViT-small lr=0.5"
        assert str(screen.query_one("#compare").border_subtitle) == "compared with its other settings"
        await until(pilot, lambda: len(screen.query(Chart)[0].lines) == 2)


async def test_prompts_name_the_runs_that_they_change(project: Project, write_run: Write) -> None:
    write_run("ViT-small", seed=0)
    write_run("ViT-small", seed=1)
    write_run("BiT-small")
    async with opened(project) as pilot:
        for key in "tT":
            await pilot.press(*(["a"] if key == "t" else []), key)
            assert isinstance(pilot.app.screen, Prompt)
            said = str(pilot.app.screen.query(Static).first().content)
            assert (
                "Of 3 runs: ViT-small s1, ViT-small s0, BiT-small s0. These are of the 3 marked rows." in said
            )
            assert pilot.app.screen.query_one(CompletingInput).has_focus
            await pilot.press("escape")


async def test_the_stop_dialog_names_the_seed_where_there_are_several(
    project: Project, write_run: Write
) -> None:
    write_run("ViT-small", seed=0)
    write_run("ViT-small", seed=1, end=None, alive=True)
    write_run("BiT-small", end=None, alive=True)
    async with opened(project) as pilot:
        await until(pilot, lambda: sum(each.state == "running" for each in board(pilot).snapshot.runs) == 2)
        titles = []
        for key in ("g", "down"):
            await pilot.press(key, "full_stop")
            assert isinstance(pilot.app.screen, Dialog)
            titles.append(str(pilot.app.screen.query_one("#dialog").border_title))
            await pilot.press("escape")
        assert titles == ["Stop ViT-small s1?", "Stop BiT-small s0?"]


async def test_hostile_settings_are_text_in_columns_and_titles(project: Project, write_run: Write) -> None:
    config = project.config.read_text().replace(
        'model = "bit_mini"', 'model = "bit_mini"\nnotes = "[/x] \\u001b[2J"'
    )
    project.config.write_text(config)
    write_run("BiT-small")
    async with opened(project, (200, 60)) as pilot:
        board(pilot).arranging.arrange(["note"], "", reverse=False, groups=["model"])
        await pilot.press("G", "enter", "down")
        await settle(pilot)
        assert "[/x]" in "".join(line(pilot, y) for y in range(6))
        assert "\x1b" not in "".join(line(pilot, y) for y in range(6))


async def test_the_search_box_takes_letters_that_are_keys_of_the_list(project: Project) -> None:
    async with opened(project) as pilot:
        chooser = await choose(pilot)
        await pilot.press("slash", *"sjq0")
        assert pilot.app.screen.query_one("#column-search", Input).value == "sjq0"
        assert [each.name for each in chooser.columns] == list(DEFAULT)


@pytest.mark.slow
async def test_the_list_keeps_three_rows_at_any_size(project: Project, write_run: Write) -> None:
    """And the bar of keys stays at the bottom."""
    write_run("ViT-small")
    async with opened(project, (40, 10)) as pilot:

        def shown() -> tuple[bool, tuple[int, int]]:
            bar = board(pilot).query_one(KeyBar).region
            return runs_of(pilot).region.height >= 4, (bar.right, bar.bottom)  # the heading is one

        for keys in ((), ("f", "v"), ("escape", "escape", "5")):
            await pilot.press(*keys)
            for size in (
                (40, 10),
                (80, 10),
                (60, 14),
                (100, 16),
                (80, 19),
                (80, 20),
                (120, 12),
                (120, 20),
                (80, 24),
            ):
                await pilot.resize_terminal(*size)
                await until(pilot, lambda size=size: shown() == (True, size))  # type: ignore[misc]


def test_time_left_has_its_place_before_memory_and_in_a_list_of_its_own_width() -> None:
    sizes = {"epoch": 6, "test/f1": 9, "train/loss": 5, "left": 6, "memory": 5}
    kept = fitting_in(53, [(column(name), sizes[name]) for name in DEFAULT])
    assert [each.name for each, _ in kept] == ["epoch", "test/f1", "train/loss", "left"]


def test_a_name_reaches_into_columns_that_are_empty() -> None:
    assert name_overflow("    6/6 .604", 2, 0) == 2
    assert name_overflow("    6/6 .604", 9, 0) == 3  # a space stays
    assert name_overflow("    6/6 .604", 2, 9) == 2  # tags fit as a whole, or take nothing
    assert name_overflow("    6/6 .604", -4, 6) == 2
    assert name_overflow(" " * 8, 9, 0) == 8
    assert name_overflow("    6/6 .604", -4, 0) == 0


def test_a_reason_and_tags_share_the_room_between_them() -> None:
    assert note_growth(9, 20, 0) == 9
    assert note_growth(9, 4, 0) == 4
    assert note_growth(-9, 4, 0) == 0
    assert note_growth(-9, 4, 6) == -6
    assert note_growth(-9, 0, 12) == -9
    assert note_growth(-9, 4, -3) == 0
    (row,) = make_rows(Snapshot(runs=(status("r", "e", "finished"),)), set())
    row = row._replace(tags=("quick", "bit"))
    assert [chips_of(row, room) for room in (20, 9, 2)] == [" #quick #bit", " #quick …", " …"]
    waits = row._replace(waiting=1)  # the sign of those that wait looks like that of tags left out
    assert [chips_of(waits, room) for room in (20, 9, 2)] == [" #quick #bit", " #quick", ""]


async def test_a_reason_takes_the_room_that_a_name_leaves(project: Project) -> None:
    async with opened(project) as pilot:
        waiting = status("r", "e", "queued", reason="1 of 1 CPU slot is taken")
        runs_of(pilot).show(make_rows(Snapshot(runs=(waiting,)), set()), {})
        assert line(pilot, 1).endswith(" 1 of 1 CPU slot is taken")


async def test_an_arrow_says_at_the_heading_what_the_list_is_sorted_by(
    project: Project, write_run: Write
) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        await pilot.press("s")
        assert line(pilot, 0).split()[1:] == ["epoch", "F1↓", "loss", "mem"]
        await pilot.press("S")
        assert line(pilot, 0).split()[1:] == ["epoch", "F1↑", "loss", "mem"]
        board(pilot).arranging.sort_by(
            "left", reverse=False
        )  # nothing stands in it, and it is said all the same
        assert line(pilot, 0).split()[1:] == ["epoch", "F1", "loss", "left↑"]


def test_a_metric_without_a_slash_is_a_column_as_its_last_value():
    fact = RunSummary(status("a", last={"val_loss": 0.25}), RunMetadata({}, Labels()))
    snapshot = Snapshot(runs=(fact.status,))
    assert "last:val_loss" in [each.name for each in known_columns(snapshot)]
    assert text("last:val_loss", fact) == "0.25"


@pytest.mark.slow
async def test_a_chosen_column_is_shown_at_once_and_takes_no_chart_away(
    project: Project, write_run: Write
) -> None:
    write_run("ViT-small", top=0.5)
    write_run("BiT-small", epochs=0, end="failed", reason="out of GPU memory at batch_size = 128")
    async with opened(project, (120, 36)) as pilot:
        charts = len([chart for chart in board(pilot).query_one(ChartGrid).charts if chart.display])
        width = board(pilot).query_one("#left").size.width
        chooser = await choose(pilot, "lr")
        assert "lr" in line(pilot, 0).split()  # before the dialog is left
        assert runs_of(pilot).region.right <= pilot.app.screen.query_one("#columns").region.x + 6
        await pilot.press("enter")
        await settle(pilot)
        assert board(pilot).query_one("#left").size.width == width
        assert len([chart for chart in board(pilot).query_one(ChartGrid).charts if chart.display]) == charts
        lr = column("lr").text(runs_of(pilot).rows[1])
        assert "out of GPU" in line(pilot, 2)  # a reason gives way to it, and not the other way round
        assert line(pilot, 2).rstrip().endswith(lr)
        await pilot.press("S", *["s"] * 7)
        assert board(pilot).run_list.shown_columns
        for _ in range(8):
            await pilot.press("s")
            order = board(pilot).arrangement.order
            assert not order or f"{order}" in [each.name for each in runs_of(pilot).shown_columns]
        chooser = await choose(pilot, "model", "optimizer", "schedule", "batch_size")
        assert chooser is not None
        await pilot.press("enter")
        subtitle = str(board(pilot).query_one("#left").border_subtitle)
        assert re.fullmatch(r"\+[3-9] columns: \[ widens", subtitle), subtitle
        await pilot.press("left_square_bracket")
        await settle(pilot)
        assert board(pilot).query_one("#left").size.width > width
        await pilot.press("0")
        await settle(pilot)
        assert board(pilot).query_one("#left").size.width == width
