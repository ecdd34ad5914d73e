"""The rows of the run list: experiments with their runs folded under them. Pure: snapshot in, rows out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from engine.listing import duration
from engine.states import LIVE, State, Status
from tui.snapshot import Snapshot
from tui.text import clean, loss, score, size, without_common_start

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
    loss: str = ""
    memory: str = ""
    left: str = ""
    note: str = ""
    """Why it waits or failed; shown where the numbers would stand."""


def make_rows(snapshot: Snapshot, unfolded: Collection[str], filter_text: str = "") -> list[Row]:
    """Return the rows: experiments in the order of the configuration, then those that only runs know.

    An experiment matches the filter by its name, tags or state of its newest run; every word has to match.
    """
    by_experiment: dict[str, list[Status]] = {}
    if snapshot.config is not None:
        by_experiment = {name: [] for name in snapshot.config.experiments}
    for status in snapshot.runs:
        by_experiment.setdefault(status.experiment or status.run, []).append(status)
    rows: list[Row] = []
    for name, runs in by_experiment.items():
        if not _matches(snapshot, name, runs, filter_text):
            continue
        newest = current(runs)
        hidden = len(runs) if name not in unfolded else 0
        rows.append(_row(f"experiment:{name}", name, newest, label=name, folded=hidden))
        if name in unfolded:
            rows += [
                _row(f"run:{run.run}", name, run, label=run_label(run), depth=1) for run in reversed(runs)
            ]
    return rows


def current(runs: Iterable[Status]) -> Status | None:
    """Return the run that stands for an experiment: one that lives, else the newest."""
    runs = list(runs)
    live = [run for run in runs if run.state in LIVE]
    return next(iter(live[-1:] or runs[-1:]), None)


def run_label(status: Status) -> str:
    """Return what tells a run from others of its experiment: seed and time (UTC)."""
    stamp = status.run[-20:-5]
    when = f"{stamp[4:6]}-{stamp[6:8]} {stamp[9:11]}:{stamp[11:13]}" if stamp[8:9] == "-" else status.run
    return f"s{status.seed} {clean(when)}"


def curve_labels(shown: Sequence[Status]) -> list[str]:
    """Return what tells each run from the others beside it: its experiment, and its seed or time if need be."""
    if len(shown) < 2:
        return [""] * len(shown)
    names = [status.experiment for status in shown]
    labels = []
    for status, name in zip(shown, without_common_start(names), strict=True):
        siblings = [other for other in shown if other.experiment == status.experiment]
        by_seed = len({other.seed for other in siblings}) == len(siblings)
        own = f"s{status.seed}" if by_seed else run_label(status)
        labels.append(f"{name} {own}" if len(siblings) > 1 else name)
    return labels


def memory(status: Status) -> float | None:
    """Return the bytes that a run holds, or held last."""
    return next((value for name in MEMORY if (value := status.last.get(name)) is not None), None)


def _row(
    key: str, experiment: str, status: Status | None, *, label: str, depth: int = 0, folded: int = 0
) -> Row:
    if status is None:
        return Row(key, experiment, None, clean(label), None, depth)
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
    )


def _matches(snapshot: Snapshot, name: str, runs: list[Status], filter_text: str) -> bool:
    words = filter_text.lower().split()
    if not words:
        return True
    experiment = snapshot.config.experiments.get(name) if snapshot.config else None
    newest = current(runs)
    known = [name, *(experiment.tags if experiment else ()), newest.state if newest else "new"]
    text = " ".join(known).lower()
    return all(word in text for word in words)
