"""Processes that go on after the end of their run, as children do that left the group of a program which was killed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.diagnostics.findings import Finding
from engine.runs import run_lock
from engine.runs.liveness import status_of
from engine.runs.processes.membership import leftovers, listed, marks, names
from engine.runs.status import ENDED
from engine.runs.store import Run


def check_leftovers(runs: Sequence[Run]) -> Iterator[Finding]:
    """Does a process go on that was started for a run which has ended?"""
    marked = marks()  # one look at all processes for all runs
    for run in runs:
        if not any(names(variables, run) for variables in marked) or run_lock.is_held(run):
            continue
        if status_of(run).state in ENDED and (left := leftovers(run)):
            text = f"its {listed(left)} {'goes' if len(left) == 1 else 'go'} on"
            yield Finding(run.id, "leftovers", text, f"`engine stop --force {run.id}` ends what it left")
