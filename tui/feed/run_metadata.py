"""What runs were made with and their tags and notes, read a few at a time: lists and filters need them of every run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from engine.runs.labels import labels_of
from engine.runs.metadata import About
from engine.runs.store import Run, StoreError

BUDGET_S = 0.05
"""Seconds that one look may spend: ten thousand runs are read in a second or two while the app goes on."""


class Abouts:
    """Keeps what run.json and labels.json say, and reads what may have changed."""

    def __init__(self) -> None:
        self.known: dict[str, About] = {}
        self._stale: dict[str, None] = {}
        self._configs: dict[bytes, Mapping[str, Any]] = {}
        """Configurations by their JSON: runs with equal settings share one object."""

    @property
    def pending(self) -> bool:
        """Whether there is more to read."""
        return bool(self._stale)

    def touch(self, run: str) -> None:
        """Have a run's metadata read again: its folder has changed."""
        self._stale[run] = None

    def keep(self, runs: Iterable[str]) -> None:
        """Forget all runs but these."""
        there = set(runs)
        self.known = {name: about for name, about in self.known.items() if name in there}
        self._stale = {name: None for name in self._stale if name in there}

    def read(self, runs: Mapping[str, Run]) -> set[str]:
        """Read changed folders, the newest first, for ``BUDGET_S``; return the runs whose metadata has changed."""
        changed, deadline = set(), time.monotonic() + BUDGET_S
        while self._stale and time.monotonic() < deadline:
            name, _ = self._stale.popitem()
            if (run := runs.get(name)) is None:
                continue
            about = self._read(run)
            if about != self.known.get(name):
                self.known[name] = about
                changed.add(name)
        return changed

    def _read(self, run: Run) -> About:
        try:
            info = run.info()
            config = self._configs.setdefault(msgspec.json.encode(info.config), info.config)
        except (StoreError, UnicodeEncodeError):
            return About({}, labels_of(run))
        return About(config, labels_of(run, info), info.created)
