"""A run's configuration, labels and status together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from engine.runs.labels import Labels
from engine.runs.status import Status


class RunMetadata(NamedTuple):
    """A run's configuration and labels."""

    config: Mapping[str, Any] = {}
    labels: Labels = Labels()
    created: float = 0.0
    """When it was made, in seconds since the epoch."""


class RunSummary(NamedTuple):
    """A run's status, configuration and labels."""

    status: Status
    metadata: RunMetadata = RunMetadata()

    @property
    def config(self) -> Mapping[str, Any]:
        """Its configuration; empty where it is unknown."""
        return self.metadata.config

    @property
    def created(self) -> float:
        """When it was made, in seconds since the epoch."""
        return self.metadata.created


def summaries_of(runs: Iterable[Status], metadata: Mapping[str, RunMetadata]) -> list[RunSummary]:
    """Return runs with their configurations and labels.

    Args:
        runs: The statuses of the runs.
        metadata: Configurations and labels by run id; a run without an entry gets empty ones.
    """
    unknown = RunMetadata()
    return [RunSummary(run, metadata.get(run.run, unknown)) for run in runs]
