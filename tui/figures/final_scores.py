"""An experiment's final score, and what it took: what bars and scatters are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engine.analysis.curves import LARGEST, Array
from engine.analysis.results import OVER_SEEDS, Hours, Result, Score, result_of
from engine.analysis.runs_that_count import Candidate
from engine.catalog.metrics import metric_of
from tui.axis_ticks import Unit, linear_ticks
from tui.figures.axis_titles import Scale
from tui.figures.experiment_in_figure import Reading, Source
from tui.figures.figure_sheet import seeds_in_words


@dataclass(frozen=True)
class Scored:
    """What a figure of final scores shows of an experiment."""

    name: str
    colour: str
    score: Score
    result: Result

    @property
    def ends(self) -> tuple[float, float]:
        """The interval's ends, the mean twice where there is none."""
        interval = self.score.interval
        return (self.score.mean, self.score.mean) if interval is None else (interval.low, interval.high)


def _no_hours(_candidate: Candidate, _metric: str) -> None:
    """Return None: a figure without device hours reads no run for them."""


def read_score(source: Source, hours: Hours = _no_hours) -> Reading[Scored]:
    """Return the final score of an experiment over its seeds."""
    metric = source.figure.y
    result = result_of(source.experiment, source.candidates, hours, (metric,))
    if result is None:
        return Reading(None)
    scored = Scored(source.experiment.name, source.colour, result.scores[metric], result)
    return Reading(scored, result.remarks)


def best_first(parts: Sequence[Scored], metric: str) -> list[Scored]:
    """Return experiments by their means, the best first; as they are by a metric that is neither good nor bad."""
    direction = metric_of(metric).kind.direction
    if direction == "neither":
        return list(parts)
    return sorted(parts, key=lambda part: part.score.mean, reverse=direction == "higher")


def seeds_of(parts: Sequence[Scored]) -> list[int]:
    """Return how many seeds each experiment has."""
    return [len(part.score.values) for part in parts]


def meanings(mark: str, parts: Sequence[Scored]) -> Iterator[str]:
    """Yield what a figure's marks are of, ``mark`` being what a mean is drawn as."""
    counts = seeds_of(parts)
    seeds = "mean over " * (max(counts) > 1) + seeds_in_words(counts)
    yield f"{mark}: final value, {seeds}." + (" Small dots: the seeds." if max(counts) > 1 else "")
    kinds = [part.score.interval.kind for part in parts if part.score.interval is not None]
    if OVER_SEEDS in kinds:
        yield "Lines: 95 % interval of the mean, Student's t over seeds."
    if other := [kind for kind in dict.fromkeys(kinds) if kind != OVER_SEEDS]:
        yield f"One seed: the dotted line is the 95 % interval of that model, {' and '.join(other)}."


def dashes_of(score: Score) -> str:
    """Return the dashes of an interval: that over images is dotted, beside those over seeds."""
    return "solid" if score.interval is None or score.interval.kind == OVER_SEEDS else ":"


def drawable(values: Sequence[float], scale: Scale) -> Array:
    """Return values (N,) in the unit of a scale, clipped to what an axis can draw."""
    return np.clip(np.asarray(values, dtype=np.float64), -LARGEST, LARGEST) / scale.size


def written(value: float, scale: Scale) -> str:
    """Return a value of an axis as it stands beside its mark."""
    large = scale.unit.kind == "plain" and abs(value) >= 1e4  # as the ticks of the axis then are
    return (Unit(kind="count") if large else scale.unit).format(value)


def ticks_of(low: float, high: float, count: int, scale: Scale) -> tuple[list[float], list[str]]:
    """Return the ticks of an axis and their labels.

    Args:
        low: Where the axis begins, in the scale's unit.
        high: Where the axis ends.
        count: About how many ticks it gets.
        scale: The axis.
    """
    ticks = linear_ticks(low, high, count, scale.unit)
    return ticks, scale.unit.labels(ticks)
