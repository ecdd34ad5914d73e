"""Which runs stand for an experiment: the newest of each seed, of those that were made with the same. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from engine.config.schema import Experiment
from engine.runs.metadata import About
from engine.runs.status import LIVE, RESUMABLE, Status
from engine.text import setting_text

MOST_KNOWN = 50_000
"""How many configurations are kept as their settings."""

_known: dict[int, tuple[Mapping[str, Any] | Experiment, dict[str, Any]]] = {}
"""Settings by the configuration that they are of: runs that were made with the same share the object."""


def settings_of(config: Mapping[str, Any] | Experiment) -> dict[str, Any]:
    """Return what a configuration says about learning, made once for each object.

    ``engine.analysis.selection.settings`` says what that is.
    """
    known = _known.get(id(config))
    if known is None:
        from engine.analysis.selection import settings

        if len(_known) >= MOST_KNOWN:
            _known.clear()
        made = msgspec.structs.asdict(config) if isinstance(config, Experiment) else config
        known = _known[id(config)] = config, settings(made)  # the object is kept, and so is its id
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


def fold(
    runs: Sequence[Status], about: Mapping[str, About], wanted: Experiment | None = None
) -> list[Status]:
    """Return the runs that an experiment's row stands for: the current one, then the newest of each other seed.

    They live or have finished, and were made with the same settings: those of the experiment as it stands now where
    a run with these does, else those of the newest that has finished. Where none has the current run decides.
    One that has ended otherwise stands for itself alone: its row says why.

    Args:
        runs: All runs of the experiment.
        about: What they were made with.
        wanted: The experiment as it stands now.
    """
    if len(runs) < 2:
        return list(runs)
    finished = [run for run in runs if run.state == "finished"]
    made = settings_of(wanted) if wanted is not None else None
    own = [
        run for run in runs
        if _counts(run) and run.run in about and settings_of(about[run.run].config) == made
    ]  # fmt: skip
    head = next(iter(own[-1:] or finished[-1:]), None) or current(runs)
    if head is None:
        return []
    alike = [run for run in runs if _counts(run) and made_alike(run, head, about)]
    first = current(alike)
    if first is None:
        return [head]
    of_seed = {run.seed: run for run in alike}
    of_seed.pop(first.seed)
    return [first, *of_seed.values()]


def other_settings(runs: Iterable[Status], shown: Status | None, about: Mapping[str, About]) -> int:
    """Return with how many other settings than the shown one's runs live or have finished."""
    if shown is None or shown.run not in about:
        return 0
    configs = {
        id(about[run.run].config): about[run.run].config for run in runs if run.run in about and _counts(run)
    }
    found = [settings_of(about[shown.run].config)]
    for config in configs.values():
        if (made := settings_of(config)) not in found:
            found.append(made)
    return len(found) - 1


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
        elif newer or made_alike(run, shown, about):
            found.append(run)
            seen.add(run.seed)
    return tuple(found)


def made_alike(a: Status, b: Status, about: Mapping[str, About]) -> bool:
    """Return whether two runs are known to differ in no setting."""
    one, other = about.get(a.run), about.get(b.run)
    if one is None or other is None:
        return False
    return one.config is other.config or settings_of(one.config) == settings_of(other.config)


def _counts(status: Status) -> bool:
    return status.state == "finished" or status.state in LIVE


def siblings(runs: Iterable[Status], chosen: Collection[str], about: Mapping[str, About]) -> set[str]:
    """Return the newest run of each seed, of those that were made with the same as a chosen run of their experiment."""
    runs = list(runs)
    of_seed: dict[tuple[str, int, int], str] = {}
    groups: dict[str, list[dict[str, Any]]] = {}
    for status in runs:
        if status.run in chosen and status.run in about:
            made, known = settings_of(about[status.run].config), groups.setdefault(status.experiment, [])
            if made not in known:
                known.append(made)
    for status in runs:
        if (known := groups.get(status.experiment, [])) and status.run in about and _counts(status):
            made = settings_of(about[status.run].config)
            if made in known:
                of_seed[status.experiment, known.index(made), status.seed] = status.run
    return set(of_seed.values())


def told_apart(
    runs: Sequence[Status], about: Mapping[str, About], most: int = 3, *, sparing: bool = False
) -> dict[str, str]:
    """Return what tells runs of an experiment apart that were not made with the same: ``lr=0.002 epochs=4``.

    What finished runs differ in comes first, and last what only those differ in that have failed.

    Args:
        runs: The runs, of any state.
        about: What they were made with.
        most: How many settings are said of a run.
        sparing: Whether a value goes without saying that all finished runs share, or all runs but one.
    """
    configs = {run.run: about[run.run].config for run in runs if run.run in about}
    unique = {id(config): config for config in configs.values()}
    if len(unique) < 2:
        return {}
    made = {key: settings_of(config) for key, config in unique.items()}
    there = [run for run in runs if run.run in configs]
    ended = [made[id(configs[run.run])] for run in there if run.state == "finished"]
    sound = [made[id(configs[run.run])] for run in there if run.state not in ("failed", "crashed")]
    found = [made[id(configs[run.run])] for run in there]
    keys = [key for key in found[0] if _differ(key, made.values())]
    keys.sort(key=lambda key: 0 if _differ(key, ended) else 1 if _differ(key, sound) else 2)
    usual = {key: text for key in keys if (text := _usual(key, ended, found))} if sparing else {}
    said = {
        key: " ".join([text for name in keys if (text := _said(name, each[name])) != usual.get(name)][:most])
        for key, each in made.items()
    }
    return {run: said[id(config)] for run, config in configs.items()}


def _differ(key: str, made: Iterable[Mapping[str, Any]]) -> bool:
    values = [each[key] for each in made]
    return any(value != values[0] for value in values)


def _usual(key: str, ended: Sequence[Mapping[str, Any]], all_made: Sequence[Mapping[str, Any]]) -> str:
    """Return how the value is said that goes without saying; empty where there is none."""
    if len(ended) > 1 and not _differ(key, ended):
        return _said(key, ended[0][key])
    counts = Counter(_said(key, each[key]) for each in all_made)
    text, count = counts.most_common(1)[0]
    return text if count == len(all_made) - 1 > 1 else ""


def _said(key: str, value: object) -> str:
    return f"{key}={setting_text(value, 'none')}"
