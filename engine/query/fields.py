"""What can be asked of a run, by name: the keys of filters and of ``engine ls --sort``.

A key is a field of the run's status, a key of its experiment, a metric, or how long ago it was made. What it takes
to compare it with decides how a value is read: ``age<2d``, ``gpu/memory_peak>3GiB``, ``test/f1>80%``.
"""

from __future__ import annotations

import datetime
import functools
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, get_args, get_origin

from engine.catalog.metrics import metric_headed, metric_of, value_of
from engine.errors import UserError
from engine.query.units import ValueKind
from engine.runs.status import ENDED, LIVE, State, Status
from engine.runs.store import stamp

WHICH = ("last", "best", "highest", "lowest")
"""Which value of a metric: the last, that of the best checkpoint, the highest or the lowest of all epochs."""


_STATES = {"waiting": "queued", "waits": "queued", "pending": "queued", "done": "finished"}
"""What people call a state that has another name here."""


class HasLabels(Protocol):
    """What people have said of a run since it was made."""

    @property
    def tags(self) -> Sequence[str]:
        """Its tags."""

    @property
    def notes(self) -> str:
        """Its note."""


class Subject:
    """A run as filters see it: its status is at hand, everything else is read when a term asks for it, once.

    Args:
        status: How it goes.
        config: Reads the configuration of its experiment, as run.json has it.
        labels: Reads its tags and notes, where those of the experiment are not all there is.
        now: Seconds since the epoch (UTC), for ages.
    """

    def __init__(
        self,
        status: Status,
        config: Callable[[], Mapping[str, Any]],
        labels: Callable[[], HasLabels] | None = None,
        now: float | None = None,
    ) -> None:
        self.status = status
        self.now = time.time() if now is None else now
        self._read_config = config
        self._read_labels = labels

    @functools.cached_property
    def config(self) -> Mapping[str, Any]:
        """The configuration of its experiment."""
        return self._read_config()

    @functools.cached_property
    def _labels(self) -> HasLabels | None:
        return None if self._read_labels is None else self._read_labels()

    @property
    def tags(self) -> Sequence[object]:
        """Its tags."""
        if self._labels is not None:
            return self._labels.tags
        tags = self.config.get("tags")
        return tags if isinstance(tags, list) else []

    @property
    def notes(self) -> object:
        """Its note."""
        return self.config.get("notes", "") if self._labels is None else self._labels.notes

    @property
    def age(self) -> float | None:
        """Seconds since it was made; for a folder with a name of its own, since it was last started."""
        made = _made(self.status.run) or self.status.started
        return self.now - made if made else None

    @property
    def duration(self) -> float | None:
        """Seconds that it has trained, in all attempts."""
        status = self.status
        if not status.attempt:
            return None
        if status.state in ENDED and status.ended:
            return status.trained_s
        end = self.now if status.state in LIVE else status.heartbeat
        return status.trained_s + max(0.0, end - status.started)


class FilterKey(NamedTuple):
    """Something that can be asked of a run."""

    name: str
    kind: ValueKind
    value: Callable[[Subject], Any]
    """Returns what the run has; None where it has nothing."""
    choices: tuple[str, ...] = ()
    """The values that it can have, where those are few."""
    slow: bool = False
    """Whether a file has to be read for it."""


def find_key(name: str, metrics: Collection[str] = ()) -> FilterKey | None:
    """Return the key of a name, None where no key has it.

    Args:
        name: The name; one with a slash in it is a metric's.
        metrics: What the runs at hand have measured: these are keys without a slash too.
    """
    if (key := known_keys().get(name)) is not None:
        return key
    if name.startswith("options.") and len(name) > len("options."):
        return FilterKey(name, "any", functools.partial(_option, name.removeprefix("options.")), slow=True)
    which, colon, metric = name.partition(":")
    if colon and which in WHICH and metric:
        return FilterKey(name, _kind_of_metric(metric), functools.partial(_metric, which, metric))
    if "/" in name.strip("/") or name in metrics:
        return FilterKey(name, _kind_of_metric(name), functools.partial(_metric, "last", name))
    return None


def key_meant(name: str, metrics: Callable[[], Collection[str]]) -> FilterKey:
    """Return the key that a user means by a name: the key of that name, or what heads a column as ``F1`` does.

    Args:
        name: What the user wrote.
        metrics: Returns what the runs at hand have measured; called where the name alone does not say.

    Raises:
        UserError: No key is meant; the message has the nearest one, or all.
    """
    headed = None if name in known_keys() else metric_headed(name)
    if headed in (None, name) and (key := find_key(name)) is not None:
        return key
    measured = metrics()
    key = find_key(name if name in measured or headed is None else headed, measured)
    if key is None:
        raise UserError(unknown_key(name, measured))
    return key


def measured_by(statuses: Iterable[Status]) -> dict[str, None]:
    """Return the metrics that some runs have measured, in the order in which they are met."""
    return dict.fromkeys(name for status in statuses for name in status.last)


def unknown_key(name: str, metrics: Collection[str] = ()) -> str:
    """Return what to say of a name that is no key: the nearest one, or all."""
    from engine.config.setting_meanings import nearest_key
    from engine.query.key_words import key_called
    from engine.text import did_you_mean

    called = key_called(name)
    hint = nearest_key(name, (*known_keys(), *metrics)) if called is None else did_you_mean(called)
    return f"unknown key {name!r}{hint}" + (f" {key_names()}" if hint == "." else "")


def unknown_choice(key: FilterKey, value: str) -> str:
    """Return what to say of a value that is none of a key's: the nearest one, and all."""
    from engine.text import nearest

    meant = _STATES.get(value.casefold(), value) if key.name == "state" else value
    return f"no {key.name} {value!r}{nearest(meant, key.choices)} Known: {', '.join(key.choices)}"


def key_names() -> str:
    """Return the names of all keys, in a sentence."""
    names = ", ".join(known_keys())
    return f"Known: {names}, options.NAME, and metrics such as test/f1, best:test/f1 or highest:test/f1"


@functools.cache
def known_keys() -> dict[str, FilterKey]:
    """Return all keys that have a name of their own, those asked for most first."""
    keys = [
        FilterKey("state", "text", _field("state"), choices=get_args(State)),
        *(
            FilterKey(name, "text", _field(name))
            for name in ("run", "experiment", "reason", "device", "host", "init", "on", "node")
        ),
        *(
            FilterKey(name, "number", _field(name))
            for name in ("seed", "epoch", "step", "attempt", "parameters")
        ),
        FilterKey("age", "seconds", lambda subject: subject.age),
        FilterKey("duration", "seconds", lambda subject: subject.duration),
        *(FilterKey(name, "text", lambda subject: subject.tags, slow=True) for name in ("tag", "tags")),
        *(FilterKey(name, "text", lambda subject: subject.notes, slow=True) for name in ("note", "notes")),
    ]
    built_in = {key.name: key for key in keys}
    return built_in | {key.name: key for key in _config_keys() if key.name not in built_in}


def _config_keys() -> list[FilterKey]:
    """Return the keys of an experiment whose values can be compared with something."""
    from typing import get_type_hints

    from engine.config.schema import Experiment

    keys = []
    for name, hint in get_type_hints(Experiment).items():
        kinds = _leaves(hint)
        value = functools.partial(_setting, name)
        if name == "name" or dict in kinds:
            continue
        if kinds & {int, float}:
            keys.append(FilterKey(name, "number", value, slow=True))
        else:
            choices = tuple(choice for choice in get_args(hint) if isinstance(choice, str))
            keys.append(FilterKey(name, "text", value, choices, slow=True))
    return keys


def _leaves(hint: Any) -> set[Any]:
    """Return the types that a hint is made of, without None: ``{int}`` for ``list[int] | None``."""
    if get_origin(hint) is dict:
        return {dict}
    parts = get_args(hint) if get_origin(hint) is not Literal else ()
    return set().union(*map(_leaves, parts)) if parts else {hint} - {type(None)}


def _field(name: str) -> Callable[[Subject], Any]:
    return lambda subject: None if (value := getattr(subject.status, name)) == "" else value


def _setting(name: str, subject: Subject) -> Any:
    """Return a key of the experiment; what a run does not set it may have measured, as other programs' ``lr``."""
    value = subject.config.get(name)
    return subject.status.last.get(name) if value is None else value


def _option(name: str, subject: Subject) -> Any:
    options = subject.config.get("options")
    return options.get(name) if isinstance(options, dict) else None


def _metric(which: str, name: str, subject: Subject) -> float | None:
    """Return a metric of a run, one of its GPUs over all of them; the highest or lowest only where that is kept."""
    status, metric = subject.status, metric_of(name)
    if which == "last":
        return value_of(status.last, name)
    if which == "best":
        return value_of(status.best, name)
    if which != metric.kind.extreme:
        return None
    return value_of(status.extremes if metric.is_evaluated else status.best, name)


def _kind_of_metric(name: str) -> ValueKind:
    unit = metric_of(name).kind.unit
    return "bytes" if unit == "bytes" else "seconds" if unit == "seconds" else "number"


@functools.lru_cache(maxsize=2**15)
def _made(run_id: str) -> float | None:
    """Return when a run was made, as its id says; None where it does not."""
    try:
        return datetime.datetime.fromisoformat(f"{stamp(run_id).replace('-', 'T')}Z").timestamp()
    except ValueError:
        return None
