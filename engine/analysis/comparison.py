"""Runs side by side: how their settings and their results differ, and what the seeds say of that. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from engine.analysis.comparison_sides import Side, differing
from engine.analysis.conclusions.brief_sentences import brief_sentences
from engine.analysis.conclusions.costs import MEMORY_RATIO, TRAINING_TIME, Ratio, cost_of, ratio_of
from engine.analysis.conclusions.evidence import Evidence, data_of, measured, model_interval
from engine.analysis.conclusions.judged_metrics import PRIMARY
from engine.analysis.conclusions.judgement import Judgement
from engine.analysis.conclusions.pairs import PairStatus
from engine.analysis.conclusions.sentences import sentences
from engine.analysis.curves import LARGEST
from engine.analysis.results import Score
from engine.analysis.statistics.seed_intervals import typical
from engine.analysis.statistics.significance import ALPHA
from engine.catalog.metrics import peak_memory, value_of
from engine.runs.status import Status
from engine.text import binary_size, duration


@dataclass(frozen=True)
class Measure:
    """A number that is compared: where it comes from and how it is written."""

    name: str
    of: Callable[[Status], float | None]
    write: Callable[[float], str]
    metric: str = ""
    """The metric that it is judged by; empty where it is only shown."""
    cost: str = ""
    """The cost that ``cost_of`` reads; empty where it is no cost."""


def _score(name: str, metric: str) -> Measure:
    return Measure(name, lambda status: measured(status, metric), lambda value: f"{value:.3f}", metric)


def _last(metric: str) -> Callable[[Status], float | None]:
    return lambda status: value_of(status.last, metric)


SPREAD = (
    "± over seeds: standard deviation; in brackets: 95 %; of images/s, training time and energy: median and range, "
    "× of the medians"
)
"""What stands behind a value."""
UNJUDGED = "?"
"""Stands for a difference of which nothing is said."""
MEMORY = Measure("memory, most", lambda status: peak_memory(status.best), binary_size)
PARAMETERS = Measure("parameters", lambda status: status.parameters,
                     lambda value: f"{value / 1e6:,.2f} M")  # fmt: skip
MEASURES = (
    _score("test F1", "test/f1"),
    _score("test accuracy", "test/accuracy"),
    _score("test loss", "test/loss"),
    _score("calibration error", "test/ece"),
    _score("train loss", "train/loss"),
    MEMORY,
    Measure("images/s", _last("train/images_per_s"), lambda value: f"{value:,.0f}",
            cost="train/images_per_s"),
    Measure("training time", lambda status: status.trained_s or None, duration, cost=TRAINING_TIME),
    Measure("energy", _last("gpu/energy"), lambda value: f"{value / 1000:,.1f} kJ",
            cost="gpu/energy"),
    PARAMETERS,
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """The value of a measure on one side, and how it differs from the baseline's."""

    value: str = "–"
    delta: str = ""
    interval: str = ""
    """Of the difference, in brackets: 95 %, of a ratio the range."""
    status: PairStatus | None = None
    """What is concluded of the difference; None for measures that are only shown."""
    range: str = ""
    """From the lowest to the highest seed, in brackets, of a cost, whose value is the median."""


class Row(NamedTuple):
    """A measure with a cell for each side, and what is not compared by it."""

    name: str
    cells: list[Cell]
    unjudged: dict[str, list[str]]
    """By the reason: of which sides."""


@dataclass(frozen=True)
class Table:
    """All that is compared."""

    sides: tuple[Side, ...]
    made: tuple[tuple[str, list[str]], ...]
    """The settings that differ: a key, and its value on each side."""
    measured: tuple[tuple[str, list[Cell]], ...]
    verdicts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What is not compared, and why."""
    judgement: Judgement | None = None
    """Of the sides that have finished, by the score that verdicts speak of."""

    @property
    def alpha(self) -> float:
        """The level at which sides are told apart."""
        return ALPHA if self.judgement is None else self.judgement.alpha


def compare(sides: Sequence[Side], evidence: Evidence) -> Table:
    """Return the table that compares sides with the first of them.

    Args:
        sides: The sides, at least one; the first is the baseline.
        evidence: All runs of the project.
    """
    judged = _judged(sides)
    judgements = _judgements(judged, evidence)
    rows = [_row(measure, sides, judgements.get(measure.metric), judged) for measure in MEASURES]
    rows = [row for row in rows if any(cell.value != Cell.value for cell in row.cells)]
    primary = next((judgements[metric] for metric in PRIMARY if metric in judgements), None)
    return Table(
        sides=tuple(sides),
        made=tuple(differing(sides)),
        measured=tuple((row.name, row.cells) for row in rows),
        verdicts=(*(sentences(primary) if primary else ()), *_unjudged(sides, judged)),
        notes=tuple(_notes(rows, judgements)),
        judgement=primary,
    )


def _judged(sides: Sequence[Side]) -> list[Side]:
    """Return which sides are judged: those that finished on the same data as the first one, if that has finished."""
    if not sides[0].finished:
        return []
    data = data_of(sides[0].choice)
    return [side for side in sides if side.finished and data_of(side.choice) == data]


def _judgements(judged: Sequence[Side], evidence: Evidence) -> dict[str, Judgement]:
    """Return what is concluded by each metric that two sides have measured."""
    if len(judged) < 2:
        return {}
    choices = {side.name: side.choice for side in judged}
    metrics = [measure.metric for measure in MEASURES if measure.metric]
    judgements = {metric: evidence.judge(choices, metric, baseline=judged[0].name) for metric in metrics}
    comparing = {metric: judgement for metric, judgement in judgements.items() if len(judgement.ranked) > 1}
    return comparing or {PRIMARY[0]: judgements[PRIMARY[0]]}


def _row(measure: Measure, sides: Sequence[Side], judgement: Judgement | None, judged: Sequence[Side]) -> Row:
    row = Row(measure.name, [], {})
    for side in sides:
        cell = Cell(_written(measure, side), range=_range(measure, side))
        is_compared = side is not sides[0] and (measure is PARAMETERS or side in judged)
        if is_compared and cell.value != Cell.value:
            cell = _against(measure, side, sides[0], judgement, cell, row.unjudged)
        row.cells.append(cell)
    return row


def _against(
    measure: Measure,
    side: Side,
    baseline: Side,
    judgement: Judgement | None,
    cell: Cell,
    unjudged: dict[str, list[str]],
) -> Cell:
    """Return a cell with its difference from the baseline's, in the form that its kind of measure allows."""
    if measure.cost:
        ratio = ratio_of(
            cost_of(side.name, side.choice, measure.cost),
            cost_of(baseline.name, baseline.choice, measure.cost),
        )
        if isinstance(ratio, Ratio):
            interval = f"({ratio.low:.2f} to {ratio.high:.2f})"
            return replace(cell, delta=f"× {ratio.ratio:.2f}", interval=interval)
        if _values(measure, baseline):
            unjudged.setdefault(ratio, []).append(side.name)
            return replace(cell, delta=UNJUDGED)
        return cell
    if measure.metric:
        return _scored(measure, side, baseline, judgement, cell)
    values, baseline_values = _values(measure, side), _values(measure, baseline)
    if not baseline_values:
        return cell
    if measure is MEMORY and max(values + baseline_values) <= MEMORY_RATIO * min(
        max(values), max(baseline_values)
    ):
        return Cell(cell.value, "=")
    return Cell(cell.value, _signed(measure, max(values) - max(baseline_values)))


def _scored(measure: Measure, side: Side, baseline: Side, judgement: Judgement | None, cell: Cell) -> Cell:
    pair = judgement.pair(side.name, baseline.name) if judgement is not None else None
    values, baseline_values = _values(measure, side), _values(measure, baseline)
    if pair is None or not values or not baseline_values:
        return cell
    delta = _signed(measure, Score(values).mean - Score(baseline_values).mean)
    _, low, high = pair.seen_from(side.name)
    is_known = pair.status is not PairStatus.UNJUDGED and math.isfinite(low) and math.isfinite(high)
    interval = f"({measure.write(low)} to {measure.write(high)})" if is_known else ""
    return Cell(cell.value, delta, interval, pair.status if measure.metric in PRIMARY else None)


def _values(measure: Measure, side: Side) -> tuple[float, ...]:
    if measure.cost and side.finished:
        return cost_of(side.name, side.choice, measure.cost).values
    measurements = (measure.of(run) for run in side.counted)
    return tuple(value for value in measurements if value is not None and abs(value) <= LARGEST)


def _written(measure: Measure, side: Side) -> str:
    """Return a measure of the runs that count as text: mean and spread, median, the most, or the range so far."""
    values = _values(measure, side)
    if not values:
        return Cell.value
    if not side.finished:  # they stand at different epochs: no mean, no spread
        return " … ".join(dict.fromkeys(map(measure.write, (min(values), max(values)))))
    if measure in (MEMORY, PARAMETERS):
        return measure.write(max(values))
    if measure.cost:
        return measure.write(typical(values))
    score = Score(values)
    if score.sd is not None:
        spread = measure.write(score.sd)
        return measure.write(score.mean) + (f" ± {spread}" if spread != measure.write(0.0) else "")
    interval = model_interval(side.choice, measure.metric)
    if interval is None or interval.low is None or interval.high is None:
        return measure.write(score.mean)
    return f"{measure.write(score.mean)} ({measure.write(interval.low)} to {measure.write(interval.high)})"


def _range(measure: Measure, side: Side) -> str:
    """Return from where to where the seeds of a cost lie, empty where all are written alike."""
    values = _values(measure, side) if measure.cost and side.finished else ()
    ends = dict.fromkeys(map(measure.write, (min(values), max(values)))) if values else {}
    return f"({' to '.join(ends)})" if len(ends) > 1 else ""


def _signed(measure: Measure, delta: float) -> str:
    if delta == 0:
        return "="
    return ("+" if delta > 0 else "") + measure.write(delta)


def in_brief(table: Table, called: Mapping[str, str]) -> list[str]:
    """Return what is concluded, a line each: which is the best of three or more, and each side beside the baseline.

    Args:
        table: What is compared.
        called: What each side is called, by its name.
    """
    lines = brief_sentences(table.judgement, called) if table.judgement is not None else []
    return [*lines, *_unjudged(table.sides, _judged(table.sides), called)]


def _unjudged(
    sides: Sequence[Side], judged: Sequence[Side], called: Mapping[str, str] | None = None
) -> Iterable[str]:
    """Yield why sides are not judged that have not finished, or were tested on other data."""
    called = called or {side.name: side.name for side in sides}
    for side in sides:
        if not side.finished:
            yet = " yet" if side.live else ""
            yield f"{called[side.name]} has not finished ({side.left_out}): no verdict{yet}"
        elif judged and side not in judged:
            yield f"{called[side.name]} was tested on other data than {called[sides[0].name]}: no verdict"


def _notes(rows: Sequence[Row], judgements: dict[str, Judgement]) -> Iterable[str]:
    """Yield the notes that explain the measures."""
    if all(metric in judgements for metric in PRIMARY):
        yield "Test accuracy is judged apart, by the same rule; by the other measures nothing is concluded."
    unjudged: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for reason, names in row.unjudged.items():
            unjudged.setdefault((", ".join(names), reason), []).append(row.name)
    for (sides, reason), measures in unjudged.items():
        yield f"Not compared: {', '.join(measures)} of {sides} ({reason})."
