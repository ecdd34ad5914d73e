"""What a list says of runs besides which count: the failures behind a result, and the settings that differ. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.analysis.runs_that_count import R, age, is_made_alike, never_began, settings_of
from engine.runs.metadata import RunMetadata
from engine.runs.status import LIVE, RESUMABLE, Status
from engine.text import setting_text


def newest(runs: Iterable[Status]) -> Status | None:
    """Return a run that lives, else the newest that has begun, else the newest."""
    runs = list(runs)
    live = [run for run in runs if run.state in LIVE]
    begun = [run for run in runs if not waits_or_never_began(run)]
    return next(iter(live[-1:] or begun[-1:] or runs[-1:]), None)


def waits_or_never_began(run: Status) -> bool:
    """Return whether a run is in the queue, or was taken out of it before it began."""
    return run.state == "queued" or never_began(run)


def unfinished(runs: Sequence[R], result: R | None) -> tuple[R, ...]:
    """Return the runs that were stopped or failed behind a result, the newest of each seed, the newest first.

    A run with the settings of the result belongs to it unless its seed has a newer result with these settings: every
    seed of ``Choice.lost`` is there. A run with other settings belongs to the result where it is newer, unless its seed
    has a newer result with any settings.

    Args:
        runs: All runs of the experiment, in any order.
        result: The run that the list shows; None where it shows none.
    """
    if result is None or len(runs) < 2 or not _counts(result.status):
        return ()
    newer, behind = True, []
    seeds: set[int] = set()
    finished_seeds: dict[bool, set[int]] = {True: set(), False: set()}
    for run in sorted(runs, key=age, reverse=True):
        status = run.status
        newer = newer and status is not result.status
        alike = status is result.status or is_made_alike(run, result)
        if _counts(status):
            finished_seeds[alike].add(status.seed)
        elif status.seed in finished_seeds[True] | seeds or (
            not alike and status.seed in finished_seeds[False]
        ):
            continue
        elif status.state in RESUMABLE and not waits_or_never_began(status) and (newer or alike):
            behind.append(run)
            seeds.add(status.seed)
    return tuple(behind)


def _counts(status: Status) -> bool:
    return status.state == "finished" or status.state in LIVE


def distinguishing_settings(
    runs: Sequence[Status], metadata: Mapping[str, RunMetadata], most: int = 3, *, sparing: bool = False
) -> dict[str, str]:
    """Return the settings in which runs of one experiment differ, such as ``lr=0.002 epochs=4``.

    Settings in which finished runs differ come first; last those in which only failed runs differ.

    Args:
        runs: The runs, of any state.
        metadata: What they were made with, by id.
        most: How many settings of a run are returned at most.
        sparing: Whether to leave out a value that all finished runs share, or all runs but one.

    Returns:
        The settings as text by run id; empty where all runs have the same settings.
    """
    configs = {run.run: metadata[run.run].config for run in runs if run.run in metadata}
    unique = {id(config): config for config in configs.values()}
    if len(unique) < 2:
        return {}
    settings_by_config = {key: settings_of(config) for key, config in unique.items()}
    with_config = [run for run in runs if run.run in configs]
    ended = [settings_by_config[id(configs[run.run])] for run in with_config if run.state == "finished"]
    not_failed = [
        settings_by_config[id(configs[run.run])]
        for run in with_config
        if run.state not in ("failed", "crashed")
    ]
    all_settings = [settings_by_config[id(configs[run.run])] for run in with_config]
    keys = [key for key in all_settings[0] if _differ(key, settings_by_config.values())]
    keys.sort(key=lambda key: 0 if _differ(key, ended) else 1 if _differ(key, not_failed) else 2)
    usual = {key: text for key in keys if (text := _usual(key, ended, all_settings))} if sparing else {}
    texts = {
        key: " ".join(
            [text for name in keys if (text := _assignment(name, settings[name])) != usual.get(name)][:most]
        )
        for key, settings in settings_by_config.items()
    }
    return {run: texts[id(config)] for run, config in configs.items()}


def _differ(key: str, several: Iterable[Mapping[str, Any]]) -> bool:
    values = [settings[key] for settings in several]
    return any(value != values[0] for value in values)


def _usual(key: str, ended: Sequence[Mapping[str, Any]], all_made: Sequence[Mapping[str, Any]]) -> str:
    """Return the assignment that most runs share and that is left out; empty where there is none."""
    if len(ended) > 1 and not _differ(key, ended):
        return _assignment(key, ended[0][key])
    counts = Counter(_assignment(key, settings[key]) for settings in all_made)
    text, count = counts.most_common(1)[0]
    return text if count == len(all_made) - 1 > 1 else ""


def _assignment(key: str, value: object) -> str:
    return f"{key}={setting_text(value, 'none')}"
