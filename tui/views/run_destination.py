"""Where the next run of an experiment goes: to the site that its newest run was sent to, else here. Pure."""

from __future__ import annotations

from engine.runs.status import Status
from engine.text import clean, shorten
from tui.state.snapshot import Snapshot

HERE = "here"
"""What the queue of this folder is called where a site could stand."""
MOST = 20
"""Cells of a site's name beside a key."""


def newest_run(snapshot: Snapshot, experiment: str) -> Status | None:
    """Return the newest run of an experiment; None before the first."""
    return next((status for status in reversed(snapshot.runs) if status.experiment == experiment), None)


def usual_place(snapshot: Snapshot, experiment: str) -> str:
    """Return where a run of an experiment goes by itself: ``here`` or the name of a site."""
    newest = newest_run(snapshot, experiment)
    return newest.on if newest is not None and newest.on else HERE


def wording(snapshot: Snapshot, experiment: str) -> dict[str, str]:
    """Return what keys are said to do, by the names of their actions, where that is more than what they always say."""
    newest = newest_run(snapshot, experiment) if experiment else None
    if newest is None or not newest.on:
        return {}
    return {"run": f"Run on {shorten(clean(newest.on), MOST)}"}
