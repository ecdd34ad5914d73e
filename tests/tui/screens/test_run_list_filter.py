"""The filter of the list: its language is the engine's, here is what the app makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.widgets import Static

from engine.config.loader import load_config
from engine.runs.labels import Labels, change_tags
from engine.runs.metadata import RunMetadata
from engine.runs.status import Status
from tests.tui.conftest import Write
from tests.tui.pilot import board, opened, runs, settle, toasts, until
from tui.app_options import Options
from tui.state.snapshot import Project, Snapshot
from tui.views.command_palette.list_lines import filter_text
from tui.views.run_filter import Sieve, known_values, understand
from tui.views.run_list_row import Row
from tui.views.run_list_tree import make_rows
from tui.widgets.completing_input import CompletingInput, completion_line
from tui.widgets.key_bar import KeyBar
from tui.widgets.runs.run_list import RunList


def status(run: str, experiment: str, state: str = "finished", **more: object) -> Status:
    return Status(run=run, experiment=experiment, state=state, **more)  # type: ignore[arg-type]


def begin(text: str, snapshot: Snapshot, *, writing: bool) -> Sieve:
    sieve, wrong = understand(text, snapshot, writing=writing)
    assert sieve is not None
    assert not wrong
    return sieve


def found(
    snapshot: Snapshot, text: str, *, writing: bool = False, unfolded: set[str] | None = None
) -> list[Row]:
    return make_rows(snapshot, unfolded or set(), begin(text, snapshot, writing=writing).sift(snapshot))


@pytest.fixture
def shot(project: Project) -> Snapshot:
    return Snapshot(
        config=load_config(project.config),
        runs=(
            status("r1", "ViT-small", "failed", last={"test/f1": 0.9}),
            status("r2", "ViT-small", last={"test/f1": 0.7}),
            status("r3", "BiT-small", last={"test/f1": 0.8}),
        ),
        metadata={"r3": RunMetadata({"model": "bit_mini"}, Labels(tags=("good",), notes="out of memory"))},
    )


def test_words_match_names_whether_they_have_run_or_not(shot: Snapshot) -> None:
    assert [row.label for row in found(shot, "small")] == ["ViT-small", "BiT-small"]
    assert [row.label for row in found(shot, "ONE")] == ["one-token"]
    assert found(shot, "nothing") == []


def test_a_word_that_finds_nothing_leads_to_the_name_that_is_meant(shot: Snapshot) -> None:
    for text, advice in (
        ("ViT-smll", "did you mean 'ViT-small'?"),
        ("vitt", "did you mean 'ViT-small'?"),
        ("one-tokn", "did you mean 'one-token'?"),
        ("state=failed ViT-smll", "did you mean 'ViT-small'?"),
        ("state=stopped goood", ""),
        ("state=stopped small", ""),
        ("zzz", ""),
        ("small", ""),
    ):
        assert begin(text, shot, writing=False).advice(shot) == advice, text
    assert filter_text("vitt", shot)[0] == "0 of 3 experiments pass; did you mean 'ViT-small'?"


def test_an_experiment_stands_for_those_of_its_runs_that_match(shot: Snapshot) -> None:
    (row,) = found(shot, "state=failed")
    assert (row.label, row.run, row.folded) == ("ViT-small", "r1", 1)
    rows = found(shot, "test/f1>=0.8", unfolded={"ViT-small"})
    assert [row.run for row in rows] == ["r1", "r1", "r3"]


def test_tags_notes_and_settings_are_asked_for_once_they_are_read(shot: Snapshot) -> None:
    assert [row.run for row in found(shot, "tag=good")] == ["r3"]
    assert [row.run for row in found(shot, 'note~"of mem"')] == ["r3"]
    assert [row.label for row in found(shot, "model~mini")] == ["BiT-small", "one-token"]
    assert [row.label for row in found(shot, "tag=vit state!=failed")] == []  # r2's tags are not known yet


def test_what_has_not_run_has_settings_and_no_state(shot: Snapshot) -> None:
    assert [row.label for row in found(shot, "patch_size=16")] == ["one-token"]
    assert "one-token" not in [row.label for row in found(shot, "state!=failed")]


def test_a_run_is_judged_anew_when_its_status_or_labels_are_others(shot: Snapshot) -> None:
    sieve = begin("state=failed tag=bad", shot, writing=False)
    assert not sieve.sift(shot)
    later = Snapshot(
        config=shot.config, runs=shot.runs, metadata={"r1": RunMetadata({}, Labels(tags=("bad",)))}
    )
    assert sieve.sift(later).runs == {"r1"}
    again = Snapshot(
        config=shot.config, runs=(status("r1", "ViT-small"), *shot.runs[1:]), metadata=later.metadata
    )
    assert not sieve.sift(again)


def test_ages_are_judged_anew_with_time(shot: Snapshot) -> None:
    old = Snapshot(runs=(status("a-s0-20261118-150000-abcd", "a"),))
    made = 1_795_014_000.0
    sieve = begin("age<1h", old, writing=False)
    assert sieve.sift(old, made + 60).runs == {"a-s0-20261118-150000-abcd"}
    assert not sieve.sift(old, made + 3700)


def test_a_word_that_may_become_a_key_takes_nothing_away_while_it_is_written(shot: Snapshot) -> None:
    assert len(found(shot, "stat", writing=True)) == 3
    assert len(found(shot, "state=failed expe", writing=True)) == 1
    assert found(shot, "stat") == []
    assert found(shot, "nothing", writing=True) == []
    assert len(found(shot, "state=failed state=fai", writing=True)) == 1


def test_a_mistake_is_said_once_nothing_can_come_of_what_is_written(shot: Snapshot) -> None:
    for text in ("state=fai", "one state="):
        assert understand(text, shot, writing=True)[1] == ""
    sieve, wrong = understand("one stat=failed", shot, writing=True)
    assert "did you mean 'state'?" in wrong
    assert sieve is not None
    assert sieve.sift(shot).experiments == {"one-token"}
    assert understand("stat=failed one", shot, writing=True)[0] is None
    assert understand("state=fai", shot, writing=False)[0] is None


def test_completion_knows_what_is_there(shot: Snapshot) -> None:
    values = known_values(shot)
    assert list(values["experiment"]) == ["BiT-small", "ViT-small", "one-token"]
    assert list(values["tag"]) == ["good", "vit"]
    assert list(values["model"]) == ["bit_mini", "vit_mini"]
    assert "test/f1" in values


def test_the_hint_leaves_out_what_is_written() -> None:
    assert completion_line("st", ("state", "step"), None).plain.split() == ["state", "step"]
    assert completion_line("a state=f", ("a state=failed", "a state=finished"), None).plain.split() == [
        "failed",
        "finished",
    ]
    assert completion_line("state", ("state=", "state!="), "state=").plain.split() == ["‹state=›", "state!="]
    assert completion_line("tag=a,b", ("tag=a,bad",), None).plain.split() == ["bad"]


@pytest.mark.parametrize("text", ["vit", "state=finished test/f1>0.5 model~vit age<2000w -tag=old"])
def test_ten_thousand_runs_are_filtered(text: str) -> None:
    config, labels = {"model": "vit_b"}, Labels(tags=("new",))
    many = tuple(
        status(f"ViT-s{i}-20261118-150000-{i:04x}", f"ViT-{i % 300}", last={"test/f1": i / 10_000})
        for i in range(10_000)
    )
    shot = Snapshot(runs=many, metadata={each.run: RunMetadata(config, labels) for each in many})
    sieve = begin(text, shot, writing=True)
    meant = sieve.sift(shot)
    assert meant is not None
    assert len(meant.runs) == (10_000 if text == "vit" else 4_999)
    assert len(make_rows(shot, set(), meant)) == 300


@pytest.mark.slow
async def test_f_filters_by_what_runs_are(project: Project, write_run: Write) -> None:
    write_run("ViT-small", end="failed", reason="killed")
    run = write_run("BiT-small")
    change_tags(run, ["keep"])
    async with opened(project) as pilot:
        await pilot.press("f", *"state=failed")
        assert [row.label for row in runs(pilot).rows] == ["ViT-small"]
        line = board(pilot).query_one("#filter", CompletingInput)
        line.value = "tag=keep"
        await settle(pilot)
        assert [row.label for row in runs(pilot).rows] == ["BiT-small"]
        line.value = "experiment=bit"
        await settle(pilot)
        hint = board(pilot).query_one("#filter-hint", Static)
        assert "nothing fits; experiment~bit looks inside" in str(hint.content)
        line.value = "tag=keep"
        change_tags(run, remove=["keep"])
        await settle(pilot)
        assert runs(pilot).rows == []


@pytest.mark.slow
async def test_tab_completes_keys_and_values(project: Project, write_run: Write) -> None:
    write_run("ViT-small", end="failed", reason="killed")
    async with opened(project) as pilot:
        line = board(pilot).query_one("#filter", CompletingInput)
        words = board(pilot).query_one("#filter-hint", Static)
        await pilot.press("f", *"sta", "tab")
        assert line.value == "state"
        await pilot.press("equals_sign", "f")
        await pilot.pause()
        assert str(words.content).split() == ["finished", "failed"]
        await pilot.press("tab")
        assert line.value == "state=finished"
        await pilot.press("tab")
        assert line.value == "state=failed"
        await pilot.pause()
        assert str(words.content).split() == ["finished", "‹failed›"]
        assert line.has_focus
        await pilot.press("space", *"exp", "tab", "equals_sign", *"v", "tab", "tab")
        assert line.value == "state=failed experiment=ViT-small "
        assert [row.label for row in runs(pilot).rows] == ["ViT-small"]


async def test_a_mistake_is_said_while_the_list_stays(project: Project) -> None:
    async with opened(project) as pilot:
        words = board(pilot).query_one("#filter-hint", Static)
        await pilot.press("f", *"bit pach_size=4")
        await pilot.pause()
        assert "unknown key 'pach_size'; did you mean 'patch_size'?" in str(words.content)
        assert words.display
        assert [row.label for row in runs(pilot).rows] == ["BiT-small"]
        await pilot.press("enter")  # it can be mended at once
        assert words.display
        assert board(pilot).query_one("#filter").has_focus
        assert [row.label for row in runs(pilot).rows] == ["BiT-small"]
        board(pilot).query_one("#filter", CompletingInput).value = "state=stop"
        await pilot.pause()
        assert "did you mean" not in str(words.content)
        runs(pilot).focus()  # left, it is no longer being written
        await pilot.pause()
        assert "no state 'stop'; did you mean 'stopped'?" in str(words.content)
        assert words.display
        board(pilot).filtering.write("optimizer=adm")
        await pilot.pause()
        assert "no optimizer 'adm'; did you mean 'adam'?" in str(words.content)
        await pilot.press("escape")
        await pilot.pause()
        assert not words.display
        assert len(runs(pilot).rows) == 3


async def test_a_word_that_is_a_state_means_it(project: Project, write_run: Write) -> None:
    write_run("ViT-small", end="failed", reason="killed")
    write_run("BiT-small")
    async with opened(project) as pilot:
        await pilot.press("f", *"failed")
        await settle(pilot)
        assert [row.experiment for row in pilot.app.dashboard.query_one(RunList).rows] == ["ViT-small"]


async def test_keys_right_behind_f_are_for_the_filter(project: Project, write_run: Write) -> None:
    write_run("ViT-small", end="failed", reason="killed")
    write_run("BiT-small")
    async with opened(project) as pilot:
        for key in ("f", *"cqfailed"):  # all at once, as from a slow line
            pilot.app.post_message(events.Key(key, key))
        await until(pilot, lambda: board(pilot).query_one("#filter", CompletingInput).value == "cqfailed")
        assert pilot.app.is_running
        assert board(pilot) is pilot.app.screen


@pytest.mark.slow
async def test_a_filter_says_its_count_and_its_keys_and_is_saved_by_a_name(
    project: Project, write_run: Write, tmp_path: Path
) -> None:
    write_run("ViT-small", end="failed", reason="killed")
    options = Options(state=tmp_path / "state")
    async with opened(project, options=options) as pilot:
        left = board(pilot).query_one("#left")
        await pilot.press("f", *"failed")
        await settle(pilot)
        assert left.border_subtitle == "1 of 3 · esc clears"
        offers = [offer.words for offer in board(pilot).query_one(KeyBar).fitting_offers()]
        assert offers == ["Complete", "Saved filters", "Save", "Keep", "Clear"]
        await pilot.press("ctrl+s", *"bad", "enter", "enter")
        assert "Saved as bad" in toasts(pilot)
        await settle(pilot)
        assert runs(pilot).has_focus
        await pilot.press("escape")
        await settle(pilot)
        assert (left.border_subtitle, len(runs(pilot).rows)) == ("", 3)
        await pilot.press("q")
    async with opened(project, options=options) as pilot:
        await pilot.press("f")
        await pilot.pause()
        assert "saved: bad" in str(board(pilot).query_one("#filter-hint", Static).content)
        await pilot.press("up", "enter")
        await settle(pilot)
        assert [row.label for row in runs(pilot).rows] == ["ViT-small"]
        await pilot.press("f", *["backspace"] * 6, "ctrl+s", *"bad", "enter")
        assert board(pilot).filter.saved == {}
