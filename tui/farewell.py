"""The sentence that is left in the terminal when the app is quit: which runs go on without it."""

from __future__ import annotations

from collections.abc import Iterable

from engine.runs.status import LIVE, Status


def farewell(runs: Iterable[Status]) -> str:
    """Return which of some runs go on, and how to see them again; nothing where none does."""
    live = [status.experiment for status in runs if status.state in LIVE]
    if not live:
        return ""
    goes_on, them = ("goes on", "it") if len(live) == 1 else ("go on", "them")
    return f"{', '.join(live)} {goes_on}; `vitui` shows {them} again."
