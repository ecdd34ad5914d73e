"""Which runs stand for an experiment: the newest of each seed, as far as they were made with the same. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from engine.states import LIVE, RESUMABLE, Status
from tui.snapshot import About

MOST_KNOWN = 50_000
"""How many configurations are kept as their settings."""

_known: dict[int, tuple[Mapping[str, Any], dict[str, Any]]] = {}
"""Settings by the configuration that they are of: runs that were made with the same share the object."""


def settings_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a configuration says about learning, as ``engine.selection.settings``; made once for each object."""
    known = _known.get(id(config))
    if known is None:
        from engine.selection import settings

        if len(_known) >= MOST_KNOWN:
            _known.clear()
        known = _known[id(config)] = config, settings(config)  # the object is kept, and so is its id
    return known[1]


def current(runs: Iterable[Status]) -> Status | None:
    """Return the run that stands for an experiment: one that lives, else the newest that finished, else the newest.

    One that was stopped or failed part-way has no result that could stand beside those of others, however new it is.
    """
    runs = list(runs)
    live = [run for run in runs if run.state in LIVE]
    finished = [run for run in runs if run.state == "finished"]
    return next(iter(live[-1:] or finished[-1:]), None) or newest(runs)


def newest(runs: Iterable[Status]) -> Status | None:
    """Return a run that lives, else the newest that has begun, else the newest."""
    runs = list(runs)
    live = [run for run in runs if run.state in LIVE]
    begun = [run for run in runs if not waits_or_never_began(run)]
    return next(iter(live[-1:] or begun[-1:] or runs[-1:]), None)


def waits_or_never_began(run: Status) -> bool:
    """Return whether a run is in the queue, or was taken out of it: what others have measured says more."""
    return run.state == "queued" or (run.state == "stopped" and not run.last and not run.started)


def fold(runs: Sequence[Status], about: Mapping[str, About]) -> list[Status]:
    """Return the runs that an experiment's row stands for: the current one, then the newest of each other seed.

    Others count as far as they live or have finished, and were made with the same settings. One that has ended
    otherwise stands for itself alone: its row says why.
    """
    if len(runs) < 2:
        return list(runs)
    newest = current(runs)
    if newest is None:
        return []
    said = about.get(newest.run)
    if said is None or not _counts(newest):
        return [newest]
    made = settings_of(said.config)
    of_seed = {}
    for status in runs:
        other = about.get(status.run)
        if other is None or not _counts(status):
            continue
        if other.config is said.config or settings_of(other.config) == made:
            of_seed[status.seed] = status
    of_seed.pop(newest.seed, None)
    return [newest, *of_seed.values()]


def unfinished(
    runs: Sequence[Status], shown: Status | None, about: Mapping[str, About]
) -> tuple[Status, ...]:
    """Return what was stopped or failed behind a result, the newest of each seed, the newest first.

    It says something of the result where it is newer, or made with the same; not where its seed has a newer result.
    """
    if shown is None or not _counts(shown):
        return ()
    newer, seen, found = True, set(), []
    for run in reversed(runs):
        newer = newer and run is not shown
        if _counts(run):
            seen.add(run.seed)
        elif run.seed in seen or run.state not in RESUMABLE or waits_or_never_began(run):
            continue
        elif newer or _made_alike(run, shown, about):
            found.append(run)
            seen.add(run.seed)
    return tuple(found)


def _made_alike(a: Status, b: Status, about: Mapping[str, About]) -> bool:
    one, other = about.get(a.run), about.get(b.run)
    if one is None or other is None:
        return False
    return one.config is other.config or settings_of(one.config) == settings_of(other.config)


def _counts(status: Status) -> bool:
    return status.state == "finished" or status.state in LIVE


def siblings(runs: Iterable[Status], chosen: Collection[str]) -> set[str]:
    """Return the newest run of each seed, of the experiments that the chosen runs are of."""
    runs = list(runs)
    experiments = {status.experiment for status in runs if status.run in chosen}
    of_seed = {
        (status.experiment, status.seed): status.run
        for status in runs
        if status.experiment in experiments and _counts(status)
    }
    return set(of_seed.values())


def told_apart(runs: Sequence[Status], about: Mapping[str, About], most: int = 3) -> dict[str, str]:
    """Return what tells runs of an experiment apart that were not made with the same: ``lr=0.002 epochs=4``."""
    configs = {run.run: about[run.run].config for run in runs if run.run in about}
    unique = {id(config): config for config in configs.values()}
    if len(unique) < 2:
        return {}
    made = {key: settings_of(config) for key, config in unique.items()}
    first = next(iter(made.values()))
    keys = [key for key, value in first.items() if any(other[key] != value for other in made.values())]
    said = {
        key: " ".join(f"{name}={found[name]:g}" if isinstance(found[name], float) else f"{name}={found[name]}"
                      for name in keys[:most])
        for key, found in made.items()
    }  # fmt: skip
    return {run: said[id(config)] for run, config in configs.items()}
