"""What is said of the run in focus: how it was made, what it runs on, and what it printed last."""

from __future__ import annotations

import msgspec

from engine.history.reader import History
from engine.runs.labels import Labels
from engine.runs.posted.whereabouts import whereabouts_of
from engine.runs.store import Run, StoreError
from engine.text import clean
from tui.feed.console_tail import console_lines
from tui.state.snapshot import RunDetail


def detail_of(run: Run, history: History | None, labels: Labels, *, then: bool = False) -> RunDetail:
    """Return what is said of a run.

    Args:
        run: Which.
        history: Its events as far as they are read.
        labels: What people say of it.
        then: Whether it is as the events that are read leave it, and nothing that was said later counts.
    """
    try:
        info = run.info()
    except StoreError as error:
        return RunDetail(run.id, {}, {}, (clean(str(error)),))
    start = history.starts[-1] if history and history.starts else None
    return RunDetail(
        run=run.id,
        config=start.config if start and start.config else info.config,
        facts=msgspec.to_builtins(start) if start else {},
        console=console_lines(run, (history.offset if history else 0) if then else None),
        commit=info.commit(),
        labels=labels,
        whereabouts=None if then else whereabouts_of(run),
    )
