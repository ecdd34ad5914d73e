"""What a check says: a problem, where it is, and its cure; and what a check of one run is given."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.runs.status import LIVE, Status
from engine.runs.store import Run

Remedy = Literal["", "rebuild", "clean", "throw", "close"]
"""How a finding is repaired: not at all, status.json made anew, events.jsonl without what is no event, a file moved to
the trash, permissions taken from others."""

FILES = (
    "lock", "run.json", "events.jsonl", "status.json", "queued.json", "labels.json", "control", "console.log",
    "console.log.1", "predictions.npy", "predictions.json", "posted.json",
)  # fmt: skip
"""The lock is first: with another in its place nothing can be repaired."""


@dataclass(frozen=True)
class Finding:
    """A problem and its cure; the texts may hold any characters of a file."""

    where: str
    """The id of a run, or the name of what else it is about."""
    kind: str
    text: str
    cure: str = ""
    remedy: Remedy = ""
    path: Path | None = None
    """What the remedy is applied to."""


@dataclass(frozen=True)
class Case:
    """A run and what is known of it before anything is checked."""

    run: Run
    status: Status
    held: bool
    """Whether a process that lives has its lock."""
    runs: Collection[str] = ()
    """The ids of all runs."""

    @property
    def lives(self) -> bool:
        """Whether a process may be writing into its folder."""
        return self.held or self.status.state in LIVE

    def finding(
        self, kind: str, text: str, cure: str = "", remedy: Remedy = "", path: Path | None = None
    ) -> Finding:
        """Return a finding on this run.

        Args:
            kind: The check, in a word.
            text: What is not well.
            cure: What the user can do about it; empty where nothing needs to be done.
            remedy: How ``--fix`` repairs it; empty where it does not.
            path: What the remedy is applied to.
        """
        return Finding(self.run.id, kind, text, cure, remedy, path)
