"""experiments.toml -> typed experiments and figures; every mistake is named with its line, all of them at once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import tomli
from msgspec import Meta

from engine.catalog.datasets import DATASETS
from engine.catalog.figure_kinds import misfits, settled
from engine.catalog.models import MODELS, caveat, problems
from engine.catalog.recipes import fill, inherited
from engine.errors import UserError
from engine.experiment import SCRIPT, Experiment, Figure, Text
from engine.places import Place, Places
from engine.text import nearest


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration file holds; ``experiments`` already have the defaults in them."""

    path: Path
    defaults: dict[str, Any]
    experiments: dict[str, Experiment]
    figures: dict[str, Figure]


class Mistake(msgspec.Struct, frozen=True):
    """Something wrong in a configuration: where, what was found, and what would be right."""

    where: str
    message: str
    place: Place = Place(1, 1)

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class ConfigError(UserError):
    """A configuration cannot be used; ``mistakes`` names everything that is wrong with it."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


def load_config(path: str | os.PathLike[str]) -> Config:
    """Read and validate a configuration file.

    Raises:
        ConfigError: It cannot be read, is no TOML, or holds mistakes; all of them are named.
    """
    path = Path(path)
    return parse_config(_read(path), path)


def parse_config(text: str, path: Path) -> Config:
    """Return what the text of a configuration file says; ``path`` is where it stands, or would.

    Raises:
        ConfigError: It is no TOML, or holds mistakes; all of them are named.
    """
    try:
        document = tomli.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, and what absurd numbers and depths raise
        line, column = getattr(error, "lineno", 1), getattr(error, "colno", 1)
        message = f"this is not TOML: {getattr(error, 'msg', error)}"
        raise ConfigError([_at(path, Place(line, column), message)]) from None
    reader = _Reader(path, text, document)
    config = reader.read()
    if reader.mistakes:
        raise ConfigError(sorted(reader.mistakes, key=lambda mistake: mistake.place))
    return config


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
            mistakes.append(Mistake(where, f"unknown key {key!r}{nearest(key, FIELDS)} {_known_keys()}"))
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

    changed = _build_experiment(experiment.name, values, Path.cwd(), report)
    if mistakes or changed is None:
        raise ConfigError(mistakes)
    return changed


def read_value(key: str, text: str) -> Any:
    """Return the value that a text gives a key of an experiment: TOML, or a string where it is none."""
    return text if FIELDS.get(key) in (Text, Text | None) else _parse(text)


def describe(key: str) -> str:
    """Return what a key of an experiment takes, in a few words."""
    return _describe(FIELDS[key])


def find_experiment(config: Config, name: str, settings: Sequence[str] = ()) -> Experiment:
    """Return the experiment of that name, with ``key=value`` settings applied.

    Raises:
        ConfigError: There is none, and the nearest name and all known ones are given; or a setting is wrong.
    """
    if name in config.experiments:
        found = config.experiments[name]
        return override(found, settings) if settings else found
    known = ", ".join(config.experiments) or "none yet"
    hint = nearest(name, config.experiments)
    raise ConfigError([Mistake(str(config.path), f"no experiment {name!r}{hint} Known: {known}")])


def check_notes(config: Config) -> list[str]:
    """Return what is odd, but not wrong, about the experiments: one sentence each."""
    return [
        f"{each.name}: {note}"
        for each in config.experiments.values()
        if each.model in MODELS
        and (note := caveat(each.model, each.image_size, each.patch_size, each.options))
    ]


FIELDS: dict[str, Any] = {
    key: kind for key, kind in get_type_hints(Experiment, include_extras=True).items() if key != "name"
}
_FIGURE_FIELDS: dict[str, Any] = {
    key: kind for key, kind in get_type_hints(Figure, include_extras=True).items() if key != "name"
}
_SECTIONS = ("defaults", "experiments", "figures")
Report = Callable[[str, str], None]


class _Reader:
    """Walks a parsed document once and collects mistakes with their places."""

    def __init__(self, path: Path, text: str, document: dict[str, Any]) -> None:
        self.path = path
        self.document = document
        self.places = Places(text)
        self.mistakes: list[Mistake] = []

    def read(self) -> Config:
        for section in self.document:
            if section not in _SECTIONS:
                message = f"unknown section [{section}]{nearest(section, _SECTIONS)}"
                self._report(self.places.key(section), f"{message} Known: {', '.join(_SECTIONS)}")
        defaults = self._table("defaults")
        for key in defaults:
            if key not in FIELDS:
                self._unknown(("defaults",), key, FIELDS, "in [defaults]")
        known_defaults = {key: value for key, value in defaults.items() if key in FIELDS}
        self._check_defaults(known_defaults)
        experiments = {}
        for name, table in self._tables("experiments"):
            experiment = self._experiment(name, table, known_defaults)
            if experiment is not None:
                experiments[name] = experiment
        named = set(self._table("experiments"))
        figures = {}
        for name, table in self._tables("figures"):
            figure = self._figure(name, table, named)
            if figure is not None:
                figures[name] = figure
        return Config(path=self.path, defaults=defaults, experiments=experiments, figures=figures)

    def _check_defaults(self, defaults: dict[str, Any]) -> None:
        """Report defaults of a wrong type, even those that every experiment replaces."""
        for key, value in defaults.items():
            if (message := _wrong(value, FIELDS[key])) is not None:
                self._report(self.places.value("defaults", key), f"{key} in [defaults]: {message}")

    def _experiment(self, name: str, table: dict[str, Any], defaults: dict[str, Any]) -> Experiment | None:
        home = ("experiments", name)
        if not name.strip() or len(name) > 120 or not name.isprintable():
            self._report(self.places.key(*home), f"{name!r} is no name: 1 to 120 printable characters")
        for key in table:
            if key not in FIELDS:
                self._unknown(home, key, FIELDS, f"in experiment {name!r}")
        values = fill([defaults, {key: value for key, value in table.items() if key in FIELDS}])

        def report(key: str, message: str) -> None:
            if key in defaults and key not in table:
                self._report(self.places.value("defaults", key), f"{key} in [defaults]: {message}")
            else:
                self._report(self.places.value(*home, key), f"{key} of experiment {name!r}: {message}")

        return _build_experiment(name, values, self.path.parent, report)

    def _figure(self, name: str, table: dict[str, Any], experiments: set[str]) -> Figure | None:
        home = ("figures", name)
        if not re.fullmatch(r"[\w.-]{1,80}", name) or name.startswith("."):
            self._report(
                self.places.key(*home),
                f"{name!r} cannot be the name of a file: letters, digits, '_', '-' and '.' can",
            )
        for key in table:
            if key not in _FIGURE_FIELDS:
                self._unknown(home, key, _FIGURE_FIELDS, f"in figure {name!r}")

        def report(key: str, message: str) -> None:
            self._report(self.places.value(*home, key), f"{key} of figure {name!r}: {message}")

        known = settled({key: value for key, value in table.items() if key in _FIGURE_FIELDS})
        values, failed = _convert_fields(known, _FIGURE_FIELDS, Figure, report)
        for experiment in values.get("experiments", []):
            if experiment not in experiments:
                report(
                    "experiments", f"there is no experiment {experiment!r}{nearest(experiment, experiments)}"
                )
        for key, message in misfits(table):
            if key not in failed:
                report(key, message)
                failed.add(key)
        return None if failed else Figure(name=name, **values)

    def _table(self, section: str) -> dict[str, Any]:
        table = self.document.get(section, {})
        if isinstance(table, dict):
            return table
        self._report(self.places.value(section), f"[{section}] has to be a table, not {_show(table)}")
        return {}

    def _tables(self, section: str) -> Iterable[tuple[str, dict[str, Any]]]:
        for name, table in self._table(section).items():
            if isinstance(table, dict):
                yield name, table
            else:
                message = f"[{section}.{name}] has to be a table, not {_show(table)}"
                self._report(self.places.value(section, name), message)

    def _unknown(self, home: tuple[str, ...], key: str, known: Mapping[str, Any], where: str) -> None:
        message = f"unknown key {key!r} {where}{nearest(key, known)}"
        self._report(self.places.key(*home, key), f"{message} Known: {', '.join(known)}")

    def _report(self, place: Place, message: str) -> None:
        mistake = _at(self.path, place, message)
        if mistake not in self.mistakes:  # a bad default is one mistake, however many experiments inherit it
            self.mistakes.append(mistake)


def _build_experiment(name: str, values: Mapping[str, Any], base: Path, report: Report) -> Experiment | None:
    """Return an experiment made of ``values``, or None after reporting what is wrong with them."""
    known = {key: value for key, value in values.items() if key in FIELDS}
    if known.get("command"):
        known.setdefault("model", SCRIPT)
    converted, failed = _convert_fields(known, FIELDS, Experiment, report)
    if "model" in failed:
        return None
    experiment = Experiment(name=name, **converted)
    for key, message in _impossible(experiment):
        if key not in failed:  # else it is judged by a default that nobody chose
            report(key, message)
            failed.add(key)
    if failed:
        return None
    if experiment.dataset.startswith("folder:"):
        path = experiment.dataset.removeprefix("folder:")
        try:
            folder = (base / Path(path).expanduser()).resolve()
        except (
            ValueError,
            RuntimeError,
            OSError,
        ) as error:  # a null character, an unknown home, links in a ring
            report("dataset", f"{path!r} leads to no folder: {error}")
            return None
        experiment = msgspec.structs.replace(experiment, dataset=f"folder:{folder}")
    return experiment


def _convert_fields(
    values: Mapping[str, Any], kinds: Mapping[str, Any], struct: type[msgspec.Struct], report: Report
) -> tuple[dict[str, Any], set[str]]:
    """Return each value as the type of its field, and the keys that are wrong or missing, which are reported."""
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


def _impossible(experiment: Experiment) -> list[tuple[str, str]]:
    """Return ``(key, why)`` for values that are right alone and wrong together."""
    found = []
    if not experiment.command:
        found += problems(experiment.model, experiment.image_size, experiment.patch_size, experiment.options)
    source = experiment.dataset
    if source not in DATASETS and not (source.startswith("folder:") and source != "folder:"):
        allowed = f"{', '.join(DATASETS)} or folder:PATH (with train/ and test/ class folders)"
        found.append(
            ("dataset", f"there is no dataset {source!r}{nearest(source, DATASETS)} Known: {allowed}")
        )
    if len(set(experiment.seeds)) != len(experiment.seeds):
        found.append(("seeds", f"{experiment.seeds} names a seed twice"))
    return found


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
    shown = repr(value)
    return f"{shown if len(shown) <= 60 else shown[:57] + '...'} ({kind})"


def _parse(text: str) -> Any:
    try:
        return tomli.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _known_keys() -> str:
    return f"Known: {', '.join(FIELDS)}"


def _at(path: Path, place: Place, message: str) -> Mistake:
    return Mistake(f"{path}:{place.line}:{place.column}", message, place)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        message = "there is no such file; `--config FILE` names another"
    except UnicodeDecodeError:
        message = "this is not UTF-8 text"
    except OSError as error:
        message = f"it cannot be read: {error.strerror}"
    raise ConfigError([Mistake(str(path), message)])
