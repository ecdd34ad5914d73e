"""Opening the app on a project and waiting until it has done what was asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

from textual.pilot import Pilot

from tests.tui.textual_private import is_leaving, painting_at_rest
from tui.app import VituiApp
from tui.feed.feed import Feed
from tui.screens.dashboard.screen import Dashboard
from tui.state.snapshot import Project
from tui.widgets.runs.run_list import RunList

AppPilot = Pilot[str]

LOOKS: WeakKeyDictionary[Feed, int] = WeakKeyDictionary()
"""How often each feed has looked at its project; a fixture counts."""


@asynccontextmanager
async def opened(
    project: Project, size: tuple[int, int] = (120, 36), **settings: Any
) -> AsyncIterator[AppPilot]:
    with painting_at_rest():
        async with VituiApp(project, **settings).run_test(size=size) as pilot:
            await settle(pilot)
            yield pilot
            if not is_leaving(pilot.app):
                await pilot.pause()


async def settle(pilot: AppPilot) -> None:
    """Wait until what was asked for is done, and the screen shows what the feed has found since."""
    await pilot.pause()
    if actions := [worker for worker in pilot.app.workers if worker.group == "actions"]:
        await pilot.app.workers.wait_for_complete(actions)
        await pilot.pause()
    feed = board(pilot).app.feed  # type: ignore[attr-defined]
    seen = LOOKS.get(feed, 0)
    await until(
        pilot, lambda: LOOKS.get(feed, 0) >= seen + 2 and is_still(board(pilot))
    )  # one look may be under way


def is_still(shown: Dashboard) -> bool:
    snapshot = shown.snapshot
    return snapshot.watch == shown._watch() and not snapshot.loading


async def until(pilot: AppPilot, true: Callable[[], bool]) -> None:
    """Wait until something is true, and the screen has shown it; the feed looks without a rest meanwhile."""
    deadline = time.monotonic() + 20
    feed = board(pilot).app.feed  # type: ignore[attr-defined]
    while not true():
        assert time.monotonic() < deadline
        feed._wake.set()
        await asyncio.sleep(0.005)
    await pilot.pause()


def board(pilot: AppPilot) -> Dashboard:
    app = pilot.app
    assert isinstance(app, VituiApp)
    return app.dashboard


def runs(pilot: AppPilot) -> RunList:
    return board(pilot).query_one(RunList)


def toasts(pilot: AppPilot) -> str:
    """Return all that was said in the row for messages, the oldest first."""
    app = pilot.app
    assert isinstance(app, VituiApp)
    return "\n".join(f"{each.title} {each.text}" for each in app.message_log.said)
