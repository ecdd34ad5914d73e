"""What a list says of runs besides which count: what has failed behind a result, and what tells them apart. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.analysis.selection import R, age, is_made_alike, never_began, settings_of
from engine.runs.metadata import About
from engine.runs.status import LIVE, RESUMABLE, Status
from engine.text import setting_text


def newest(runs: Iterable[Status]) -> Status | None:
    """Return a run that lives, else the newest that has begun, else the newest."""
    runs = list(runs)
    live = [run for run in runs if run.state in LIVE]
    begun = [run for run in runs if not waits_or_never_began(run)]
    return next(iter(live[-1:] or begun[-1:] or runs[-1:]), None)


def waits_or_never_began(run: Status) -> bool:
    """Return whether a run is in the queue, or was taken out of it: what others have measured says more."""
    return run.state == "queued" or never_began(run)


def unfinished(runs: Sequence[R], shown: R | None) -> tuple[R, ...]:
    """Return what was stopped or failed behind a result, the newest of each seed, the newest first.

    A run made with the same as the result says something of it until its seed has a newer result made so: every seed
    that ``Choice.lost`` names is among them. One made with other settings does where it is newer than the result, and
    its seed has no newer result of any settings.

    Args:
        runs: All runs of an experiment, in any order.
        shown: The one of them whose result it is.
    """
    if shown is None or len(runs) < 2 or not _counts(shown.status):
        return ()
    newer, found = True, []
    seen: set[int] = set()
    made_up: dict[bool, set[int]] = {True: set(), False: set()}
    for run in sorted(runs, key=age, reverse=True):
        status = run.status
        newer = newer and status is not shown.status
        is_alike = status is shown.status or is_made_alike(run, shown)
        if _counts(status):
            made_up[is_alike].add(status.seed)
        elif status.seed in made_up[True] | seen or (not is_alike and status.seed in made_up[False]):
            continue
        elif status.state in RESUMABLE and not waits_or_never_began(status) and (newer or is_alike):
            found.append(run)
            seen.add(status.seed)
    return tuple(found)


def _counts(status: Status) -> bool:
    return status.state == "finished" or status.state in LIVE


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
