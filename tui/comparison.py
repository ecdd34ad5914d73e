"""Runs side by side: what differs in how they were made, what came of it, and what is more than noise. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.duel import Difference
from engine.listing import duration
from engine.results import LARGEST
from engine.selection import settings
from engine.states import Status
from tui.text import clean, size
from tui.verdicts import Sample, is_rash, spoken
from tui.verdicts import compare as compare_samples

MOST_NAMED = 2
"""Settings that a name says."""


@dataclass(frozen=True)
class Side:
    """Runs that differ in their seed alone, as one column."""

    name: str
    config: Mapping[str, Any]
    runs: tuple[Status, ...]


@dataclass(frozen=True)
class Measure:
    """A number that is compared: where it comes from and how it is written."""

    name: str
    of: Callable[[Status], float | None]
    write: Callable[[float], str]
    metric: str = ""
    """The metric whose interval the end of a run gives, if it does."""


def _last(metric: str) -> Callable[[Status], float | None]:
    return lambda status: status.last.get(metric)


def _memory(status: Status) -> float | None:
    names = ("gpu/memory_peak", "gpu/memory_process", "cpu/memory_process")
    return next((value for name in names if (value := status.best.get(name)) is not None), None)


def _points(value: float) -> str:
    return f"{value:.3f}"


MEASURES = (
    Measure("test F1", _last("test/f1"), _points, "test/f1"),
    Measure("test accuracy", _last("test/accuracy"), _points, "test/accuracy"),
    Measure("test loss", _last("test/loss"), _points),
    Measure("calibration error", _last("test/ece"), _points),
    Measure("best test F1", lambda status: status.best.get("test/f1"), _points),
    Measure("train loss", _last("train/loss"), _points),
    Measure("memory, most", _memory, lambda value: f"{'-' if value < 0 else ''}{size(abs(value))}iB"),
    Measure("images/s", _last("train/images_per_s"), lambda value: f"{value:,.0f}"),
    Measure("training time", lambda status: status.trained_s or None,
            lambda value: f"{'-' if value < 0 else ''}{duration(abs(value))}"),
    Measure("energy, kJ", _last("gpu/energy"), lambda value: f"{value / 1000:,.1f}"),
    Measure("parameters, M", lambda status: status.parameters and status.parameters / 1e6,
            lambda value: f"{value:,.2f}"),
)  # fmt: skip


def sides(
    statuses: Iterable[Status], configs: Mapping[str, Mapping[str, Any]], baseline: str | None
) -> list[Side]:
    """Return the runs by what they were made with, seeds together; the one with the ``baseline`` run stands first."""
    groups: list[tuple[str, Mapping[str, Any], list[Status]]] = []
    for status in statuses:
        config: Mapping[str, Any] = settings(configs.get(status.run, {}))
        known = next(
            (runs for name, made, runs in groups if (name, made) == (status.experiment, config)), None
        )
        if known is None:
            groups.append((status.experiment, config, [status]))
        else:
            known.append(status)
    names = _named_apart([(name, config) for name, config, _ in groups])
    found = [Side(name, config, tuple(runs)) for name, (_, config, runs) in zip(names, groups, strict=True)]
    found.sort(key=lambda side: all(run.run != baseline for run in side.runs))
    return found


def _named_apart(made: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Return a name for each of some experiments and settings: with what differs, where one has several."""
    names = []
    for name, config in made:
        others = [other for same, other in made if same == name]
        keys = [key for key in config if any(other.get(key) != config[key] for other in others)]
        own = " ".join(f"{key}={_value(config[key])}" for key in keys[:MOST_NAMED])
        names.append(f"{clean(name)} {own}".strip())
    again = [names[:i].count(name) for i, name in enumerate(names)]
    return [f"{name} ({count + 1})" if count else name for name, count in zip(names, again, strict=True)]


def differing(found: Sequence[Side]) -> list[tuple[str, list[str]]]:
    """Return the keys in which the sides were made differently, each with a value a side."""
    keys = dict.fromkeys(key for side in found for key in side.config)
    rows = []
    for key in keys:
        values = [side.config.get(key) for side in found]
        if any(value != values[0] for value in values):
            rows.append((key, [_value(value) for value in values]))
    return rows


def _value(value: object) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return clean(", ".join(f"{key} {_value(each)}" for key, each in value.items())) or "–"
    return clean(str(value))


@dataclass(frozen=True)
class Cell:
    """What a side has of a measure, and how that differs from the baseline's."""

    value: str = "–"
    delta: str = ""
    told: bool | None = None
    """Whether the difference is more than noise; None where nothing is known."""


@dataclass(frozen=True)
class Table:
    """All that is compared."""

    sides: tuple[Side, ...]
    made: tuple[tuple[str, list[str]], ...]
    """What differs in how they were made: a key, and a value a side."""
    measured: tuple[tuple[str, list[Cell]], ...]
    verdicts: tuple[str, ...] = field(default=())


def compare(found: Sequence[Side]) -> Table:
    """Return the table of some sides against the first of them."""
    measured = []
    for measure in MEASURES:
        cells = [_cell(measure, side, found[0]) for side in found]
        if any(cell.value != "–" for cell in cells):
            measured.append((measure.name, cells))
    verdicts = [_verdict(side, found[0]) for side in found[1:]]
    return Table(tuple(found), tuple(differing(found)), tuple(measured), tuple(verdicts))


def _values(measure: Measure, side: Side) -> list[float]:
    found = (measure.of(run) for run in side.runs)
    return [value for value in found if value is not None and abs(value) <= LARGEST]


def _cell(measure: Measure, side: Side, baseline: Side) -> Cell:
    values = _values(measure, side)
    if not values:
        return Cell()
    written = measure.write(statistics.fmean(values))
    if len(values) > 1:
        if (spread := measure.write(statistics.stdev(values))) != measure.write(0.0):
            written += f" ± {spread}"
    elif (final := side.runs[0].final.get(measure.metric)) and final.margin is not None:
        written += f" ±{measure.write(final.margin)}"
    found = _difference(measure, side, baseline) if side is not baseline else None
    if found is None:
        return Cell(written)
    if found.delta == 0:
        return Cell(written, "=")
    seeds = len(values), len(_values(measure, baseline))
    told = None if math.isnan(found.p) or is_rash(found, *seeds) else found.told
    sign = "+" if found.delta >= 0 else ""
    return Cell(written, sign + measure.write(found.delta), told)


def _difference(measure: Measure, a: Side, b: Side) -> Difference | None:
    """Return how a measure differs between two sides: over their seeds, or from the intervals of one model each."""
    ours, theirs = sample(measure, a), sample(measure, b)
    return compare_samples(ours, theirs) if ours.values and theirs.values else None


def sample(measure: Measure, side: Side) -> Sample:
    """Return what the seeds of a side have of a measure."""
    finals = [run.final.get(measure.metric) for run in side.runs] if measure.metric else []
    return Sample(side.name, tuple(_values(measure, side)), finals[0] if len(finals) == 1 else None)


def _verdict(side: Side, baseline: Side) -> str:
    """Say in a sentence whether a side's F1 differs from the baseline's, by which test, and what would decide it."""
    measure = MEASURES[0]
    found = _difference(measure, side, baseline)
    if found is None:
        return f"{side.name} and {baseline.name}: not both have a test F1"
    return spoken(sample(measure, side), sample(measure, baseline), found)


def as_markdown(table: Table) -> str:
    """Return the table in Markdown."""
    head = ["", *(side.name + _count(side) for side in table.sides)]
    lines = [_row(head), _row(["---"] * len(head))]
    lines += [_row([key, *values]) for key, values in table.made]
    for name, cells in table.measured:
        lines.append(
            _row([name, *(f"{cell.value} ({cell.delta})" if cell.delta else cell.value for cell in cells)])
        )
    return "\n".join([*lines, "", *(f"- {verdict}" for verdict in table.verdicts)]) + "\n"


def _count(side: Side) -> str:
    return f" ×{len(side.runs)}" if len(side.runs) > 1 else ""


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
