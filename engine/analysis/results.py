"""What came of experiments, as numbers: scores over seeds with their intervals, what training took, which is best.

Final scores are those of the last evaluation, of the runs that speak for an experiment by
``engine.analysis.selection``.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.analysis.intervals import over_seeds
from engine.analysis.selection import Candidate, Choice, choose
from engine.analysis.welch import difference
from engine.catalog.metrics import HEADLINES, first_of, over_gpus
from engine.config.preflight import oversized_batch
from engine.config.schema import SCRIPT, Experiment
from engine.history.reader import History

SCORES = HEADLINES
"""The metrics of a table; the first that an experiment's runs measured decides which of them count."""
LARGEST = 1e100
"""No measured number is larger than this; sums and squares of smaller ones are numbers."""
LEAST_SEEDS = 3
"""With two seeds against more Welch's test calls equal experiments different up to twice as often as it says."""
OVER_SEEDS = "t over seeds"
OVER_IMAGES = {"test/f1": "bootstrap over test images", "test/accuracy": "binomial over test images"}
"""What the engine's own training tells intervals over."""
SAID = "as its program said"
OWN_PROGRAM = "own program"


class Interval(NamedTuple):
    """A 95 % interval and what it is an interval over."""

    low: float
    high: float
    kind: str


@dataclass(frozen=True)
class Score:
    """A metric's last value for each seed, in the order of the seeds."""

    values: tuple[float, ...]
    interval: Interval | None = None
    """Of the mean over seeds; for one seed that which the run's end told, if it told any."""

    @property
    def mean(self) -> float:
        """The mean over seeds."""
        return statistics.fmean(self.values)

    @property
    def sd(self) -> float | None:
        """The sample standard deviation over seeds, None for one seed."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Result:
    """An experiment's row."""

    experiment: str
    data: str
    """What was tested on; scores on different data are not compared."""
    choice: Choice[Candidate]
    scores: Mapping[str, Score]
    """By metric, at least one of those asked for."""
    parameters: int | None = None
    gpu_memory: float | None = None
    """Bytes at most, on any GPU of any seed."""
    host_memory: float | None = None
    """Bytes at most of the process, of any seed that used no GPU."""
    images_per_s: float | None = None
    """In training, a mean over seeds."""
    gpu_hours: float | None = None
    """Up to the last evaluation, a mean over seeds."""
    joules: float | None = None
    """Of all GPUs of a run, a mean over seeds."""
    train_s: float | None = None
    """Seconds of training without pauses, a mean over seeds that ended."""
    remarks: tuple[str, ...] = field(default=())
    """What is left out of the row, a sentence each."""


class Verdict(NamedTuple):
    """Which experiment is the best by a metric, None where noise does not let one say, and why."""

    best: str | None
    reason: str


Hours = Callable[[Candidate, str], float | None]


def result_of(
    experiment: Experiment, candidates: Sequence[Candidate], hours: Hours, metrics: Sequence[str] = SCORES
) -> Result | None:
    """Return an experiment's row, None where no run of it has a usable score.

    Args:
        experiment: As it stands in experiments.toml.
        candidates: The runs there are.
        hours: Returns the GPU-hours of a run up to its last measurement of a metric, as ``read_gpu_hours`` does.
        metrics: What is wanted of it, at least one; the first that its runs measured decides which of them count.
    """
    metric, choice = next(
        ((name, found) for name in metrics if (found := choose(experiment, candidates, name)).runs),
        (metrics[0], Choice()),
    )
    remarks: list[str] = []
    if note := oversized_batch(experiment):
        remarks.append(f"{experiment.name}: {note}.")
    scores = {name: score for name in metrics if (score := _score(experiment.name, name, choice, remarks))}
    if not scores:
        return None
    first = choice.runs[0]
    statuses = [each.status for each in choice.runs]
    return Result(
        experiment=experiment.name,
        data=OWN_PROGRAM if _is_program(first) else str(first.info.config.get("dataset", "")),
        choice=choice,
        scores=scores,
        parameters=max((status.parameters for status in statuses if status.parameters), default=None),
        gpu_memory=max(_numbers(map(_gpu_memory, choice.runs)), default=None),
        host_memory=max(_numbers(map(_host_memory, choice.runs)), default=None),
        images_per_s=_mean(status.last.get("train/images_per_s") for status in statuses),
        gpu_hours=_mean(hours(each, metric) for each in choice.runs if _on_gpu(each)),
        joules=_mean(map(_joules, choice.runs)),
        train_s=_mean(status.trained_s or None for status in statuses),
        remarks=tuple(remarks),
    )


def read_gpu_hours(candidate: Candidate, metric: str) -> float | None:
    """Return the hours on all GPUs up to a run's last measurement of a metric, without the pauses between attempts."""
    history = History(candidate.run.path)
    history.update()
    hours, _ = history.series(metric, "gpu-hours")
    return float(hours[-1]) if len(hours) else None


def verdict(results: Iterable[Result], metric: str) -> Verdict:
    """Return which of some results on the same data is the best by a metric.

    One is the best only if it is told from every other at the level of 5 % (Welch's t-test over three seeds or more):
    one that is told from the second alone could still be no better than a third that spreads more.
    """
    rows = sorted(
        (row for row in results if metric in row.scores),
        key=lambda row: row.scores[metric].mean,
        reverse=True,
    )
    if len(rows) < 2:
        return Verdict(None, "there is no other to compare with")
    if unfinished := [row.experiment for row in rows if not row.choice.finished]:
        return Verdict(None, f"{listed(unfinished)} not finished")
    if few := [row for row in rows if len(row.scores[metric].values) < LEAST_SEEDS]:
        count = (
            "one seed" if all(len(row.scores[metric].values) == 1 for row in few) else "less than three seeds"
        )
        names = listed([row.experiment for row in few])
        return Verdict(None, f"{names} {count}, which is too few to say how much seeds differ")
    top, *others = rows
    tested = [(difference(top.scores[metric].values, row.scores[metric].values), row) for row in others]
    closest, row = max(tested, key=lambda each: each[0].p)
    p = f"p = {closest.p:.3f}" if closest.p >= 0.001 else "p < 0.001"
    if not closest.told:
        return Verdict(None, f"{top.experiment} and {row.experiment} differ within noise ({p})")
    most = p if closest.p < 0.001 or len(others) == 1 else f"{p} at most"
    return Verdict(top.experiment, f"{top.experiment} is better than every other ({most})")


def _score(name: str, metric: str, choice: Choice[Candidate], remarks: list[str]) -> Score | None:
    """Return a metric's score and remark on what is no part of it."""
    measured = [each for each in choice.runs if metric in each.status.last]
    found = [each for each in measured if _number(each.status.last[metric]) is not None]
    if lost := [str(each.info.seed) for each in measured if each not in found]:
        remarks.append(f"{name}: {metric} of seed {', '.join(lost)} is no usable number and is left out.")
    values = tuple(_numbers(each.status.last[metric] for each in found))
    if len(values) > 1:
        return Score(values, Interval(*over_seeds(values), OVER_SEEDS))
    return Score(values, _of_images(found[0], metric, values[0])) if values else None


def _of_images(candidate: Candidate, metric: str, value: float) -> Interval | None:
    """Return the interval that the end of a run tells of a score, None where it tells none that holds it."""
    told = candidate.status.final.get(metric)
    if told is None or told.low is None or told.high is None or not told.low <= value <= told.high:
        return None
    return Interval(
        told.low, told.high, SAID if _is_program(candidate) else OVER_IMAGES.get(metric, "as its run said")
    )


def _is_program(candidate: Candidate) -> bool:
    """Return whether a run is a program of the user's, which knows best what it tested on."""
    config = candidate.info.config
    return bool(config.get("command")) or config.get("model") in (None, SCRIPT)


def _on_gpu(candidate: Candidate) -> bool:
    device = candidate.status.device
    return bool(device) and not device.startswith("cpu")


def _gpu_memory(candidate: Candidate) -> float | None:
    """Return the most that PyTorch held on a GPU; where nobody measured that, what the process did."""
    found = first_of(_usable(candidate.status.best), ("gpu/memory_peak", "gpu/memory_process"))
    return None if found is None else found[1]


def _host_memory(candidate: Candidate) -> float | None:
    return None if _gpu_memory(candidate) is not None else candidate.status.best.get("cpu/memory_process")


def _joules(candidate: Candidate) -> float | None:
    return over_gpus(_usable(candidate.status.last), "energy")


def _usable(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: number for name, value in values.items() if (number := _number(value)) is not None}


def _mean(values: Iterable[float | None]) -> float | None:
    numbers = _numbers(values)
    return statistics.fmean(numbers) if numbers else None


def _numbers(values: Iterable[float | None]) -> list[float]:
    return [number for value in values if (number := _number(value)) is not None]


def _number(value: float | None) -> float | None:
    """Return a measured number, None for what cannot be one."""
    return value if value is not None and math.isfinite(value) and abs(value) <= LARGEST else None


def listed(names: Sequence[str]) -> str:
    """Return names as the beginning of a sentence: ``a has``, ``a and b have``, ``a and 4 others have``."""
    if len(names) == 1:
        return f"{names[0]} has"
    return f"{names[0]} and {names[1] if len(names) == 2 else f'{len(names) - 1} others'} have"
