"""Which runs count for an experiment: one rule for lists, charts, comparisons, figures, tables, reports and reruns.

Runs that were made with the same settings are a group, and the runs of one group alone count: never two together.
Which group that is:

1. that of the experiment as it stands in experiments.toml, once a run of it has finished, or lives and was tested;
2. else that of the most finished seeds. As many epochs as the experiment has now come before fewer, so that no short
   trial stands for an experiment that was trained in full. Of as many seeds that of the most epochs counts, then the
   one that differs from the experiment in the fewest keys, then the newest;
3. else, where nothing has finished, the same of the runs that were tested: the experiment's own first.

Runs that were imported count only while none that was trained here was tested.

Of the group the newest finished run of each seed counts. A curve of an unfinished run would end before the others and
bend their mean, so unfinished ones count only while none of the group has finished: of each seed the newest tested.

The newest run is the one that was created last, by ``created`` of run.json and then by its id. A run that was made
before another and resumed after it is no newer. Pure, but for ``read_candidates``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from engine.config.schema import IMPORTED, Experiment, settings
from engine.runs.liveness import status_of
from engine.runs.status import LIVE, Status, never_began
from engine.runs.store import Run, RunInfo, Store, StoreError

MOST_CACHED = 50_000
"""How many configurations have their settings cached."""


class RunFacts(Protocol):
    """The properties of a run that the rule needs."""

    @property
    def status(self) -> Status:
        """How far it has come."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The configuration in run.json; empty where it is unknown."""

    @property
    def created(self) -> float:
        """When it was made, in seconds since the epoch."""


R = TypeVar("R", bound=RunFacts)


@dataclass(frozen=True)
class Candidate:
    """A run with the content of its run.json and its status."""

    run: Run
    info: RunInfo
    status: Status

    @property
    def config(self) -> Mapping[str, Any]:
        """The configuration in run.json."""
        return self.info.config

    @property
    def created(self) -> float:
        """When it was made, in seconds since the epoch."""
        return self.info.created


@dataclass(frozen=True)
class Choice(Generic[R]):
    """The runs that count for an experiment, and what becomes of its others."""

    runs: tuple[R, ...] = ()
    """One for each seed, in order of the seeds, all of one group; either all of them have finished or none."""
    older: tuple[R, ...] = ()
    """Finished runs of the group with a seed that a newer one counts for."""
    lost: tuple[R, ...] = ()
    """The newest run of each seed of the group that has no run that counts and whose newest failed or crashed."""
    left_out: tuple[R, ...] = ()
    """The newest run of each other seed of the group: it waits, runs, or was stopped."""
    other_settings: tuple[tuple[R, ...], ...] = ()
    """The runs of each other group that live or have finished; groups without such runs are left out."""
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    """Keys in which the runs differ from the experiment as it stands: ``(of the runs, of the experiment)``."""

    @property
    def finished(self) -> bool:
        """Whether the runs that count have finished."""
        return all(run.status.state == "finished" for run in self.runs)

    @property
    def live(self) -> tuple[R, ...]:
        """The newest run of each seed that lives, and does not count or has not finished."""
        return tuple(run for run in (*self.runs, *self.left_out) if run.status.state in LIVE)

    @property
    def representatives(self) -> tuple[R, ...]:
        """The runs that count; before any does, those that still may, else those that have failed."""
        return self.runs or self.left_out or self.lost

    @property
    def seeds(self) -> int:
        """The number of seeds of the group."""
        return len(self.runs) + len(self.lost) + len(self.left_out)


def read_candidates(store: Store) -> tuple[list[Candidate], list[str]]:
    """Return every usable run of a store, and a sentence on each other one."""
    candidates, troubles = [], []
    for run in store.runs():
        try:
            candidates.append(Candidate(run, run.info(), status_of(run)))
        except StoreError as error:
            troubles.append(str(error))
    return candidates, troubles


def choose(experiment: Experiment, candidates: Iterable[Candidate], metric: str) -> Choice[Candidate]:
    """Return the runs that count for an experiment.

    Args:
        experiment: As it stands in experiments.toml.
        candidates: The runs of all experiments, in any order.
        metric: What a run has to have measured to count.
    """
    own = (candidate for candidate in candidates if candidate.info.experiment == experiment.name)
    return runs_that_count(own, experiment, metric)


def runs_that_count(
    runs: Iterable[R], experiment: Experiment | None = None, metric: str | None = None
) -> Choice[R]:
    """Return the runs that count for an experiment, by the rule of this module.

    Args:
        runs: All runs of the experiment, in any order.
        experiment: As it stands in experiments.toml; None where it is no longer there.
        metric: What a run has to have measured to count; None for any test metric, and for all that have finished.
    """
    begun = [run for run in runs if run.config and not never_began(run.status)]
    if not begun:
        return Choice()
    groups = [_Group(made, members, metric) for made, members in by_settings(sorted(begun, key=age))]
    current = settings_of(experiment) if experiment is not None else None
    group = max(groups, key=lambda group: group.rank(current)) if len(groups) > 1 else groups[0]
    chosen = {run.status.seed: run for run in group.finished or group.tested}
    newest = {run.status.seed: run for run in group.runs}
    uncounted_seeds = sorted(newest.keys() - chosen.keys())
    others = [run for seed in uncounted_seeds if (run := newest[seed]).status.state != "finished"]
    return Choice(
        runs=tuple(chosen[seed] for seed in sorted(chosen)),
        older=tuple(run for run in group.finished if chosen[run.status.seed] is not run),
        lost=tuple(run for run in others if run.status.state in ("failed", "crashed")),
        left_out=tuple(run for run in others if run.status.state not in ("failed", "crashed")),
        other_settings=tuple(other.results for other in groups if other is not group and other.results),
        changes=_changes(group.made, current) if current is not None and chosen else {},
    )


@dataclass
class _Group(Generic[R]):
    """Runs of one experiment that were made with the same settings, the oldest first."""

    made: Mapping[str, Any]
    runs: Sequence[R]
    metric: str | None

    @cached_property
    def tested(self) -> list[R]:
        return [run for run in self.runs if _is_tested(run.status, self.metric)]

    @cached_property
    def finished(self) -> list[R]:
        return [run for run in self.tested if run.status.state == "finished"]

    @property
    def results(self) -> tuple[R, ...]:
        """The runs that have finished or still may."""
        return tuple(run for run in self.runs if run.status.state == "finished" or run.status.state in LIVE)

    def rank(self, current: Mapping[str, Any] | None) -> tuple[Any, ...]:
        """Return the sort key of the group; the group with the greatest one counts."""
        is_own = self.made == current
        best = self.finished or self.tested or self.runs
        epochs = self.made["epochs"] if isinstance(self.made["epochs"], int) else 0
        return (
            bool(self.tested) and self.made["model"] != IMPORTED,
            self._stage(is_own=is_own),
            is_own,
            current is None or epochs >= current["epochs"],
            len({run.status.seed for run in best}),
            epochs,
            -len(_changes(self.made, current)) if current is not None else 0,
            age(best[-1]),
        )

    def _stage(self, *, is_own: bool) -> int:
        if self.finished:
            return 5 if is_own else 3
        if self.tested:
            return 4 if is_own and any(run.status.state in LIVE for run in self.tested) else 2
        return int(any(run.status.state in LIVE for run in self.runs))


def uncounted(choice: Choice[Any]) -> list[str]:
    """Return phrases on the older runs of a seed and the seeds that failed, which are not counted."""
    phrases = []
    if older := len(choice.older):
        phrases.append(f"{older} older run{'s' * (older > 1)} of the same seed not counted")
    if lost := len(choice.lost):
        which = f"{lost} of {choice.seeds} seed{'s' * (choice.seeds > 1)}"
        phrases.append(f"{which} failed and {'are' if lost > 1 else 'is'} not counted")
    return phrases


class Curve(NamedTuple):
    """Runs that are drawn as one curve."""

    experiment: str
    runs: tuple[str, ...]
    """By id, the oldest first."""


def curves_of(runs: Iterable[R], chosen: Collection[str]) -> list[Curve]:
    """Return the curves that chosen runs are part of where seeds are drawn as their mean.

    A curve holds the runs that count among those with the same settings, and the live runs of other seeds. A chosen
    run outside of these, such as an older one of a seed that counts, is a curve of its own.

    Args:
        runs: All runs of the experiments of the chosen ones; others are passed over.
        chosen: The ids of runs.
    """
    by_experiment: dict[str, list[R]] = {}
    for run in runs:
        by_experiment.setdefault(run.status.experiment, []).append(run)
    curves = []
    for experiment, members in by_experiment.items():
        chosen_members = [run for run in members if run.status.run in chosen]
        alone = {run.status.run for run in chosen_members}
        for _, alike in by_settings(members) if chosen_members else ():
            if not any(run.status.run in alone for run in alike):
                continue
            choice = runs_that_count(alike)
            drawn = {run.status.run: run for run in (*choice.runs, *choice.live)}
            if drawn:
                names = tuple(run.status.run for run in sorted(drawn.values(), key=age))
                curves.append(Curve(experiment, names))
                alone -= drawn.keys()
        curves += [Curve(experiment, (run.status.run,)) for run in chosen_members if run.status.run in alone]
    return curves


def by_settings(runs: Iterable[R]) -> list[tuple[Mapping[str, Any], list[R]]]:
    """Return runs grouped by their settings, in their order; runs with an unknown configuration are left out."""
    of_config: dict[int, list[R]] = {}
    groups: dict[Any, tuple[Mapping[str, Any], list[R]]] = {}
    for run in runs:
        if not (config := run.config):
            continue
        members = of_config.get(id(config))
        if members is None:
            cached = _settings_of(config)
            members = of_config[id(config)] = groups.setdefault(cached.key, (cached.settings, []))[1]
        members.append(run)
    return list(groups.values())


def is_made_alike(one: RunFacts, other: RunFacts) -> bool:
    """Return whether two runs have known and equal settings."""
    if not one.config or not other.config:
        return False
    return one.config is other.config or settings_of(one.config) == settings_of(other.config)


def age(run: RunFacts) -> tuple[float, str]:
    """Return the sort key of runs, the oldest first: when they were created, and their id."""
    return run.created, run.status.run


class _CachedSettings(NamedTuple):
    config: Mapping[str, Any] | Experiment
    """Kept, and so is its id."""
    settings: dict[str, Any]
    key: Any
    """The settings as something that can be hashed."""


_cache: dict[int, _CachedSettings] = {}
"""Settings by the id of the configuration that they are of: runs that were made with the same share the object."""


def settings_of(config: Mapping[str, Any] | Experiment) -> dict[str, Any]:
    """Return the settings of a configuration that affect learning, as ``settings`` does, cached for each object."""
    return _settings_of(config).settings


def _settings_of(config: Mapping[str, Any] | Experiment) -> _CachedSettings:
    cached = _cache.get(id(config))
    if cached is None:
        if len(_cache) >= MOST_CACHED:
            _cache.clear()
        of_config = settings(msgspec.structs.asdict(config) if isinstance(config, Experiment) else config)
        cached = _cache[id(config)] = _CachedSettings(config, of_config, _hashable(of_config))
    return cached


def _hashable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return frozenset((key, _hashable(item)) for key, item in value.items())
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value


def _is_tested(status: Status, metric: str | None) -> bool:
    if metric is not None:
        return metric in status.last
    return status.state == "finished" or any(name.startswith("test/") for name in status.last)


def _changes(made: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    if made["model"] == IMPORTED != current["model"]:  # how it was trained nobody says
        return {"model": (IMPORTED, current["model"])}
    return {key: (made[key], current[key]) for key in current if made[key] != current[key]}
