"""Opening the app on a project and waiting until it has done what was asked."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from tui.app import VituiApp
from tui.screens.dashboard import Dashboard
from tui.snapshot import Project

AppPilot = Pilot[str]


@asynccontextmanager
async def opened(
    project: Project, size: tuple[int, int] = (120, 36), **settings: Any
) -> AsyncIterator[AppPilot]:
    async with VituiApp(project, **settings).run_test(size=size) as pilot:
        await settle(pilot)
        yield pilot


async def settle(pilot: AppPilot) -> None:
    """Wait until what was asked for is done, and the screen shows what it looks at."""
    await pilot.pause()
    if actions := [worker for worker in pilot.app.workers if worker.group == "actions"]:
        await pilot.app.workers.wait_for_complete(actions)
    await pilot.pause()
    deadline = time.monotonic() + 20
    while not is_still(board(pilot)):
        assert time.monotonic() < deadline
        await pilot.pause(0.05)
    await pilot.pause()


def is_still(shown: Dashboard) -> bool:
    snapshot = shown.snapshot
    return snapshot.config is not None and snapshot.watch == shown._watch() and not snapshot.loading


async def until(pilot: AppPilot, true: Any) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        await pilot.pause(0.05)


def board(pilot: AppPilot) -> Dashboard:
    app = pilot.app
    assert isinstance(app, VituiApp)
    return app.dashboard


def toasts(pilot: AppPilot) -> str:
    return "\n".join(f"{note.title} {note.message}" for note in pilot.app._notifications)
