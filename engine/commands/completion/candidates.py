"""What can stand for each word of a command: runs, experiments, tags, keys, metrics, sites.

A shell types what is chosen, so nothing is offered that it would take for more than a word: names with blanks, quotes,
`$` or other signs that act are left out, whoever has written them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from engine.runs.status import LIVE, RESUMABLE

if TYPE_CHECKING:
    from engine.config.loader import Config
    from engine.runs.status import State, Status
    from engine.runs.store import Run, Store

Items = list[CompletionItem[str]]
PLAIN = re.compile(r"[\w+][\w.+@%:/=,-]*")
"""What every shell takes for one word that does nothing."""
MOST = 300
"""How many runs are offered: the newest."""
MOST_READ = 200
"""In how many runs, the newest, states, tags and metrics are looked for: a key press does not wait for more."""


def runs(context: click.Context, _parameter: click.Parameter, start: str) -> Items:
    """Return the ids of runs, the newest first."""
    ids = [run.id for run in reversed(_store(context).runs()) if run.id.startswith(start)]
    return _items(ids[:MOST])


def runs_to_stop(context: click.Context, _parameter: click.Parameter, start: str) -> Items:
    """Return runs that live or wait."""
    return _runs_that(context, start, lambda state: state in LIVE or state == "queued")


def runs_to_resume(context: click.Context, _parameter: click.Parameter, start: str) -> Items:
    """Return runs that ended before they were finished."""
    return _runs_that(context, start, lambda state: state in RESUMABLE)


def waiting_runs(context: click.Context, _parameter: click.Parameter, start: str) -> Items:
    """Return runs that wait in a queue."""
    return _runs_that(context, start, lambda state: state == "queued")


def runs_to_throw_away(context: click.Context, _parameter: click.Parameter, start: str) -> Items:
    """Return runs that neither live nor wait."""
    return _runs_that(context, start, lambda state: state not in LIVE and state != "queued")


def experiments(context: click.Context, _parameter: click.Parameter, start: str) -> Items:
    """Return the names of the experiments in the file."""
    config = _config(context)
    return _items(_beginning(start, config.experiments if config is not None else ()))


def settings(_context: click.Context, _parameter: click.Parameter, start: str) -> Items:
    """Return the keys of an experiment, or behind ``KEY=`` the values of a key that has few."""
    from engine.config.setting_choices import choices, help_of, keys_of

    key, given, _ = start.partition("=")
    if given:
        return _items(_beginning(start, (f"{key}={value}" for value in choices(key, {}))))
    return [CompletionItem(f"{name}=", help=help_of(name, {})) for name in _beginning(start, keys_of({}))]


def sites(context: click.Context, _parameter: click.Parameter, start: str) -> Items:
    """Return the names of sites, of the project's file and the user's own."""
    from engine.config.site_tables import all_sites
    from engine.errors import UserError

    config = _config(context)
    try:
        names = [*all_sites(config.sites if config is not None else {})]
    except UserError:
        return []
    return _items(_beginning(start, names))


def runs_and_tags(context: click.Context, parameter: click.Parameter, start: str) -> Items:
    """Return runs, and where the word begins with ``+`` the tags that runs have."""
    if not start.startswith("+"):
        return runs(context, parameter, start)
    return _items(_beginning(start, (f"+{tag}" for tag in _tags(_store(context)))))


def terms(context: click.Context, _parameter: click.Parameter, start: str) -> Items:
    """Return what begins a term of a filter: keys, and behind ``KEY=`` the values that there are."""
    from engine.query.completion import complete
    from engine.query.fields import known_keys

    if "=" not in start:
        return _items(_beginning(start, (f"{name}=" for name in known_keys())))
    store = _store(context)
    names = (status.experiment for status in _statuses(store))
    return _items(
        complete(start, len(start), {"tag": _tags(store), "tags": _tags(store), "experiment": names})
    )


def sort_keys(context: click.Context, _parameter: click.Parameter, start: str) -> Items:
    """Return what a list can be sorted by."""
    from engine.query.fields import known_keys, measured_by

    return _items(_beginning(start, [*known_keys(), *measured_by(_statuses(_store(context)))]))


def runs_and_metrics(context: click.Context, parameter: click.Parameter, start: str) -> Items:
    """Return experiments and runs, and what they have measured."""
    from engine.query.fields import measured_by

    statuses = [*_statuses(_store(context))]
    names = [*(status.experiment for status in statuses), *measured_by(statuses)]
    return [*_items(_beginning(start, names)), *runs(context, parameter, start)]


def figures(context: click.Context, _parameter: click.Parameter, start: str) -> Items:
    """Return the names of the figures in the file."""
    config = _config(context)
    return _items(_beginning(start, config.figures if config is not None else ()))


def _runs_that(context: click.Context, start: str, fits: Callable[[State], bool]) -> Items:
    """Return the ids of the newest runs whose state fits, as it is now."""
    from engine.runs.liveness import status_of

    newest = [run for run in reversed(_store(context).runs()) if run.id.startswith(start)][:MOST_READ]
    return _items(run.id for run in newest if fits(status_of(run).state))


def _store(context: click.Context) -> Store:
    from engine.runs.store import Store

    return Store(_path(context, "root", "runs"))


def _config(context: click.Context) -> Config | None:
    """Return the file of experiments; None where there is none, or one with mistakes, which its verb tells of."""
    from engine.config.loader import load_config
    from engine.errors import UserError

    try:
        return load_config(_path(context, "config_path", "experiments.toml"))
    except UserError:
        return None


def _path(context: click.Context, parameter: str, default: str) -> Path:
    """Return the path that an option before the word has given, else its default."""
    return Path(context.params.get(parameter) or default)


def _statuses(store: Store) -> Iterator[Status]:
    """Yield what the status files of the newest runs say."""
    from engine.runs.status_file import cached

    return filter(None, map(cached, _newest(store)))


def _tags(store: Store) -> Iterator[str]:
    from engine.runs.labels import labels_of

    for run in _newest(store):
        yield from labels_of(run).tags


def _newest(store: Store) -> list[Run]:
    return store.runs()[: -MOST_READ - 1 : -1]


def _beginning(start: str, words: Iterable[str]) -> list[str]:
    """Return the words that begin so, each once."""
    return list(dict.fromkeys(word for word in words if word.startswith(start)))


def _is_plain(word: str) -> bool:
    return PLAIN.fullmatch(word) is not None


def _items(words: Iterable[str]) -> Items:
    return [CompletionItem(word) for word in words if _is_plain(word)]
