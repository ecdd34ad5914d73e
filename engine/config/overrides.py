"""An experiment with `key=value` settings applied, as `--set` and the app's prompt take them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import tomli

from engine.catalog.recipes import fill, inherited
from engine.config.schema import Experiment, Text
from engine.config.setting_meanings import nearest_key
from engine.config.validate import (
    FIELDS,
    ConfigError,
    Mistake,
    build_experiment,
)

MOST_SEEDS = 1000
SEEDS = f"different whole numbers, like 0,1,2 or 0-4, at most {MOST_SEEDS}"
"""What a list of seeds has to be."""
_SEEDS = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")


def override(experiment: Experiment, settings: Iterable[str]) -> Experiment:
    """Return the experiment with ``key=value`` settings applied, as ``--set`` takes them.

    Values are TOML (``lr=1e-3``, ``tags=["a"]``, ``options.drop_path=0.1``); what is no TOML is a string.

    Raises:
        ConfigError: A setting has an unknown key or an impossible value.
    """
    before: dict[str, Any] = msgspec.structs.asdict(experiment)
    values = dict(before)
    mistakes: list[Mistake] = []
    touched = set()
    for setting in settings:
        key, equals, text = setting.partition("=")
        key = key.strip()
        where = f"--set {setting}"
        if not equals:
            mistakes.append(Mistake(where, "write it as key=value, e.g. --set lr=1e-3"))
        elif key.startswith("options."):
            if isinstance(values["options"], dict):  # else it is reported as what it is
                values["options"] = {**values["options"], key.removeprefix("options."): _parse(text)}
        elif key not in FIELDS:
            mistakes.append(Mistake(where, f"unknown key {key!r}{nearest_key(key, FIELDS)} {_known_keys()}"))
        else:
            values[key] = read_value(key, text)
            if key == "seed":
                values["seeds"] = []
        touched.add(key.partition(".")[0])

    own = {key: value for key, value in values.items() if key in touched or value != before[key]}
    gone = inherited(before) | own.keys()  # what came from a recipe follows what it depends on
    filled = fill([{key: value for key, value in before.items() if key not in gone}, own])
    values = {key: filled[key] for key in FIELDS if key in filled}  # mistakes come in this order

    def report(key: str, message: str) -> None:
        setting = f"--set {key}" if key in touched else f"with --set {', '.join(sorted(touched))}: {key}"
        mistakes.append(Mistake(setting, message))

    changed = build_experiment(experiment.name, values, Path.cwd(), report)
    if mistakes or changed is None:
        raise ConfigError(mistakes)
    return changed


def read_value(key: str, text: str) -> Any:
    """Return the value that a text gives a key of an experiment: read as TOML, else as a string."""
    return text if FIELDS.get(key) in (Text, Text | None) else _parse(text)


def seeds_of(text: str) -> list[int] | None:
    """Return the seeds of a list such as ``0,1,2``, ``0-4`` or ``[0, 1, 5-7]``; None for what is no ``SEEDS``."""
    seeds: list[int] = []
    for part in text.strip("[]").split(","):
        if (match := _SEEDS.fullmatch(part.strip())) is None:
            return None
        first, last = int(match[1]), int(match[2] or match[1])
        if not 0 <= last - first < MOST_SEEDS - len(seeds):
            return None
        seeds += range(first, last + 1)
    return seeds if len(set(seeds)) == len(seeds) else None


def _parse(text: str) -> Any:
    try:
        return tomli.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _known_keys() -> str:
    return f"Known: {', '.join(FIELDS)}"
