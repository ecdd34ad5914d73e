"""``:run NAME key=value … seeds=0,1 on=SITE``: how it can go on, and what it would queue, in words. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from engine.config.preflight_warnings import oversized_batch
from engine.config.schema import LABELS, Experiment
from engine.config.setting_choices import starting_with
from engine.queue.durations import DurationEstimator
from engine.queue.forecast import MEASURED
from engine.runs.metadata import RunMetadata
from engine.runs.status import LIVE, Status
from engine.text import clean, score, setting_text, span
from tui.state.snapshot import Snapshot
from tui.views.queued_message import existing_runs
from tui.views.run_destination import HERE
from tui.views.run_overrides import Variation, complete, words

MOST_CHANGES = 4
"""How many changed settings are named."""
MOST_VALUES = 8
"""How many values of earlier runs are offered."""


class RunLine(NamedTuple):
    """What stands behind ``:run``."""

    name: str
    """The experiment's, without quotes."""
    rest: str
    """What stands behind the name, with the blank between them; empty while the name is being typed."""


def parse(text: str) -> RunLine:
    """Return the two parts of what stands behind ``:run``."""
    text = text.lstrip()
    if not (parts := words(text)):
        return RunLine("", "")
    first = parts[0]
    quote = first[0] if first[0] in "\"'" else ""
    return RunLine(first.strip(quote) if quote else first, text[len(first) :])


def offers(
    text: str, experiments: Mapping[str, Experiment], snapshot: Snapshot, sites: Collection[str]
) -> dict[str, str]:
    """Return what a text behind ``:run`` could become, each with a word on it.

    Args:
        text: What was typed.
        experiments: Those of experiments.toml.
        snapshot: The runs of now, whose values are offered too.
        sites: The names of all sites.
    """
    name, rest = parse(text)
    if not rest:
        return {f"{_quoted(known)} ": "" for known in starting_with(name, experiments)}
    if name not in experiments:
        return {}
    experiment, body = experiments[name], rest.lstrip()
    start = text[: len(text) - len(body)]
    known = {start + each: "" for each in complete(experiment, body, sites)}
    if not (pairs := words(body)) or body[-1].isspace() or "=" not in pairs[-1]:
        return known
    key, _, begun = pairs[-1].partition("=")
    before = text[: len(text) - len(begun)]
    values = _values(experiment, key, snapshot)
    used = {
        before + value: note for value, note in values.items() if value.startswith(begun) and value != begun
    }
    return used | {each: note for each, note in known.items() if each not in used}


def _quoted(name: str) -> str:
    return f'"{name}"' if any(letter.isspace() for letter in name) else name


def _values(experiment: Experiment, key: str, snapshot: Snapshot) -> dict[str, str]:
    """Return the values of a setting in the file and in earlier runs of an experiment, the newest first."""
    values: dict[str, str] = {}
    if key == "seeds":
        values[",".join(map(str, experiment.run_seeds))] = "as in the file"
    elif _is_simple(value := getattr(experiment, key, None)):
        values[setting_text(value)] = "as in the file"
    own = (status for status in reversed(snapshot.runs) if status.experiment == experiment.name)
    for status in own:
        value = snapshot.metadata.get(status.run, RunMetadata()).config.get(key)
        text = setting_text(value) if _is_simple(value) else ""
        if text and text.isprintable() and len(values) < MOST_VALUES:
            values.setdefault(text, f"of {_seed(status)}")
    return values


def _is_simple(value: object) -> bool:
    return isinstance(value, bool | int | float) or (
        isinstance(value, str) and not any(map(str.isspace, value))
    )


def _seed(status: Status) -> str:
    return f"s{status.seed}, {status.state}"


def sentences(
    variation: Variation,
    as_in_file: Experiment,
    there: Mapping[int, Status],
    snapshot: Snapshot,
    usual: str = HERE,
) -> list[str]:
    """Return what a line would queue, how long that takes, and what ran already.

    Args:
        variation: What it means.
        as_in_file: The experiment without changes.
        there: The runs that make others needless, by seed.
        snapshot: The runs of now.
        usual: Where it goes if it does not say: ``here`` or the name of a site.
    """
    experiment, place = variation.experiment, variation.on or usual
    where = f" on {clean(place)}" if place != HERE else ""
    changes = _changes(experiment, as_in_file)
    details = "".join(f", {text}" for text in changes.values())
    details += f", priority {variation.priority}" if variation.priority else ""
    missing = [seed for seed in variation.seeds if seed not in there]
    lines = []
    if missing:
        count = f"{len(missing)} runs" if len(missing) > 1 else "a run"
        lines.append(f"queues {count}{where}: {clean(experiment.name)} {_listed(missing)}{details}")
    else:
        lines.append(
            f"asks which seed: {clean(experiment.name)} has {_listed(variation.seeds)} already{details}"
        )
    facts = [_time(experiment, snapshot, len(missing) or 1, where)]
    facts.append(existing_runs(there) if there else _before(variation, changes, snapshot))
    facts.append(oversized_batch(experiment) or "")
    if text := "; ".join(filter(None, facts)):
        lines.append(text)
    return lines


def _listed(seeds: Sequence[int]) -> str:
    *others, last = (f"s{seed}" for seed in seeds)
    return f"{', '.join(others)} and {last}" if others else last


def _changes(experiment: Experiment, as_in_file: Experiment) -> dict[str, str]:
    """Return the settings that are not as in the file, each in words."""
    now, file = msgspec.structs.asdict(experiment), msgspec.structs.asdict(as_in_file)
    changed = [key for key in now if key not in LABELS | {"seed", "seeds"} and now[key] != file[key]]
    texts = {
        key: f"{key} {setting_text(now[key], '–')} (file: {setting_text(file[key], '–')})" for key in changed
    }
    more = len(texts) - MOST_CHANGES
    texts = dict(list(texts.items())[:MOST_CHANGES])
    return texts | ({"": f"{more} more that go with them"} if more > 0 else {})


def _time(experiment: Experiment, snapshot: Snapshot, count: int, where: str) -> str:
    seconds = takes_s(experiment, snapshot)
    if seconds is None:
        return "first of its kind: time not known"
    return f"about {span(seconds)}{' each' if count > 1 else ''}{where or ', on this machine'}"


def takes_s(experiment: Experiment, snapshot: Snapshot) -> float | None:
    """Return the seconds that a run of an experiment would take, by the speed of those before; None if unknown."""
    live = [status for status in snapshot.runs if status.state in LIVE]
    ended = sorted(
        (status for status in snapshot.runs if status.state not in LIVE), key=lambda each: each.ended
    )
    configs = {run: metadata.config for run, metadata in snapshot.metadata.items()}
    durations = DurationEstimator(
        [*live, *ended[-MEASURED:]], configs | {"": msgspec.structs.asdict(experiment)}
    )
    return durations.left(Status(run="", experiment=experiment.name, seed=experiment.seed)).seconds


def _before(variation: Variation, changes: Iterable[str], snapshot: Snapshot) -> str:
    """Return the score of the newest finished run of one of the seeds, with its values of what is changed."""
    for status in reversed(snapshot.runs):
        metadata = snapshot.metadata.get(status.run, RunMetadata())
        if (status.experiment, status.state) == (
            variation.experiment.name,
            "finished",
        ) and status.seed in variation.seeds:
            f1 = status.last.get("test/f1")
            how = ", ".join(f"{key} {setting_text(metadata.config.get(key), '–')}" for key in changes if key)
            return f"seed {status.seed} ran{f' at {how}' if how else ''}{'' if f1 is None else f': F1 {score(f1)}'}"
    return ""
