"""Which of a snapshot's runs a filter means. Pure; of ten thousand runs only those are judged anew that changed."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable
from typing import NamedTuple, cast, get_args

import msgspec

from engine.config.schema import Experiment
from engine.query.completion import complete
from engine.query.fields import Subject, find_key, measured_by
from engine.query.matching import Filter
from engine.query.nothing_found import advice
from engine.query.parser import FilterError, parse
from engine.runs.labels import Labels
from engine.runs.metadata import RunMetadata
from engine.runs.status import State, Status
from tui.state.snapshot import Snapshot

FRESH_S = 5.0
"""Seconds for which a judgement of ages and durations is good."""


class Meant(NamedTuple):
    """What a filter means: runs by their ids, and experiments that have none yet by their names."""

    runs: set[str]
    experiments: set[str]

    def __bool__(self) -> bool:
        return bool(self.runs or self.experiments)


def experiments_passing(snapshot: Snapshot, meant: Meant) -> tuple[int, int]:
    """Return how many experiments a filter leaves, with those that only runs know, and how many there are."""
    of_run = {status.run: status.experiment or status.run for status in snapshot.runs}
    everything = set(of_run.values()) | set(
        snapshot.config.experiments if snapshot.config is not None else ()
    )
    return len({of_run[run] for run in meant.runs} | meant.experiments), len(everything)


class Subjects:
    """The runs as filters see them, each made once for every change of it, for one filter after the other."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Status, RunMetadata | None, Subject]] = {}

    def of(self, status: Status, metadata: RunMetadata | None) -> Subject:
        """Return a run as filters see it, with its settings and labels; None for those that are not read yet."""
        made = self._made.get(status.run)
        if made is None or made[0] is not status or made[1] is not metadata:
            made = self._made[status.run] = status, metadata, _subject(status, metadata or RunMetadata())
        return made[2]

    def keep(self, runs: Collection[Status]) -> None:
        """Forget runs that are gone, once they are the majority."""
        if len(self._made) > 2 * len(runs):
            there = {status.run for status in runs}
            self._made = {name: made for name, made in self._made.items() if name in there}


class Sieve:
    """A filter with a memory of the runs that it has judged."""

    def __init__(self, condition: Filter, subjects: Subjects | None = None) -> None:
        self.condition = condition
        self._subjects = subjects or Subjects()
        self._timed = any((key := find_key(term.key)) and key.kind == "seconds" for term in condition.terms)
        self._judged: dict[str, tuple[Status, RunMetadata | None, bool]] = {}
        self._judged_at = 0.0

    def sift(self, snapshot: Snapshot, now: float | None = None) -> Meant:
        """Return the runs and experiments that the filter means; settings not read yet count as missing."""
        if now is None:
            now = snapshot.past.moment if snapshot.past is not None else time.time()
        if self._timed and abs(now - self._judged_at) >= FRESH_S:
            self._judged, self._judged_at = {}, now
        judged, metadata = self._judged, snapshot.metadata
        runs = set()
        for status in snapshot.runs:
            verdict, run_metadata = judged.get(status.run), metadata.get(status.run)
            if verdict is None or verdict[0] is not status or verdict[1] is not run_metadata:
                subject = self._subjects.of(status, run_metadata)
                subject.now = now
                verdict = judged[status.run] = status, run_metadata, self.condition.matches(subject)
            if verdict[2]:
                runs.add(status.run)
        self._subjects.keep(snapshot.runs)
        return Meant(runs, self._unmade(snapshot))

    def advice(self, snapshot: Snapshot) -> str:
        """Return why the filter finds nothing, or what finds something; empty where neither is known, or it does."""
        if self.sift(snapshot):
            return ""
        of_runs = {status.experiment for status in snapshot.runs if status.experiment}
        return advice(
            self.condition,
            lambda other: bool(Sieve(other, self._subjects).sift(snapshot)),
            of_runs.union(snapshot.config.experiments if snapshot.config is not None else ()),
            [status.run for status in snapshot.runs],
        )

    def _unmade(self, snapshot: Snapshot) -> set[str]:
        """Return the experiments without a run of which the filter holds: they have settings, and no state."""
        if snapshot.config is None:
            return set()
        made = {status.experiment for status in snapshot.runs}
        return {
            name
            for name, experiment in snapshot.config.experiments.items()
            if name not in made and self.condition.matches(_subject(*_as_run(name, experiment)))
        }


STATES = frozenset(get_args(State))
"""Words that mean a state where they stand alone."""
_BETWEEN = re.compile("([ |])")
"""What stands between words."""


def understand(
    text: str, snapshot: Snapshot, *, writing: bool, subjects: Subjects | None = None
) -> tuple[Sieve | None, str]:
    """Return the sieve of a filter's text, and what is wrong with it in words, empty where nothing is.

    Args:
        text: The filter.
        snapshot: The runs that the filter is tried on.
        writing: Whether it is being written. Then its last term counts once it makes sense, and is no mistake as long
            as something can come of it.
        subjects: What filters before this one have seen.
    """
    text = "".join(f"state={word}" if word in STATES else word for word in _BETWEEN.split(text))
    try:
        sieve = Sieve(parse(text, lambda: measured_by(snapshot.runs)), subjects)
    except FilterError as error:
        if not writing:
            return None, error.message
        may_become = complete(text, len(text), dict.fromkeys(measured_by(snapshot.runs), ()))
        return _without_last(text, snapshot, subjects), "" if may_become else error.message
    terms = sieve.condition.terms
    if writing and terms and _begins_key(text, terms[-1].key) and not sieve.sift(snapshot):
        return Sieve(Filter(terms[:-1]), subjects), ""
    return sieve, ""


def _without_last(text: str, snapshot: Snapshot, subjects: Subjects | None) -> Sieve | None:
    """Return the sieve of all but the last term; None if that cannot be understood either."""
    before = text[: len(text.rstrip()) - len(text.split()[-1])]
    try:
        return Sieve(parse(before, lambda: measured_by(snapshot.runs)), subjects)
    except FilterError:
        return None


def known_values(snapshot: Snapshot) -> dict[str, Iterable[str]]:
    """Return the values that keys have in a snapshot, and its metrics as keys, for completion."""
    fields = {name: {getattr(status, name) for status in snapshot.runs} for name in _FIELDS}
    metrics = measured_by(snapshot.runs)
    all_metadata = list(snapshot.metadata.values())
    if snapshot.config is not None:
        experiments = snapshot.config.experiments
        fields["experiment"] |= set(experiments)
        all_metadata += [_as_run(name, experiment)[1] for name, experiment in experiments.items()]
    configs = {id(metadata.config): metadata.config for metadata in all_metadata}.values()
    for name in _SETTINGS:
        fields[name] = {str(value) for config in configs if (value := config.get(name)) is not None}
    tags = sorted({tag for metadata in all_metadata for tag in metadata.labels.tags})
    values_by_key: dict[str, Iterable[str]] = {name: sorted(values - {""}) for name, values in fields.items()}
    return values_by_key | {"tag": tags, "tags": tags} | dict.fromkeys(sorted(metrics), ())


_FIELDS = ("experiment", "device", "host", "init")
_SETTINGS = ("model", "dataset", "image_size", "patch_size", "batch_size", "lr", "optimizer", "precision")


def _begins_key(text: str, key: str) -> bool:
    """Return whether a text ends in a word that could become a key."""
    word = text.rpartition(" ")[2]
    return not key and bool(word) and any(completed != text for completed in complete(text, len(text)))


def _subject(status: Status, metadata: RunMetadata) -> Subject:
    return Subject(status, lambda: metadata.config, lambda: metadata.labels)


def _as_run(name: str, experiment: Experiment) -> tuple[Status, RunMetadata]:
    status = Status(run="", experiment=name, seed=experiment.seed, state=cast("State", ""))
    labels = Labels(tags=tuple(experiment.tags), notes=experiment.notes)
    return status, RunMetadata(msgspec.structs.asdict(experiment), labels)
