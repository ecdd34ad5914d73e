"""What r queues: seeds that are missing, or all again, and what is queued_message of those that are there."""

from __future__ import annotations

import msgspec
import pytest
from textual.widgets import Static

from engine.config.loader import load_config
from engine.config.schema import Experiment
from engine.queue.submit import seeds_present, seeds_to_queue
from engine.runs.metadata import RunMetadata
from engine.runs.status import Status
from engine.runs.store import Store
from tests.tui.conftest import EXPERIMENTS, Write
from tests.tui.pilot import board, opened, toasts, until
from tui.screens.dialogs import Dialog
from tui.state.snapshot import Project
from tui.views.queued_message import queued_message


def experiment(*seeds: int) -> Experiment:
    return Experiment(name="e", model="vit_mini", seeds=list(seeds))


def there(*runs: tuple[int, str], made: Experiment | None = None) -> dict[int, Status]:
    statuses = [
        Status(run=f"r{i}", experiment="e", seed=seed, state=state, last={"test/f1": 0.9 + i / 100})  # type: ignore[arg-type]
        for i, (seed, state) in enumerate(runs)
    ]
    config = msgspec.structs.asdict(made or experiment(0, 1, 2))
    return seeds_present(
        experiment(0, 1, 2), statuses, {status.run: RunMetadata(config | {"seed": 7}) for status in statuses}
    )


@pytest.mark.parametrize(
    ("runs", "queued", "words"),
    [
        ([], [0, 1, 2], "e is queued, 3 runs"),
        ([(0, "failed"), (5, "finished")], [0, 1, 2], "e is queued, 3 runs"),
        ([(0, "finished"), (1, "finished")], [2],
         "e is queued with seed 2; it has finished with seeds 0 and 1 (F1 .900, .910) already"),
        ([(0, "finished"), (1, "running"), (2, "stopped")], [2],
         "e is queued with seed 2; it has finished with seed 0 (F1 .900) and runs with seed 1 already"),
        ([(1, "queued")], [0, 2], "e is queued with seeds 0 and 2; it waits with seed 1 already"),
        ([(0, "finished"), (1, "finished"), (2, "finished")], [0, 1, 2],
         "e has finished with seeds 0, 1 and 2 (F1 .900, .910, .920) already; queued again, 3 runs"),
    ],
)  # fmt: skip
def test_seeds_that_are_missing_are_queued_else_all_again(
    runs: list[tuple[int, str]], queued: list[int], words: str
) -> None:
    found = there(*runs)
    assert seeds_to_queue(experiment(0, 1, 2), found) == queued
    assert queued_message(experiment(0, 1, 2), found, queued, [f"run{seed}" for seed in queued]) == words


def test_what_was_made_with_other_settings_is_not_the_same() -> None:
    other = msgspec.structs.replace(experiment(0, 1, 2), lr=0.5)
    assert there((0, "finished"), made=other) == {}
    repeat = msgspec.structs.replace(experiment(0, 1, 2), notes="again", tags=["x"])
    assert list(there((0, "finished"), made=repeat)) == [0]


async def test_no_seed_is_queued_twice_by_accident(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    store = Store(project.runs)
    async with opened(project, (120, 36)) as pilot:
        await pilot.press("down", "r", "r")  # the second press is quicker than any snapshot
        dialog = pilot.app.screen
        assert isinstance(dialog, Dialog)
        words = "\n".join(str(line.content) for line in dialog.query(Static))
        assert "BiT-small waits with seed 0 already." in words
        assert "enter  queue the next seed (1)" in words
        await pilot.press("enter", "r", "enter")
        await until(
            pilot,
            lambda: (
                {(run.info().experiment, run.info().seed) for run in store.runs()}
                == {("ViT-small", 0), *(("BiT-small", seed) for seed in range(3))}
            ),
        )
        assert "BiT-small is queued with seed 1; it waits with seed 0 already" in toasts(pilot)


async def test_what_has_finished_is_queued_again_on_request(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project, (120, 36)) as pilot:
        await pilot.press("r", "escape", "r", "n")
        await until(pilot, lambda: len(Store(project.runs).runs()) == 2)
        words = "ViT-small has finished with seed 0 (F1 .884) already; queued again as ViT-small s0"
        await until(pilot, lambda: words in toasts(pilot))


async def test_only_the_seeds_that_are_missing_are_queued(project: Project, write_run: Write) -> None:
    text = EXPERIMENTS.replace('tags = ["vit"]', "seeds = [0, 1]")
    project.config.write_text(text)
    write_run("ViT-small", seed=1)
    async with opened(project, (120, 36)) as pilot:
        await until(pilot, lambda: bool(board(pilot).snapshot.metadata))
        await pilot.press("r")
        await until(pilot, lambda: "ViT-small is queued with seed 0; it has finished" in toasts(pilot))
    assert load_config(project.config).experiments["ViT-small"].run_seeds == [0, 1]
    assert sorted(run.info().seed for run in Store(project.runs).runs()) == [0, 1]
