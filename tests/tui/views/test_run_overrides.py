from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.schema import Experiment
from engine.runs.queue_entry import waiting_entry
from engine.runs.store import Store
from tests.tui.pilot import AppPilot, board, opened, settle, toasts, until
from tui.screens.dialogs import Dialog
from tui.screens.override_prompt import VariationScreen
from tui.state.snapshot import Project
from tui.terminal.textual_private import screen_strips
from tui.views.run_overrides import complete, settings_line, vary, words
from tui.widgets.completing_input import CompletingInput

EXPERIMENT = Experiment(
    name="e", model="vit_mini", image_size=16, patch_size=4, dataset="digits", seeds=[3, 4]
)


def test_pairs_are_parted_by_spaces_outside_of_quotes_and_brackets() -> None:
    text = """lr=1e-3  tags=["a b", "c"] notes='x y' options={a = 1}"""
    assert words(text) == ["lr=1e-3", 'tags=["a b", "c"]', "notes='x y'", "options={a = 1}"]


@given(st.text(max_size=40))
def test_no_letter_is_lost_or_made_up(text: str) -> None:
    assert "".join("".join(words(text)).split()) == "".join(text.split())


def test_settings_seeds_and_priority() -> None:
    found = vary(EXPERIMENT, "lr=2e-3 options.pool=mean seeds=0,1,2 priority=-1")
    assert found.mistakes == ()
    assert (found.experiment.lr, found.experiment.options) == (2e-3, {"pool": "mean"})
    assert (found.seeds, found.priority) == ((0, 1, 2), -1)
    assert vary(EXPERIMENT, "").seeds == (3, 4)
    assert vary(EXPERIMENT, "seeds=0-4").seeds == (0, 1, 2, 3, 4)
    assert vary(EXPERIMENT, "seed=7").seeds == (7,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lr", "write it as key=value, e.g. lr=1e-3"),
        ("lrr=1", "unknown key 'lrr'; did you mean 'lr'?"),
        ("lr=fast", "found 'fast' (a string); it has to be a number above 0"),
        ("patch_size=5", "do not divide"),
        ("seeds=0,0", "different whole numbers"),
        ("seeds=a", "different whole numbers"),
        ("seed=0,1", "seed=0,1: it is one; for several write seeds=0,1"),
        ("priority=high", "the higher, the earlier"),
    ],
)
def test_mistakes_are_said_in_words(text: str, said: str) -> None:
    (mistake,) = vary(EXPERIMENT, text).mistakes
    assert said in mistake
    assert "--set" not in mistake


@given(st.text(max_size=30))
def test_any_text_is_judged_and_completed(text: str) -> None:
    vary(EXPERIMENT, text)
    for each in complete(EXPERIMENT, text):
        assert words(each)[:-1] == words(text)[: len(words(each)) - 1]


def test_keys_and_values_are_completed() -> None:
    assert complete(EXPERIMENT, "lr=1 batch")[0] == "lr=1 batch_size="
    assert complete(EXPERIMENT, "see") == ["seed=", "seeds="]
    assert "priority=" in complete(EXPERIMENT, "")
    assert complete(EXPERIMENT, "epochs=9 ")[:4] == [
        "epochs=9 lr=", "epochs=9 epochs=", "epochs=9 batch_size=", "epochs=9 seed=",
    ]  # fmt: skip
    assert len(complete(EXPERIMENT, "")) == len(set(complete(EXPERIMENT, "")))
    assert complete(EXPERIMENT, "augment=r")[0] == "augment=randaugment"
    assert complete(EXPERIMENT, "image_size=9 patch_size=") == [
        "image_size=9 patch_size=3",
        "image_size=9 patch_size=9",
    ]
    assert complete(EXPERIMENT, "model=bit_mini opt")[0] == "model=bit_mini options.stem="


# ---- on the screen


async def typed(pilot: AppPilot, text: str) -> None:
    pilot.app.screen.query_one(CompletingInput).value = text
    await settle(pilot)


def said(pilot: AppPilot) -> str:
    return str(pilot.app.screen.query_one("#variation-said").render())  # type: ignore[attr-defined]


async def test_o_queues_runs_with_changes(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("o")
        await typed(pilot, "batch_size=32 seeds=1,2 priority=5")
        assert said(pilot) == "enter queues 2 runs, seeds 1, 2, priority 5"
        await pilot.press("enter")
        await settle(pilot)
        assert pilot.app.screen is board(pilot)
        found = Store(project.runs).runs()
        assert sorted(run.info().seed for run in found) == [1, 2]
        assert {run.info().config["batch_size"] for run in found} == {32}
        assert [entry.priority for run in found if (entry := waiting_entry(run))] == [5, 5]
        assert "ViT-small is queued, 2 runs" in toasts(pilot)
        await pilot.press("o")
        await typed(pilot, "batch_size=32 seeds=1,2")
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Dialog)
        assert pilot.app.screen._title == "ViT-small has all 2 seeds already"


async def test_a_mistake_stands_under_the_prompt_and_nothing_is_queued(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("o")
        await typed(pilot, "patch_size=5")
        assert "do not divide an image of 16" in said(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, VariationScreen)
        await pilot.press("escape")
        assert Store(project.runs).runs() == []


async def test_a_key_without_its_value_is_no_mistake_yet(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("o", *"epochs=3 l")
        await until(pilot, lambda: said(pilot) == "l …")
        await pilot.press("r", "=")
        await until(pilot, lambda: said(pilot) == "lr= …")
        await pilot.press("enter")
        await until(pilot, lambda: "✗" in said(pilot))


async def test_tab_completes_a_key_and_its_value(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("o", *"pat", "tab")
        assert pilot.app.screen.query_one(CompletingInput).value == "patch_size="
        await pilot.press("8")
        await settle(pilot)
        assert said(pilot) == "enter queues a run, seed 0"


async def test_what_is_typed_stands_in_the_prompt(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("o", *"lr=0.5")
        await pilot.pause()
        lines = ["".join(segment.text for segment in strip) for strip in screen_strips(pilot.app.screen)]
        assert any("lr=0.5" in line and "queues" not in line for line in lines)


def test_a_batch_that_is_larger_than_the_data_is_said_while_typing() -> None:
    line = settings_line(vary(EXPERIMENT, "batch_size=99999999 val_fraction=0.1"))
    assert "; batch_size is more than the 1,295 training images: one step an epoch" in line
    assert ";" not in settings_line(vary(EXPERIMENT, "batch_size=64"))
