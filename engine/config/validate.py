"""Checks of an experiment's values, alone and together; each mistake is named with what would be right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
from msgspec import Meta

from engine.catalog.datasets import DATASETS, folder_of, is_dataset, path_of
from engine.catalog.model_sizes import problems
from engine.catalog.weights import weights_file
from engine.config.schema import SCRIPT, Experiment
from engine.config.toml_positions import Position
from engine.errors import UserError
from engine.system.shell_environment import why_not_carried
from engine.text import nearest


class Mistake(msgspec.Struct, frozen=True):
    """Something wrong in a configuration: where, what was found, and what would be right."""

    where: str
    message: str
    position: Position = Position(1, 1)

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class ConfigError(UserError):
    """A configuration cannot be used; ``mistakes`` names everything that is wrong with it."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


MEASURED = tuple(
    f"{split}/{name}"
    for split, names in {
        "test": ("f1", "accuracy", "precision", "recall", "top5", "loss", "ece"),
        "train": ("accuracy", "loss"),
    }.items()
    for name in names
)
"""The metrics of the engine's own training that experiments are compared by."""


def describe(key: str) -> str:
    """Return what a key of an experiment takes, in a few words."""
    return _describe(FIELDS[key])


FIELDS: dict[str, Any] = {
    key: kind for key, kind in get_type_hints(Experiment, include_extras=True).items() if key != "name"
}


Report = Callable[[str, str], None]


def build_experiment(name: str, values: Mapping[str, Any], base: Path, report: Report) -> Experiment | None:
    """Return an experiment made of ``values``, or None after reporting what is wrong with them.

    Args:
        name: The experiment's name.
        values: A value for each key; keys that are not an experiment's are passed over.
        base: The folder that a relative ``folder:PATH`` or file of weights starts from.
        report: Called with the key and a sentence for each mistake.
    """
    fields = {key: value for key, value in values.items() if key in FIELDS}
    if fields.get("command"):
        fields.setdefault("model", SCRIPT)
    converted, failed = convert_fields(fields, FIELDS, Experiment, report)
    if "model" in failed or (converted.get("model") == SCRIPT and "command" in failed):
        return None
    experiment = Experiment(name=name, **converted)
    for key, message in impossible(experiment):
        if key not in failed:  # else it is judged by a default that nobody chose
            report(key, message)
            failed.add(key)
    if failed:
        return None
    return _with_absolute_paths(experiment, base, report)


def _with_absolute_paths(experiment: Experiment, base: Path, report: Report) -> Experiment | None:
    """Return the experiment with its folder of images and its file of weights where they lead from ``base``."""
    changes = {}
    try:
        key, path = "dataset", None
        if (own := path_of(experiment.dataset)) is not None:
            kind, path = own
            changes[key] = f"{kind}{_absolute(path, base)}"
        key, path = "pretrained", weights_file(experiment.pretrained or "")
        if path is not None:  # its name stays: a hub's cache links to files whose names have no suffix
            changes[key] = str(_absolute(path.parent, base) / path.name)
    except (ValueError, RuntimeError, OSError) as error:  # a null character, an unknown home, links in a ring
        report(
            key,
            f"{str(path)!r} leads to no {'folder' if folder_of(experiment.dataset) == path else 'file'}: {error}",
        )
        return None
    return msgspec.structs.replace(experiment, **changes)


def _absolute(path: Path, base: Path) -> Path:
    """Return where a path leads that may begin at the user's home or, if relative, at ``base``."""
    return (base / path.expanduser()).resolve()


def convert_fields(
    values: Mapping[str, Any], kinds: Mapping[str, Any], struct: type[msgspec.Struct], report: Report
) -> tuple[dict[str, Any], set[str]]:
    """Return each value as the type of its field, and the keys that are wrong or missing.

    Args:
        values: A value for each key, as TOML has it.
        kinds: The type of each key, with its description.
        struct: The class whose required fields have to be there.
        report: Called with the key and a sentence for each mistake.
    """
    converted, failed = {}, set()
    for key, value in values.items():
        if (message := _wrong(value, kinds[key])) is None:
            converted[key] = msgspec.convert(value, kinds[key])
        else:
            report(key, message)
            failed.add(key)
    for field in msgspec.structs.fields(struct):
        if field.required and field.name != "name" and field.name not in values:
            report(field.name, f"it is missing; it has to be {_describe(kinds[field.name])}")
            failed.add(field.name)
    return converted, failed


def _wrong(value: Any, kind: Any) -> str | None:
    """Return what is wrong with a value for a field of that type, None when nothing is."""
    try:
        msgspec.convert(value, kind)
    except (msgspec.ValidationError, OverflowError):
        return f"found {_show(value)}; it has to be {_describe(kind)}"
    return None


def impossible(experiment: Experiment) -> list[tuple[str, str]]:
    """Return ``(key, why)`` for values that are right alone and wrong together."""
    conflicts = []
    if not experiment.command:
        conflicts += problems(
            experiment.model, experiment.image_size, experiment.patch_size, experiment.options
        )
        conflicts += _without_effect(experiment)
    source = experiment.dataset
    if not is_dataset(source):
        own = (
            "folder:PATH (with train/ and test/ class folders), csv:PATH (a list of images) or hf:NAME (of the "
            "Hugging Face hub)"
        )
        allowed = f"{', '.join(DATASETS)}, {own}"
        conflicts.append(
            ("dataset", f"there is no dataset {source!r}{nearest(source, DATASETS)} Known: {allowed}")
        )
    conflicts += [("env", why) for name in experiment.env if (why := why_not_carried(name))]
    if len(set(experiment.seeds)) != len(experiment.seeds):
        conflicts.append(("seeds", f"{experiment.seeds} names a seed twice"))
    if experiment.compile == "graphs" and experiment.accumulate > 1 and not experiment.command:
        conflicts.append(("compile", _graphs_of_several(experiment)))
    return conflicts


def _graphs_of_several(experiment: Experiment) -> str:
    """Return why CUDA graphs take one batch a step: the next one overwrites what gradients are summed from."""
    images = experiment.batch_size * experiment.accumulate
    return (
        f"'graphs' takes one batch in a step, and accumulate is {experiment.accumulate}: set compile = \"on\", or "
        f"accumulate = 1 and batch_size = {images} where memory allows"
    )


OPTIMIZER_KEYS: dict[str, tuple[str, ...]] = {
    "adamw": ("betas", "eps"),
    "adam": ("betas", "eps"),
    "sgd": ("momentum",),
}
"""The keys that set an optimizer's own constants."""


def _without_effect(experiment: Experiment) -> list[tuple[str, str]]:
    """Return ``(key, why)`` for what is set and means nothing to the experiment's optimizer or schedule."""
    own, conflicts = OPTIMIZER_KEYS[experiment.optimizer], []
    for key in ("betas", "eps", "momentum"):
        if key not in own and getattr(experiment, key) is not None:
            owners = " and ".join(optimizer for optimizer, keys in OPTIMIZER_KEYS.items() if key in keys)
            message = f"{experiment.optimizer} has no {key}, it is of {owners}; {experiment.optimizer} takes "
            conflicts.append((key, message + " and ".join(own)))
    if experiment.min_lr and experiment.schedule == "constant":
        conflicts.append(("min_lr", "schedule = constant never falls: leave min_lr out"))
    elif experiment.min_lr >= experiment.lr:
        conflicts.append(("min_lr", f"it has to be below lr, which is {experiment.lr:g}"))
    return conflicts


def _describe(kind: Any) -> str:
    """Return the description that a field's type carries."""
    for part in (kind, *getattr(kind, "__args__", ())):
        for note in getattr(part, "__metadata__", ()):
            if isinstance(note, Meta) and note.description:
                return note.description
    raise TypeError(f"{kind} carries no description")


def _show(value: Any) -> str:
    kinds = {bool: "a boolean", str: "a string", int: "a whole number", float: "a number"}
    kind = kinds.get(type(value)) or ("a list" if isinstance(value, list) else "a table")
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({kind})"
