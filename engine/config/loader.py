"""experiments.toml -> typed experiments, figures and statistics; all mistakes are named, each with its line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import tomli

from engine.catalog.figure_kinds import kind_mistakes, with_defaults
from engine.catalog.model_sizes import MODELS, caveat
from engine.catalog.recipes import fill
from engine.config.notify import FIELDS as NOTIFY_FIELDS
from engine.config.notify import Notify, build_notify, notes_on_notify
from engine.config.overrides import override
from engine.config.preflight_warnings import (
    few_validation_images,
    missing_files,
    missing_packages,
    oversized_batch,
)
from engine.config.schema import Experiment, Figure, Rate, Statistics
from engine.config.setting_meanings import nearest_key
from engine.config.site import Site
from engine.config.site_tables import FIELDS as SITE_FIELDS
from engine.config.site_tables import NAME as SITE_NAME
from engine.config.site_tables import build_site
from engine.config.toml_positions import Position, Positions
from engine.config.validate import (
    FIELDS,
    MEASURED,
    ConfigError,
    Mistake,
    _show,
    _wrong,
    build_experiment,
    convert_fields,
)
from engine.text import nearest


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration file holds; ``experiments`` already have the defaults in them."""

    path: Path
    defaults: dict[str, Any]
    experiments: dict[str, Experiment]
    figures: dict[str, Figure]
    statistics: Statistics = Statistics()
    sites: dict[str, Site] = {}
    """Of this file alone; ``engine.config.site_tables.all_sites`` adds the user's own."""
    notify: Notify | None = None
    """Where messages on runs go; None without the table."""


def load_config(path: str | os.PathLike[str]) -> Config:
    """Read and validate a configuration file.

    Raises:
        ConfigError: It cannot be read, is no TOML, or holds mistakes; all of them are named.
    """
    path = Path(path)
    return parse_config(_read(path), path)


def load_what_is_right(path: str | os.PathLike[str]) -> tuple[Config | None, ConfigError | None]:
    """Read a configuration file that may hold mistakes.

    Returns:
        Its experiments that have none and whose defaults have none, or None where it is no TOML; and what is wrong.
    """
    path = Path(path)
    try:
        reader = _reader(_read(path), path)
    except ConfigError as error:
        return None, error
    config = reader.read()
    if not reader.mistakes:
        return config, None
    right = {name: each for name, each in config.experiments.items() if name not in reader.mistaken}
    return msgspec.structs.replace(config, experiments=right, figures={}), reader.error()


def parse_config(text: str, path: Path) -> Config:
    """Return what the text of a configuration file says; ``path`` is where it stands, or would.

    Raises:
        ConfigError: It is no TOML, or holds mistakes; all of them are named.
    """
    reader = _reader(text, path)
    config = reader.read()
    if reader.mistakes:
        raise reader.error()
    return config


def _reader(text: str, path: Path) -> _ConfigReader:
    try:
        document = tomli.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, and what absurd numbers and depths raise
        line, column = getattr(error, "lineno", 1), getattr(error, "colno", 1)
        message = f"this is not TOML: {getattr(error, 'msg', error)}"
        raise ConfigError([_at(path, Position(line, column), message)]) from None
    return _ConfigReader(path, text, document)


def find_experiment(config: Config, name: str, settings: Sequence[str] = ()) -> Experiment:
    """Return the experiment of that name, with ``key=value`` settings applied.

    Raises:
        ConfigError: No experiment has the name (the message gives the nearest and all names), or a setting is wrong.
    """
    if name in config.experiments:
        experiment = config.experiments[name]
        return override(experiment, settings) if settings else experiment
    names = ", ".join(config.experiments) or "none yet"
    hint = nearest(name, config.experiments)
    raise ConfigError([Mistake(str(config.path), f"no experiment {name!r}{hint} Known: {names}")])


def check_notes(config: Config) -> list[str]:
    """Return what is odd, but not wrong, about the experiments: one sentence each."""
    experiments = config.experiments.values()
    packages = dict.fromkeys(filter(None, map(missing_packages, experiments)))
    return [
        *packages,
        *notes_on_notify(config.notify, config.path),
        *(f"{experiment.name}: {note}" for experiment in experiments for note in notes_on(experiment)),
    ]


def notes_on(experiment: Experiment) -> list[str]:
    """Return what is odd, but not wrong, about an experiment: one sentence each."""
    model = (experiment.model, experiment.image_size, experiment.patch_size, experiment.options)
    notes = (
        missing_files(experiment),
        experiment.model in MODELS and caveat(*model),
        oversized_batch(experiment),
        few_validation_images(experiment),
    )
    return [note for note in notes if note]


_FIGURE_FIELDS: dict[str, Any] = {
    key: kind for key, kind in get_type_hints(Figure, include_extras=True).items() if key != "name"
}
_STATISTICS_FIELDS: dict[str, Any] = get_type_hints(Statistics, include_extras=True)
_SECTIONS = ("defaults", "experiments", "figures", "statistics", "sites", "notify")


class _ConfigReader:
    """Walks a parsed document once and collects mistakes with their places."""

    def __init__(self, path: Path, text: str, document: dict[str, Any]) -> None:
        self.path = path
        self.document = document
        self.positions = Positions(text)
        self.mistakes: list[Mistake] = []
        self.mistaken: set[str] = set()
        """The experiments that are not as they are meant to be: all, where something is wrong with the defaults."""

    def error(self) -> ConfigError:
        """Return what is wrong, in the order of the file."""
        return ConfigError(sorted(self.mistakes, key=lambda mistake: mistake.position))

    def read(self) -> Config:
        for section in self.document:
            if section not in _SECTIONS:
                message = f"unknown section [{section}]{nearest(section, _SECTIONS)}"
                self._report(self.positions.key(section), f"{message} Known: {', '.join(_SECTIONS)}")
        defaults = self._table("defaults")
        for key in defaults:
            if key not in FIELDS:
                self._unknown(("defaults",), key, FIELDS, "in [defaults]")
        known_defaults = {key: value for key, value in defaults.items() if key in FIELDS}
        self._check_defaults(known_defaults)
        experiments, of_defaults = {}, len(self.mistakes)
        for name, table in self._tables("experiments"):
            before = len(self.mistakes)
            experiment = self._experiment(name, table, known_defaults)
            if of_defaults or len(self.mistakes) > before:
                self.mistaken.add(name)
            if experiment is not None:
                experiments[name] = experiment
        named = set(self._table("experiments"))
        figures = {}
        for name, table in self._tables("figures"):
            figure = self._figure(name, table, named)
            if figure is not None:
                figures[name] = figure
        return Config(
            path=self.path,
            defaults=defaults,
            experiments=experiments,
            figures=figures,
            statistics=self._statistics(),
            sites=self._sites(),
            notify=self._notify(),
        )

    def _check_defaults(self, defaults: dict[str, Any]) -> None:
        """Report defaults of a wrong type, even those that every experiment replaces."""
        for key, value in defaults.items():
            if (message := _wrong(value, FIELDS[key])) is not None:
                self._report(self.positions.value("defaults", key), f"{key} in [defaults]: {message}")

    def _experiment(self, name: str, table: dict[str, Any], defaults: dict[str, Any]) -> Experiment | None:
        home = ("experiments", name)
        if not name.strip() or len(name) > 120 or not name.isprintable():
            self._report(self.positions.key(*home), f"{name!r} is no name: 1 to 120 printable characters")
        for key in table:
            if key not in FIELDS:
                self._unknown(home, key, FIELDS, f"in experiment {name!r}")
        values = fill([defaults, {key: value for key, value in table.items() if key in FIELDS}])

        def report(key: str, message: str) -> None:
            if key in defaults and key not in table:
                self._report(self.positions.value("defaults", key), f"{key} in [defaults]: {message}")
            else:
                self._report(self.positions.value(*home, key), f"{key} of experiment {name!r}: {message}")

        return build_experiment(name, values, self.path.parent, report)

    def _figure(self, name: str, table: dict[str, Any], experiments: set[str]) -> Figure | None:
        home = ("figures", name)
        if not re.fullmatch(r"[\w.-]{1,80}", name) or name.startswith("."):
            self._report(
                self.positions.key(*home),
                f"{name!r} cannot be the name of a file: letters, digits, '_', '-' and '.' can",
            )
        for key in table:
            if key not in _FIGURE_FIELDS:
                self._unknown(home, key, _FIGURE_FIELDS, f"in figure {name!r}")

        def report(key: str, message: str) -> None:
            self._report(self.positions.value(*home, key), f"{key} of figure {name!r}: {message}")

        fields = with_defaults({key: value for key, value in table.items() if key in _FIGURE_FIELDS})
        values, failed = convert_fields(fields, _FIGURE_FIELDS, Figure, report)
        for experiment in values.get("experiments", []):
            if experiment not in experiments:
                report(
                    "experiments", f"there is no experiment {experiment!r}{nearest(experiment, experiments)}"
                )
        for key, message in kind_mistakes(table):
            if key not in failed:
                report(key, message)
                failed.add(key)
        return None if failed else Figure(name=name, **values)

    def _sites(self) -> dict[str, Site]:
        """Return the sites that are right; what is wrong with the others is reported."""
        sites = {}
        for name, table in self._tables("sites"):
            home = ("sites", name)
            if not SITE_NAME.fullmatch(name):
                message = f"{name!r} cannot be the name of a site: letters, digits, '_', '-' and '.' can"
                self._report(self.positions.key(*home), message)
                continue
            for key in table:
                if key not in SITE_FIELDS:
                    self._unknown(home, key, SITE_FIELDS, f"in site {name!r}")

            def report(key: str, message: str, home: tuple[str, str] = home) -> None:
                self._report(self.positions.value(*home, key), f"{key} of site {home[1]!r}: {message}")

            if (site := build_site(name, table, report)) is not None:
                sites[name] = site
        return sites

    def _statistics(self) -> Statistics:
        """Return the table of statistics; what is wrong in it is reported and left out."""
        home = "statistics"
        table = self._table(home)
        for key in table:
            if key not in _STATISTICS_FIELDS:
                self._unknown((home,), key, _STATISTICS_FIELDS, f"in [{home}]")
        fields = {key: value for key, value in table.items() if key in _STATISTICS_FIELDS}
        if isinstance(margins := fields.get("margin"), dict):
            fields["margin"] = self._margins(margins)

        def report(key: str, message: str) -> None:
            self._report(self.positions.value(home, key), f"{key} in [{home}]: {message}")

        values, _ = convert_fields(fields, _STATISTICS_FIELDS, Statistics, report)
        return Statistics(**values)

    def _notify(self) -> Notify | None:
        """Return where messages go; None without the table, or after reporting what is wrong in it."""
        home = "notify"
        if home not in self.document:
            return None
        table = self._table(home)
        for key in table:
            if key not in NOTIFY_FIELDS:
                self._unknown((home,), key, NOTIFY_FIELDS, f"in [{home}]")

        def report(key: str, message: str) -> None:
            self._report(self.positions.value(home, key), f"{key} in [{home}]: {message}")

        return build_notify(table, report)

    def _margins(self, margins: dict[str, Any]) -> dict[str, Any]:
        """Return the margins that are above 0, of metrics that the engine or a figure knows."""
        figures = self.document.get("figures")
        tables = figures.values() if isinstance(figures, dict) else ()
        drawn = [table["y"] for table in tables if isinstance(table, dict) and "y" in table]
        metrics = dict.fromkeys([*MEASURED, *(metric for metric in drawn if isinstance(metric, str))])
        right = {}
        for metric, value in margins.items():
            path = ("statistics", "margin", metric)
            where = f"margin of {metric!r} in [statistics]"
            if metric not in metrics:
                message = f"{where}: there is no such metric{nearest(metric, metrics)}"
                self._report(self.positions.key(*path), f"{message} Known: {', '.join(metrics)}")
            elif (problem := _wrong(value, Rate)) is not None:
                self._report(self.positions.value(*path), f"{where}: {problem}")
            else:
                right[metric] = value
        return right

    def _table(self, section: str) -> dict[str, Any]:
        table = self.document.get(section, {})
        if isinstance(table, dict):
            return table
        self._report(self.positions.value(section), f"[{section}] has to be a table, not {_show(table)}")
        return {}

    def _tables(self, section: str) -> Iterable[tuple[str, dict[str, Any]]]:
        for name, table in self._table(section).items():
            if isinstance(table, dict):
                yield name, table
            else:
                message = f"[{section}.{name}] has to be a table, not {_show(table)}"
                self._report(self.positions.value(section, name), message)

    def _unknown(self, home: tuple[str, ...], key: str, allowed: Mapping[str, Any], where: str) -> None:
        message = f"unknown key {key!r} {where}{nearest_key(key, allowed)}"
        self._report(self.positions.key(*home, key), f"{message} Known: {', '.join(allowed)}")

    def _report(self, position: Position, message: str) -> None:
        mistake = _at(self.path, position, message)
        if mistake not in self.mistakes:  # a bad default is one mistake, however many experiments inherit it
            self.mistakes.append(mistake)


def _at(path: Path, position: Position, message: str) -> Mistake:
    return Mistake(f"{path}:{position.line}:{position.column}", message, position)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        message = (
            "there is no such file; `--config FILE` names another, and `vitui` offers to write a first one"
        )
    except UnicodeDecodeError:
        message = "this is not UTF-8 text"
    except OSError as error:
        message = f"it cannot be read: {error.strerror}"
    raise ConfigError([Mistake(str(path), message)])
