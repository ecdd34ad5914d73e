"""What a run was made with, what people say of it, and how far it has come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from engine.runs.labels import Labels
from engine.runs.status import Status


class About(NamedTuple):
    """What a run was made with, and what people say of it."""

    config: Mapping[str, Any] = {}
    labels: Labels = Labels()
    created: float = 0.0
    """When it was made, in seconds since the epoch."""


class Fact(NamedTuple):
    """How a run goes, and what it was made with."""

    status: Status
    about: About = About()

    @property
    def config(self) -> Mapping[str, Any]:
        """What it was made with; empty where that is not known."""
        return self.about.config

    @property
    def created(self) -> float:
        """When it was made, in seconds since the epoch."""
        return self.about.created


def facts_of(runs: Iterable[Status], about: Mapping[str, About]) -> list[Fact]:
    """Return runs with what they were made with, as far as that is known."""
    unknown = About()
    return [Fact(run, about.get(run.run, unknown)) for run in runs]
