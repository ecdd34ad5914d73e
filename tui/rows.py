"""The rows of the run list: experiments with their runs folded under them. Pure: snapshot in, rows out."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.labels import Labels
from engine.listing import duration
from engine.states import LIVE, State, Status
from tui.sieve import Meant
from tui.snapshot import About, Snapshot
from tui.text import clean, loss, score, size, without_common_start
from tui.watching import KINDS, Kind

MEMORY = ("gpu/memory_process", "gpu/memory_used", "cpu/memory_process")
"""Where a run's memory is looked for, the truest first."""


@dataclass(frozen=True)
class Row:
    """A row: an experiment (its newest run's facts), or one of its runs."""

    key: str
    experiment: str
    run: str | None
    """The run whose facts these are; None for an experiment that has none."""
    label: str
    state: State | None
    depth: int = 0
    folded: int = 0
    """How many runs an experiment's row hides."""
    epoch: str = ""
    f1: str = ""
    """Of the run, or of the experiment's runs that differ in their seed alone: .401±.006."""
    loss: str = ""
    memory: str = ""
    left: str = ""
    note: str = ""
    """Why it waits or failed; shown where the numbers would stand."""
    alarm: Kind | None = None
    """The gravest of what is wrong with the run, or with those that an experiment's row hides."""
    tags: tuple[str, ...] = ()
    noted: bool = False
    """Whether there is something to be read of it."""


@dataclass(frozen=True)
class Order:
    """What the rows are sorted by: the order of the configuration, or a number of each experiment's newest run."""

    name: str
    key: Callable[[Status], float | None] | None = None
    best_first: bool = True
    """Whether the largest number stands first."""


ORDERS = (
    Order("as configured"),
    Order("test F1", lambda status: status.last.get("test/f1")),
    Order("train loss", lambda status: status.last.get("train/loss"), best_first=False),
    Order("memory", lambda status: memory(status), best_first=False),
    Order("newest", lambda status: status.started or status.heartbeat),
)


def make_rows(
    snapshot: Snapshot, unfolded: Collection[str], meant: Meant | None = None,
    order: Order = ORDERS[0], *, reverse: bool = False,
) -> list[Row]:  # fmt: skip
    """Return the rows: experiments in an order, at first that of the configuration, then those that only runs know.

    Args:
        snapshot: What there is.
        unfolded: The experiments whose runs are listed.
        meant: The runs, and experiments without any, that a filter means; None for all. An experiment stands for
            those of its runs that are meant.
        order: What the experiments are sorted by.
        reverse: Whether they stand the other way round.
    """
    rows: list[Row] = []
    for name, runs in _sorted(_by_experiment(snapshot, meant), order, reverse):
        newest = current(runs)
        hidden = len(runs) if name not in unfolded else 0
        about = _about_newest(snapshot, name, newest)
        row = _row(f"experiment:{name}", name, newest, about, label=name, folded=hidden)
        if folded := over_seeds(runs, snapshot.about):
            row = replace(row, f1=folded)
        if alarm := gravest(snapshot, runs if hidden else ([newest] if newest else [])):
            row = replace(row, alarm=alarm)
        rows.append(row)
        if name in unfolded:
            made = told_apart(runs, snapshot.about)
            rows += [
                replace(
                    _row(
                        f"run:{run.run}",
                        name,
                        run,
                        snapshot.about.get(run.run),
                        label=f"{run_label(run)} {made.get(run.run, '')}".rstrip(),
                        depth=1,
                    ),
                    alarm=gravest(snapshot, [run]),
                )
                for run in reversed(runs)
            ]
    return rows


def gravest(snapshot: Snapshot, runs: Iterable[Status]) -> Kind | None:
    """Return the gravest of what is wrong with these runs, None if nothing is."""
    if not snapshot.alarms:
        return None
    kinds = {alarm.kind for status in runs for alarm in snapshot.alarms.get(status.run, ())}
    return next((kind for kind in KINDS if kind in kinds), None)


def _by_experiment(snapshot: Snapshot, meant: Meant | None) -> dict[str, list[Status]]:
    found: dict[str, list[Status]] = {}
    if snapshot.config is not None:
        found = {name: [] for name in snapshot.config.experiments}
    for status in snapshot.runs:
        if meant is None or status.run in meant.runs:
            found.setdefault(status.experiment or status.run, []).append(status)
    if meant is None:
        return found
    return {name: runs for name, runs in found.items() if runs or name in meant.experiments}


def _about_newest(snapshot: Snapshot, name: str, newest: Status | None) -> About | None:
    """Return what is said of the run that stands for an experiment, or of the experiment itself."""
    if newest is not None:
        return snapshot.about.get(newest.run)
    experiment = snapshot.config.experiments.get(name) if snapshot.config else None
    return About(labels=Labels(tags=tuple(experiment.tags), notes=experiment.notes)) if experiment else None


def _sorted(
    by_experiment: Mapping[str, list[Status]], order: Order, reverse: bool
) -> list[tuple[str, list[Status]]]:
    """Sort experiments; one whose newest run has no such number stands last either way."""
    entries = list(by_experiment.items())
    if order.key is None:
        return entries[::-1] if reverse else entries

    def number(entry: tuple[str, list[Status]]) -> float | None:
        newest = current(entry[1])
        return order.key(newest) if newest is not None and order.key is not None else None

    known = [entry for entry in entries if number(entry) is not None]
    known.sort(key=lambda entry: number(entry) or 0.0, reverse=order.best_first != reverse)
    return known + [entry for entry in entries if number(entry) is None]


def current(runs: Iterable[Status]) -> Status | None:
    """Return the run that stands for an experiment: one that lives, else the newest."""
    runs = list(runs)
    live = [run for run in runs if run.state in LIVE]
    return next(iter(live[-1:] or runs[-1:]), None)


def siblings(runs: Iterable[Status], chosen: Collection[str]) -> set[str]:
    """Return the newest run of each seed, of the experiments that the chosen runs are of."""
    runs = list(runs)
    experiments = {status.experiment for status in runs if status.run in chosen}
    of_seed = {
        (status.experiment, status.seed): status.run
        for status in runs
        if status.experiment in experiments and (status.state in LIVE or status.state == "finished")
    }
    return set(of_seed.values())


def over_seeds(runs: Sequence[Status], about: Mapping[str, About]) -> str:
    """Return mean and standard deviation of the test F1 over seeds, as .401±.006; nothing where that says nothing.

    It is over the newest finished run of each seed, as far as they were made with the same settings as the newest run,
    which has to be finished itself.
    """
    newest = current(runs)
    if newest is None or newest.state != "finished" or newest.run not in about:
        return ""
    made = about[newest.run].config
    alike = {id(made): True}  # runs that were made with the same share the object: few are compared
    of_seed = {}
    for status in runs:
        f1, other = status.last.get("test/f1"), about.get(status.run)
        if status.state != "finished" or f1 is None or other is None:
            continue
        if id(other.config) not in alike:
            alike[id(other.config)] = _same(other.config, made)
        if alike[id(other.config)]:
            of_seed[status.seed] = f1
    if len(of_seed) < 2:
        return ""
    return f"{score(statistics.mean(of_seed.values()))}±{score(statistics.stdev(of_seed.values()))}"


def told_apart(runs: Sequence[Status], about: Mapping[str, About], most: int = 3) -> dict[str, str]:
    """Return what tells runs of an experiment apart that were not made with the same: ``lr=0.002 epochs=4``."""
    configs = {run.run: about[run.run].config for run in runs if run.run in about}
    unique = {id(config): config for config in configs.values()}  # runs made with the same share the object
    if len(unique) < 2:
        return {}
    from engine.selection import settings

    made = {key: settings(config) for key, config in unique.items()}
    first = next(iter(made.values()))
    keys = [key for key, value in first.items() if any(other[key] != value for other in made.values())]
    said = {
        key: " ".join(f"{name}={found[name]:g}" if isinstance(found[name], float) else f"{name}={found[name]}"
                      for name in keys[:most])
        for key, found in made.items()
    }  # fmt: skip
    return {run: said[id(config)] for run, config in configs.items()}


def _same(config: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    from engine.selection import settings

    return settings(config) == settings(other)


def run_label(status: Status) -> str:
    """Return what tells a run from others of its experiment: seed and time (UTC)."""
    stamp = status.run[-20:-5]
    when = f"{stamp[4:6]}-{stamp[6:8]} {stamp[9:11]}:{stamp[11:13]}" if stamp[8:9] == "-" else status.run
    return f"s{status.seed} {clean(when)}"


def curve_labels(shown: Sequence[Status], about: Mapping[str, About]) -> list[str]:
    """Return what tells each run from the others beside it: its experiment, and its own part among runs of that.

    The own part is what differs, the seed first, then up to two settings; the time only where neither does.
    """
    if len(shown) < 2:
        return [""] * len(shown)
    own: dict[str, str] = {}
    for experiment in dict.fromkeys(status.experiment for status in shown):
        own |= _own_parts([status for status in shown if status.experiment == experiment], about)
    experiments = [status.experiment for status in shown]
    names = without_common_start(experiments) if len(set(experiments)) > 1 else [""] * len(shown)
    return [f"{name} {own[status.run]}".strip() for status, name in zip(shown, names, strict=True)]


def _own_parts(runs: Sequence[Status], about: Mapping[str, About]) -> dict[str, str]:
    """Return what tells runs of one experiment apart; nothing for one alone."""
    if len(runs) < 2:
        return {run.run: "" for run in runs}
    made = told_apart(runs, about, most=2)
    seeds = len({run.seed for run in runs}) > 1
    parts = {run.run: f"s{run.seed} " * seeds + clean(made.get(run.run, "")) for run in runs}
    alike = Counter(parts.values())
    return {
        run.run: parts[run.run].strip() if alike[parts[run.run]] == 1
        else f"{run_label(run)} {clean(made.get(run.run, ''))}".strip() for run in runs
    }  # fmt: skip


def memory(status: Status) -> float | None:
    """Return the bytes that a run holds, or held last."""
    return next((value for name in MEMORY if (value := status.last.get(name)) is not None), None)


def _row(
    key: str, experiment: str, status: Status | None, about: About | None,
    *, label: str, depth: int = 0, folded: int = 0,
) -> Row:  # fmt: skip
    labels = Labels() if about is None else about.labels
    tags = tuple(map(clean, labels.tags))
    if status is None:
        return Row(key, experiment, None, clean(label), None, depth, tags=tags, noted=bool(labels.notes))
    note = {"queued": clean(status.reason) or "waits", "starting": "starting …"}.get(status.state, "")
    if status.state in ("failed", "crashed") or (status.state == "stopped" and not status.last):
        note = clean(status.reason)
    return Row(
        key=key,
        experiment=experiment,
        run=status.run,
        label=clean(label),
        state=status.state,
        depth=depth,
        folded=folded,
        epoch=f"{int(status.epoch + 1e-6)}/{status.epochs}" if status.epochs else "",
        f1=score(status.last.get("test/f1")),
        loss=loss(status.last.get("train/loss")),
        memory=size(memory(status)),
        left=duration(status.eta_s) if status.state == "running" and status.eta_s is not None else "",
        note=note,
        tags=tags,
        noted=bool(labels.notes),
    )
