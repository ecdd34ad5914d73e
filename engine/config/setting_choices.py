"""What can be typed for an experiment's keys and values: the choices, and those that complete what is typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from engine.catalog.datasets import DATASETS
from engine.catalog.model_sizes import MODELS, OPTIONS
from engine.config.validate import FIELDS, describe

MOST_DIVISORS = 12


def keys_of(values: Mapping[str, Any]) -> list[str]:
    """Return the keys of an experiment with these values, those of its model's options included."""
    keys = []
    for key in FIELDS:
        options = options_of(values) if key == "options" else {}
        keys += [f"options.{name}" for name in options] or [key]
    return keys


def options_of(values: Mapping[str, Any]) -> dict[str, str]:
    """Return what each option of the model takes, by its name; empty for an unknown model."""
    model = values.get("model")
    spec = MODELS.get(model) if isinstance(model, str) else None
    return OPTIONS[spec.family] if spec is not None else {}


def help_of(key: str, values: Mapping[str, Any]) -> str:
    """Return what a key takes, in a few words."""
    if key.startswith("options."):
        return options_of(values).get(key.removeprefix("options."), "an option of the model")
    if key in ("model", "dataset"):
        return f"{key}s there are: {', '.join(choices(key, values))}"
    return describe(key) if key in FIELDS else ""


def choices(key: str, values: Mapping[str, Any]) -> list[str]:
    """Return the values that a key can have, where those are few; the other ones are numbers and texts.

    Args:
        key: Of an experiment.
        values: What the experiment has for the other keys.
    """
    if key == "model":
        return list(MODELS)
    if key == "dataset":
        return [*DATASETS, "folder:", "csv:", "hf:"]
    if key == "patch_size":
        return _divisors(values.get("image_size"))
    if key.startswith("options."):
        return _quoted_in(options_of(values).get(key.removeprefix("options."), ""))
    return [leaf for leaf in _leaves(FIELDS.get(key)) if isinstance(leaf, str)]


def starting_with(start: str, candidates: Iterable[str]) -> list[str]:
    """Return the candidates that begin so, whatever their case; then those that contain the start."""
    low, candidates = start.lower(), list(candidates)
    front = [word for word in candidates if word.lower().startswith(low)]
    return front + [word for word in candidates if low in word.lower() and word not in front]


def _divisors(size: Any) -> list[str]:
    if not isinstance(size, int) or not 1 <= size <= 4096:
        return []
    divisors = [str(divisor) for divisor in range(2, size + 1) if size % divisor == 0]
    return divisors[:MOST_DIVISORS]


def _quoted_in(text: str) -> list[str]:
    """Return the words that stand in quotes in a description such as ``'token' or 'mean'``."""
    return text.split("'")[1::2]


def _leaves(kind: Any) -> list[Any]:
    """Return the values that a type lists: those of a Literal, however deep it stands."""
    parts = get_args(kind)
    return [leaf for part in parts for leaf in _leaves(part)] if parts else [kind]
