"""The baseline: whatever pins or unpins it says which run it is and what ends that."""

from __future__ import annotations

from tests.tui.conftest import Write
from tests.tui.pilot import board, opened, settle, toasts
from tui.keymap.bindings import page_of_keys
from tui.screens.comparison import CompareScreen
from tui.state.snapshot import Project
from tui.widgets.message_row import MessageRow


def last(text: str) -> str:
    return text.splitlines()[-1].strip()


async def test_pinning_and_unpinning_say_so(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    write_run("BiT-small")
    async with opened(project) as pilot:
        await pilot.press("p")
        assert last(toasts(pilot)) == "⚑ ViT-small s0 is the baseline: pinned until p on its row"
        await pilot.press("p")
        assert last(toasts(pilot)) == "ViT-small s0 is no longer pinned as the baseline"
        assert board(pilot).state.pinned is None
        await pilot.press("space", "down", "space", "c")
        await settle(pilot)
        comparison = pilot.app.screen
        assert isinstance(comparison, CompareScreen)
        await pilot.press("p")
        pinned = board(pilot).state.pinned
        name = board(pilot).snapshot.by_id[pinned or ""].experiment
        assert last(toasts(pilot)) == f"⚑ {name} s0 is the baseline: pinned until p on its row"
        assert comparison.query_one(MessageRow).said is not None  # there, not only under it


async def test_a_row_of_seeds_is_pinned_as_what_a_comparison_calls_it(
    project: Project, write_run: Write
) -> None:
    write_run("ViT-small", seed=0)
    write_run("ViT-small", seed=1)
    async with opened(project) as pilot:
        await pilot.press("p")
        assert last(toasts(pilot)) == "⚑ ViT-small ×2 is the baseline: pinned until p on its row"
        await pilot.press("p", "l", "down", "p")
        assert last(toasts(pilot)).startswith("⚑ ViT-small s1 ")


def test_the_page_of_keys_has_the_sign_and_what_unpins() -> None:
    (words,) = (words for keys, words in page_of_keys()["Runs"] if keys == "p")
    assert "⚑" in words
    assert "unpins" in words
