"""What is overlaid is looked at, what is marked is meant: each by its own keys, and nothing that is not listed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.loader import load_config
from engine.runs import run_lock
from engine.runs.labels import labels_of
from engine.runs.queue_entry import waiting_entry
from engine.runs.status import State, Status
from engine.runs.store import Store
from tests.conftest import queued
from tests.tui.conftest import Write
from tests.tui.pilot import AppPilot, board, opened, runs, settle, toasts, until
from tui.keymap.action import Situation
from tui.screens.actions.bulk_action import how_they_are
from tui.screens.actions.move_and_hold import moves
from tui.screens.actions.stop_and_resume import what_was_asked
from tui.screens.comparison import CompareScreen
from tui.screens.dialogs import Dialog
from tui.screens.line_prompt import Prompt
from tui.state.snapshot import Project
from tui.widgets.key_bar import KeyBar


def question(pilot: AppPilot) -> str:
    """Return the title, the text and the answers of the dialog that is open."""
    dialog = pilot.app.screen
    assert isinstance(dialog, Dialog)
    words = [str(line.content) for line in dialog.query("Static")]  # type: ignore[attr-defined]
    return "\n".join([str(dialog.query_one("#dialog").border_title), *words])


def bar(pilot: AppPilot) -> set[str]:
    """Return the words of the bar of keys."""
    return {offer.words for offer in board(pilot).query_one(KeyBar).fitting_offers()}


@pytest.mark.slow
async def test_verbs_mean_the_marks_else_the_row_and_never_what_a_filter_hides(
    project: Project, write_run: Write
) -> None:
    looked_at = [write_run("ViT-small", seed=seed) for seed in range(2)]
    meant = write_run("BiT-small")
    async with opened(project, (200, 36)) as pilot:
        await pilot.press("space", "down")  # overlaid, and not under the cursor
        assert {run.id for run in looked_at} == runs(pilot).overlaid
        await pilot.press("D")
        assert "this run" in question(pilot)
        assert "BiT-small s0" in question(pilot)
        await pilot.press("escape", "g", "m")
        assert board(pilot).query_one("#left").border_title == "Runs  1 marked"
        await pilot.press("down", "m")  # it stays, as space does: strangers go down by themselves
        assert [row.label for row in runs(pilot).marked_rows] == ["ViT-small", "BiT-small"]
        assert board(pilot).query_one("#left").border_title == "Runs  2 marked"
        assert "Tag 3" in bar(pilot)
        await pilot.press("down", "D")
        assert "Throw 3 runs away?" in question(pilot)
        assert "Not meant: one-token, under the cursor" in question(pilot)
        await pilot.press("escape", "f", *"experiment=BiT-small", "enter")
        await settle(pilot)
        assert [row.label for row in runs(pilot).marked_rows] == ["BiT-small"]
        assert "1 marked row no longer listed: unmarked" in toasts(pilot)
        assert "2 runs overlaid and hidden: their curves stay, c leaves them out" in toasts(pilot)
        said = toasts(pilot).count("overlaid and hidden")
        await pilot.press("f", *"experiment=none-such", "enter")
        assert toasts(pilot).count("overlaid and hidden") == said + 1
        await pilot.press("f", *["backspace"] * 40, *"experiment=BiT-small", "enter")
        await settle(pilot)
        await pilot.press("g", "m", "t")
        assert isinstance(pilot.app.screen, Prompt)
        await pilot.press(*"mine", "enter")
        await until(pilot, lambda: "mine" in labels_of(meant).tags)
        assert all("mine" not in labels_of(run).tags for run in looked_at)
        await pilot.press("c")  # one that is listed is no comparison, whatever is overlaid and hidden
        assert not isinstance(pilot.app.screen, CompareScreen)
        await pilot.press("escape", "escape")
        assert not runs(pilot).marked
        assert len(runs(pilot).overlaid) == 2  # the overlay is another layer
        await pilot.press("G", "space")
        assert "not run: nothing to overlay" in toasts(pilot)


async def test_marked_runs_that_wait_are_held_moved_and_cancelled_together(
    project: Project, write_run: Write
) -> None:
    experiment = load_config(project.config).experiments["ViT-small"]
    store = Store(project.runs)
    first, *others = [queued(store, experiment, seed) for seed in range(4)]
    async with opened(project, (200, 50)) as pilot:
        await pilot.press("right", "down", "m", "down", "down", "v")
        chosen = {row.run for row in runs(pilot).marked_rows}
        assert chosen == {run.id for run in others}
        assert {"Cancel 3", "Hold 3"} <= bar(pilot)
        await pilot.press("H")
        await until(pilot, lambda: all(waiting_entry(run).on_hold for run in others))
        assert not waiting_entry(first).on_hold
        await until(pilot, lambda: "3 runs are held" in toasts(pilot))
        await until(pilot, lambda: all(board(pilot).snapshot.queue.entries[run.id].on_hold for run in others))
        assert not runs(pilot).marked  # they end with the deed
        await pilot.press("v", "H")
        await until(pilot, lambda: not any(waiting_entry(run).on_hold for run in others))
        by_id = lambda: board(pilot).snapshot.by_id  # noqa: E731  while an entry is written its run seems to start
        await until(pilot, lambda: all(by_id()[run.id].state == "queued" for run in others))
        await pilot.press("v", "full_stop")
        asked = question(pilot)
        assert len(runs(pilot).marked) == 3  # nothing is done yet
        assert "Cancel 3 waiting runs?" in asked
        assert "Not meant: 1 waiting of ViT-small." in asked
        assert "enter  take 3 out of the queue" in asked
        await pilot.press("enter")
        await settle(pilot)
        assert [run.id for run in (first, *others) if waiting_entry(run) is not None] == [first.id]
        said = toasts(pilot).splitlines()
        assert said[-1].strip() == "3 runs taken out of the queue; R queues them again"
        assert not any("stopped" in words for words in said)  # none of them had begun
        await pilot.press("v", "full_stop")
        assert "Nothing to stop the 3 marked runs were stopped" in toasts(pilot)
        await pilot.press("R")
        assert "Resume 3 runs?" in question(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert all(waiting_entry(run) is not None for run in others)
        assert not runs(pilot).marked


@pytest.mark.parametrize(
    ("states", "said"),
    [
        (["queued"], "1 run taken out of the queue"),
        (["queued", "queued"], "2 runs taken out of the queue"),
        (["running", "silent"], "2 runs asked to stop"),
        (["queued", "running", "queued"], "2 runs taken out of the queue, 1 run asked to stop"),
    ],
)
def test_what_was_asked_is_told_with_how_many_it_was_asked_of(states: list[State], said: str) -> None:
    assert what_was_asked([Status(run=f"{i}", state=state) for i, state in enumerate(states)]) == said


def situation(states: str, marked: int) -> Situation:
    kinds: list[State] = ["finished" if letter == "f" else "stopped" for letter in states]
    return Situation(
        marked=marked, meant=tuple(Status(run=f"{i}", state=kind) for i, kind in enumerate(kinds))
    )


@pytest.mark.parametrize(
    ("states", "marked", "said"),
    [
        ("f", 0, "ViT s0 has finished"),
        ("ss", 0, "the 2 runs under the cursor were stopped"),
        ("f", 1, "the marked run has finished"),
        ("ff", 2, "the 2 marked runs have finished"),
        ("fff", 1, "the 3 runs of the marked row have finished"),
        ("fsf", 2, "the 3 runs of the 2 marked rows: 2 finished, 1 stopped"),
        ("f", 2, "the run of the 2 marked rows has finished"),
    ],
)
def test_a_refusal_says_how_what_is_meant_is(states: str, marked: int, said: str) -> None:
    assert how_they_are(situation(states, marked), "ViT s0") == said


async def test_of_a_row_with_one_that_runs_and_one_that_waits_it_is_asked_which(
    project: Project, write_run: Write
) -> None:
    live = write_run("ViT-small", epochs=2, end=None, alive=True)
    waits = queued(Store(project.runs), load_config(project.config).experiments["ViT-small"], 1)
    with run_lock.hold(live):
        async with opened(project) as pilot:
            await pilot.press("full_stop")
            asked = question(pilot)
            assert "1 runs, 1 waits: stop which?" in asked
            assert "ViT-small s0, running" in asked
            assert "ViT-small s1, queued" in asked
            assert "enter  stop after this epoch" in asked
            answers = pilot.app.screen.query_one(KeyBar).render_line(0).text  # the list's keys do nothing now
            assert answers.strip().startswith("enter stop after this epoch")
            assert answers.rstrip().endswith("esc no")
            await pilot.press("c")
            await settle(pilot)
            assert waiting_entry(waits) is None
            assert not live.control.exists()
            await pilot.press("full_stop")
            assert "Stop ViT-small s0?" in question(pilot)
            await pilot.press("n")
            await until(pilot, live.control.exists)


@given(st.lists(st.booleans(), max_size=12), st.booleans())
def test_moves_bring_the_meant_one_place_on_and_keep_the_order_of_the_others(
    meant: list[bool], up: bool
) -> None:
    order = [str(number) for number in range(len(meant))]
    going = {name for name, goes in zip(order, meant, strict=True) if goes}
    line = list(order)
    for run, before in moves(order, going, up=up):
        line.remove(run)
        line.insert(line.index(before) if before is not None else len(line), run)
    assert [name for name in line if name not in going] == [name for name in order if name not in going]
    assert [name for name in line if name in going] == [name for name in order if name in going]
    for name in going:
        shift = order.index(name) - line.index(name)
        assert shift in (0, 1 if up else -1)
        end = order[: order.index(name)] if up else order[order.index(name) + 1 :]
        assert (shift == 0) == (set(end) <= going)


async def test_a_run_with_changes_is_unfolded_under_the_cursor(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project) as pilot:
        await pilot.press("o", *"epochs=2", "enter")
        await until(pilot, lambda: board(pilot).row is not None and board(pilot).row.state == "queued")
        made = {run.id for run in Store(project.runs).runs()}
        assert board(pilot).row.run in made
        assert board(pilot).row.label.endswith("epochs=2")
        await pilot.press("up", "up")
        await settle(pilot)
        assert runs(pilot).cursor == 0  # it was brought there once
