"""Which runs speak for an experiment: the newest of each seed, all of one configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.config.schema import IMPORTED, Experiment
from engine.runs.status import Status, status_of
from engine.runs.store import Run, RunInfo, Store, StoreError

BESIDE = frozenset(
    {"name", "seed", "seeds", "tags", "notes", "log_every", "evaluate_every", "gpus", "retries"}
)
"""Keys of an experiment that change nothing about what it learns; runs that differ in them alone are repeats."""


@dataclass(frozen=True)
class Candidate:
    """A run, what it was made for, and how far it has come."""

    run: Run
    info: RunInfo
    status: Status


@dataclass(frozen=True)
class Choice:
    """The runs that speak for an experiment."""

    runs: tuple[Candidate, ...] = ()
    """One for each seed, in order of the seeds; either all of them have finished or none."""
    left_out: tuple[Candidate, ...] = ()
    """The newest run of each other seed: it has not finished, and others have."""
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    """Keys in which the runs differ from the experiment as it stands: ``(of the runs, of the experiment)``."""

    @property
    def finished(self) -> bool:
        """Whether the chosen runs have finished."""
        return all(chosen.status.state == "finished" for chosen in self.runs)


def read_candidates(store: Store) -> tuple[list[Candidate], list[str]]:
    """Return every run of a store, and a sentence on each that cannot be used."""
    candidates, troubles = [], []
    for run in store.runs():
        try:
            candidates.append(Candidate(run, run.info(), status_of(run)))
        except StoreError as error:
            troubles.append(str(error))
    return candidates, troubles


def choose(experiment: Experiment, candidates: Iterable[Candidate], metric: str) -> Choice:
    """Return the runs that speak for an experiment on a metric.

    Only runs that measured the metric count, and only runs of one configuration: the experiment's own or, where it
    has no such run, that of the newest run there is (of the finished ones, if any). Of each seed the newest finished
    run counts. A curve of an unfinished run would end before the others and bend their mean, so unfinished runs
    count only while none has finished. Runs that were imported count only while there is no other.
    """
    measured = [
        candidate
        for candidate in candidates
        if candidate.info.experiment == experiment.name and metric in candidate.status.last
    ]
    measured = [each for each in measured if each.info.imported is None] or measured
    measured.sort(key=lambda candidate: (candidate.info.created, candidate.run.id))
    wanted = settings(msgspec.structs.asdict(experiment))
    if not any(settings(candidate.info.config) == wanted for candidate in measured):
        if not measured:
            return Choice()
        wanted = settings((_finished(measured) or measured)[-1].info.config)
    group = [candidate for candidate in measured if settings(candidate.info.config) == wanted]
    changes = _changes(wanted, settings(msgspec.structs.asdict(experiment)))
    if any(candidate.info.imported for candidate in group):  # how they were trained nobody says
        changes = {"model": (IMPORTED, experiment.model)}
    newest = {candidate.info.seed: candidate for candidate in group}
    chosen = {candidate.info.seed: candidate for candidate in _finished(group) or group}
    return Choice(
        runs=tuple(chosen[seed] for seed in sorted(chosen)),
        left_out=tuple(newest[seed] for seed in sorted(newest.keys() - chosen.keys())),
        changes=changes,
    )


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a configuration says about learning; a key that it does not have yet has its default.

    Of a run that was imported nobody knows it: all but the model is None.
    """
    if config.get("model") == IMPORTED:
        return dict.fromkeys(key for key in _DEFAULTS if key not in BESIDE) | {"model": IMPORTED}
    return {
        key: msgspec.to_builtins(config.get(key, default))
        for key, default in _DEFAULTS.items()
        if key not in BESIDE
    }


def _finished(candidates: Iterable[Candidate]) -> list[Candidate]:
    return [candidate for candidate in candidates if candidate.status.state == "finished"]


def _changes(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {key: (found[key], wanted[key]) for key in wanted if found[key] != wanted[key]}


def _default(of: msgspec.structs.FieldInfo) -> Any:
    if of.default_factory is not msgspec.NODEFAULT:
        return of.default_factory()
    return None if of.required else of.default


_DEFAULTS = {each.name: _default(each) for each in msgspec.structs.fields(Experiment)}
