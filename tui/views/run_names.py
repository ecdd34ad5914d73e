"""What a run is called where several are: by what tells it apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from engine.analysis.differing_settings import (
    distinguishing_settings,
)
from engine.runs.metadata import RunMetadata
from engine.runs.status import Status
from engine.text import clean
from tui.state.snapshot import Snapshot
from tui.text import without_common_start


def run_label(status: Status) -> str:
    """Return what tells a run from others of its experiment: seed and time (UTC)."""
    stamp = status.run[-20:-5]
    when = f"{stamp[4:6]}-{stamp[6:8]} {stamp[9:11]}:{stamp[11:13]}" if stamp[8:9] == "-" else status.run
    return f"s{status.seed} {clean(when)}"


def full_names(
    runs: Sequence[Status], among: Iterable[Status], metadata: Mapping[str, RunMetadata]
) -> dict[str, str]:
    """Return what tells runs from all others, by id: experiment, seed, what differs, the time where nothing does.

    Args:
        runs: The runs.
        among: The runs that they stand among, they themselves too.
        metadata: What the runs were made with, by id.
    """
    names: dict[str, str] = {}
    experiments = dict.fromkeys(status.experiment for status in runs)
    others: dict[str, list[Status]] = {name: [] for name in experiments}
    for status in among:
        if status.experiment in others:
            others[status.experiment].append(status)
    for experiment, of_experiment in others.items():
        made = distinguishing_settings(of_experiment, metadata, most=2)
        own = {run.run: (f"s{run.seed}", clean(made.get(run.run, ""))) for run in of_experiment}
        alike = Counter(own.values())
        for run in of_experiment:
            seed, settings = own[run.run]
            which = seed if alike[seed, settings] == 1 else run_label(run)
            names[run.run] = f"{clean(experiment)} {which} {settings}".rstrip()
    return {status.run: names.get(status.run, clean(status.run)) for status in runs}


def labels_of_drawn(snapshot: Snapshot) -> dict[str, str]:
    """Return what the charts call each run that they draw, by id; a curve alone needs no name."""
    runs = snapshot.by_id
    statuses = [runs[name] for name in snapshot.watch.runs if name in snapshot.drawn and name in runs]
    of_seeds = {run for fold in snapshot.watch.folds if len(fold) > 1 for run in fold}
    labels = curve_labels(statuses, snapshot.metadata, of_seeds)
    return dict(zip((status.run for status in statuses), labels, strict=True))


def curve_labels(
    statuses: Sequence[Status],
    metadata: Mapping[str, RunMetadata],
    of_seeds: Collection[str] = (),
    *,
    whole: bool = False,
) -> list[str]:
    """Return what tells each run from the others beside it: its experiment, and its own part among runs of that.

    The own part is what differs, the seed first, then up to two settings; the time only where neither does.

    Args:
        statuses: The runs.
        metadata: What they were made with, by id.
        of_seeds: The runs that stand for all seeds: their own is no part of their name.
        whole: Whether experiments keep what their names all begin with.
    """
    if len(statuses) < 2:
        return [""] * len(statuses)
    own: dict[str, str] = {}
    for experiment in dict.fromkeys(status.experiment for status in statuses):
        own |= _own_parts(
            [status for status in statuses if status.experiment == experiment], metadata, of_seeds
        )
    experiments = [status.experiment for status in statuses]
    several = len(set(experiments)) > 1
    names = (
        [""] * len(statuses) if not several else experiments if whole else without_common_start(experiments)
    )
    return [f"{name} {own[status.run]}".strip() for status, name in zip(statuses, names, strict=True)]


def _own_parts(
    runs: Sequence[Status], metadata: Mapping[str, RunMetadata], of_seeds: Collection[str]
) -> dict[str, str]:
    """Return what tells runs of one experiment apart; nothing for one alone."""
    if len(runs) < 2:
        return {run.run: "" for run in runs}
    made = distinguishing_settings(runs, metadata, most=2)
    several = len({run.seed for run in runs}) > 1
    parts = {
        run.run: f"s{run.seed} " * (several and run.run not in of_seeds) + clean(made.get(run.run, ""))
        for run in runs
    }
    alike = Counter(parts.values())
    return {
        run.run: parts[run.run].strip() if alike[parts[run.run]] == 1
        else f"{run_label(run)} {clean(made.get(run.run, ''))}".strip() for run in runs
    }  # fmt: skip
