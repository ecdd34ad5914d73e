"""Runs side by side: what differs in how they were made, what came of it, and what is more than noise. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine.analysis.results import LARGEST
from engine.analysis.seed_groups import Side, differing
from engine.analysis.verdicts import Sample, is_rash, spoken
from engine.analysis.verdicts import compare as compare_samples
from engine.analysis.welch import Difference
from engine.catalog.metrics import peak_memory, value_of
from engine.runs.status import Status
from engine.text import duration, markdown, markdown_table, size


@dataclass(frozen=True)
class Measure:
    """A number that is compared: where it comes from and how it is written."""

    name: str
    of: Callable[[Status], float | None]
    write: Callable[[float], str]
    metric: str = ""
    """The metric whose interval the end of a run gives, if it does."""
    exact: bool = False
    """Whether it has no noise, and needs no training to be known."""


def _last(metric: str) -> Callable[[Status], float | None]:
    return lambda status: value_of(status.last, metric)


def _points(value: float) -> str:
    return f"{value:.3f}"


SPREAD = "± over seeds: standard deviation; of one seed, and in verdicts: 95 %"
"""What stands behind a value."""
MEASURES = (
    Measure("test F1", _last("test/f1"), _points, "test/f1"),
    Measure("test accuracy", _last("test/accuracy"), _points, "test/accuracy"),
    Measure("test loss", _last("test/loss"), _points),
    Measure("calibration error", _last("test/ece"), _points),
    Measure("train loss", _last("train/loss"), _points),
    Measure("memory, most", lambda status: peak_memory(status.best),
            lambda value: f"{'-' if value < 0 else ''}{size(abs(value))}iB"),
    Measure("images/s", _last("train/images_per_s"), lambda value: f"{value:,.0f}"),
    Measure("training time", lambda status: status.trained_s or None,
            lambda value: f"{'-' if value < 0 else ''}{duration(abs(value))}"),
    Measure("energy, kJ", _last("gpu/energy"), lambda value: f"{value / 1000:,.1f}"),
    Measure("parameters, M", lambda status: status.parameters and status.parameters / 1e6,
            lambda value: f"{value:,.2f}", exact=True),
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """What a side has of a measure, and how that differs from the baseline's."""

    value: str = "–"
    delta: str = ""
    told: bool | None = None
    """Whether the difference is more than noise; None where nothing is known."""
    exact: bool = False
    """Whether there is no noise that it could be."""


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
    verdicts = [_unjudged(found[0])] if not found[0].finished else []
    for side in found[1:]:
        if not side.finished:
            verdicts.append(_unjudged(side))
        elif found[0].finished:
            verdicts.append(_verdict(side, found[0]))
    return Table(tuple(found), tuple(differing(found)), tuple(measured), tuple(verdicts))


def _values(measure: Measure, side: Side) -> list[float]:
    found = (measure.of(run) for run in side.counted)
    return [value for value in found if value is not None and abs(value) <= LARGEST]


def _cell(measure: Measure, side: Side, baseline: Side) -> Cell:
    values = _values(measure, side)
    if not values:
        return Cell()
    if not side.finished:  # they stand at different epochs: no mean, no spread
        ends = dict.fromkeys(measure.write(value) for value in (min(values), max(values)))
        written = " … ".join(ends)
    else:
        written = measure.write(statistics.fmean(values)) + _spread(measure, side, values)
    if side is baseline or not (measure.exact or (side.finished and baseline.finished)):
        return Cell(written)
    found = _difference(measure, side, baseline)
    if found is None:
        return Cell(written)
    if found.delta == 0:
        return Cell(written, "=")
    seeds = len(values), len(_values(measure, baseline))
    told = None if math.isnan(found.p) or is_rash(found, *seeds) else found.told
    sign = "+" if found.delta >= 0 else ""
    delta = sign + measure.write(found.delta)
    return Cell(written, delta, exact=True) if measure.exact else Cell(written, delta, told)


def _spread(measure: Measure, side: Side, values: Sequence[float]) -> str:
    """Return how far the seeds spread, or the interval of a single one; empty where neither is known."""
    if len(values) > 1:
        spread = measure.write(statistics.stdev(values))
        return f" ± {spread}" if spread != measure.write(0.0) else ""
    final = side.counted[0].final.get(measure.metric)
    return f" ±{measure.write(final.margin)}" if final and final.margin is not None else ""


def _difference(measure: Measure, a: Side, b: Side) -> Difference | None:
    """Return how a measure differs between two sides: over their seeds, or from the intervals of one model each."""
    ours, theirs = sample(measure, a), sample(measure, b)
    return compare_samples(ours, theirs) if ours.values and theirs.values else None


def sample(measure: Measure, side: Side) -> Sample:
    """Return what the seeds of a side have of a measure."""
    finals = [run.final.get(measure.metric) for run in side.counted] if measure.metric else []
    epochs = {run.epochs for run in side.counted}
    return Sample(
        side.name,
        tuple(_values(measure, side)),
        finals[0] if len(finals) == 1 else None,
        epochs.pop() if len(epochs) == 1 else None,
    )


def _unjudged(side: Side) -> str:
    """Say why a side cannot be judged."""
    return f"{side.name} has not finished ({side.left_out}): no verdict{' yet' if side.live else ''}"


def _verdict(side: Side, baseline: Side) -> str:
    """Say in a sentence whether a side's F1 differs from the baseline's, by which test, and what would decide it."""
    measure = MEASURES[0]
    found = _difference(measure, side, baseline)
    if found is None:
        return f"{side.name} and {baseline.name}: not both have a test F1"
    return spoken(sample(measure, side), sample(measure, baseline), found)


def as_markdown(table: Table) -> str:
    """Return the table in Markdown."""
    head = ["", *map(_headed, table.sides)]
    rows = [[key, *values] for key, values in table.made]
    for name, cells in table.measured:
        rows.append([name, *(f"{cell.value} ({cell.delta})" if cell.delta else cell.value for cell in cells)])
    verdicts = [f"- {markdown(verdict)}" for verdict in table.verdicts]
    return "\n".join([markdown_table(head, rows), *verdicts, f"\n{SPREAD}."]) + "\n"


def _headed(side: Side) -> str:
    return side.name + side.count + (f" ({side.left_out})" if side.left_out else "")
