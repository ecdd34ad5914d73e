"""A run's configuration, labels and status together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from engine.runs.labels import Labels
from engine.runs.status import Status


class About(NamedTuple):
    """A run's configuration and labels."""

    config: Mapping[str, Any] = {}
    labels: Labels = Labels()
    created: float = 0.0
    """When it was made, in seconds since the epoch."""


class Fact(NamedTuple):
    """A run's status, configuration and labels."""

    status: Status
    about: About = About()

    @property
    def config(self) -> Mapping[str, Any]:
        """Its configuration; empty where it is unknown."""
        return self.about.config

    @property
    def created(self) -> float:
        """When it was made, in seconds since the epoch."""
        return self.about.created


def facts_of(runs: Iterable[Status], about: Mapping[str, About]) -> list[Fact]:
    """Return runs with their configurations and labels.

    Args:
        runs: The statuses of the runs.
        about: Configurations and labels by run id; a run without an entry gets empty ones.
    """
    unknown = About()
    return [Fact(run, about.get(run.run, unknown)) for run in runs]
