"""The settings in which runs of an experiment differ, as lists write them beside a run: ``lr=0.002 epochs=4``. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.analysis.runs_that_count import settings_of
from engine.runs.metadata import RunMetadata
from engine.runs.status import Status
from engine.text import setting_text


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
