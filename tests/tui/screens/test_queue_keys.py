"""Runs that wait are moved and held in the list of runs, as on the queue's own screen."""

from __future__ import annotations

import dataclasses

from engine.config.loader import load_config
from engine.queue.move_and_hold import waiting
from engine.runs.queue_entry import waiting_entry
from engine.runs.store import Store
from tests.conftest import queued
from tests.tui.conftest import Write
from tests.tui.pilot import AppPilot, board, opened, runs, toasts, until
from tui.screens.actions.queue_experiments import runs_unread
from tui.state.snapshot import Project
from tui.widgets.key_bar import KeyBar


def keys(pilot: AppPilot) -> set[str]:
    return {offer.words for offer in board(pilot).query_one(KeyBar).fitting_offers()}


async def test_runs_that_wait_are_moved_and_held_in_the_list(project: Project, write_run: Write) -> None:
    config = load_config(project.config)
    store = Store(project.runs)
    for name in ("ViT-small", "BiT-small"):
        queued(store, config.experiments[name], 0)
    done = write_run("one-token")
    hidden = queued(store, config.experiments["one-token"], 1)

    def order() -> list[str]:
        return [run.info().experiment for run in waiting(store)]

    async with opened(project, (160, 36)) as pilot:
        assert {"Earlier", "Later", "Hold, let go"} <= keys(pilot)
        await pilot.press("J")
        await until(pilot, lambda: order() == ["BiT-small", "ViT-small", "one-token"])
        await until(pilot, lambda: "is number 2 of 3 in the queue" in toasts(pilot))
        first = waiting(store)[0].id
        await until(pilot, lambda: board(pilot).snapshot.queue.waiting[0] == first)
        await pilot.press("down", "down", "K")
        assert runs(pilot).row.run == done.id
        await until(pilot, lambda: order() == ["BiT-small", "one-token", "ViT-small"])
        await pilot.press("H")
        await until(pilot, lambda: waiting_entry(hidden).on_hold)
        await until(pilot, lambda: board(pilot).snapshot.queue.entries[hidden.id].on_hold)
        await pilot.press("H")
        await until(pilot, lambda: not waiting_entry(hidden).on_hold)
        await pilot.press("u")
        await until(pilot, lambda: waiting_entry(hidden).on_hold)
        await pilot.press("u")
        await until(pilot, lambda: not waiting_entry(hidden).on_hold)
        await pilot.press("u")
        await until(pilot, lambda: "1 run moved in the queue: K and J move it; u again" in toasts(pilot))


async def test_what_does_not_wait_is_not_moved(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    async with opened(project, (160, 36)) as pilot:
        assert not {"Earlier", "Later", "Hold, let go"} & keys(pilot)
        await pilot.press("K", "H")
        await until(pilot, lambda: "Nothing to hold" in toasts(pilot))
        assert "Nothing to move" in toasts(pilot)


async def test_nothing_is_queued_before_what_has_run_is_read(project: Project, write_run: Write) -> None:
    done = write_run("ViT-small")
    async with opened(project) as pilot:
        read = board(pilot).snapshot
        assert not runs_unread(read, "ViT-small")
        partly = dataclasses.replace(read, metadata={}, loading=True)
        assert [runs_unread(partly, name) for name in ("ViT-small", "BiT-small")] == [True, False]
        assert not runs_unread(partly, "ViT-small", {done.id})
        board(pilot).snapshot = dataclasses.replace(read, runs=(), unread=True)
        board(pilot).action_run()
        assert "Not queued What has run is still being read" in toasts(pilot)
        assert len(Store(project.runs).runs()) == 1
