"""What runs were made with and their tags and notes, read a few at a time: lists and filters need them of every run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from engine.runs.labels import labels_of
from engine.runs.metadata import RunMetadata
from engine.runs.store import Run, StoreError

BUDGET_S = 0.05
"""Seconds that one look may spend: ten thousand runs are read in a second or two while the app goes on."""


class MetadataReader:
    """Keeps what run.json and labels.json say, and reads what may have changed."""

    def __init__(self) -> None:
        self.known: dict[str, RunMetadata] = {}
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
        self.known = {name: metadata for name, metadata in self.known.items() if name in there}
        self._stale = {name: None for name in self._stale if name in there}

    def read(self, runs: Mapping[str, Run]) -> set[str]:
        """Read changed folders, the newest first, for ``BUDGET_S``; return the runs whose metadata has changed."""
        changed, deadline = set(), time.monotonic() + BUDGET_S
        while self._stale and time.monotonic() < deadline:
            name, _ = self._stale.popitem()
            if (run := runs.get(name)) is None:
                continue
            metadata = self._read(run)
            if metadata != self.known.get(name):
                self.known[name] = metadata
                changed.add(name)
        return changed

    def _read(self, run: Run) -> RunMetadata:
        try:
            info = run.info()
            config = self._configs.setdefault(msgspec.json.encode(info.config), info.config)
        except (StoreError, UnicodeEncodeError):
            return RunMetadata({}, labels_of(run))
        return RunMetadata(config, labels_of(run, info), info.created)
