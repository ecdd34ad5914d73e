"""What came of experiments, as numbers: scores over seeds with their intervals, and what training took.

Final scores are those of the last evaluation, of the runs that speak for an experiment by
``engine.analysis.selection``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.analysis.curves import LARGEST
from engine.analysis.selection import Candidate, Choice, choose
from engine.analysis.statistics.seed_intervals import over_seeds, seed_deviation, seed_mean, share_over_seeds
from engine.catalog.metrics import HEADLINES, first_of, metric_of, over_gpus
from engine.config.preflight import oversized_batch
from engine.config.schema import SCRIPT, Experiment
from engine.history.reader import History

SCORES = HEADLINES
"""The metrics of a table; the first that an experiment's runs measured decides which of them count."""
OVER_SEEDS = "t over seeds"
OVER_IMAGES = "over test images"
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
        return seed_mean(self.values)

    @property
    def sd(self) -> float | None:
        """The sample standard deviation over seeds, None for one seed."""
        return seed_deviation(self.values)


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
        data=tested_on(first.config),
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


def _score(name: str, metric: str, choice: Choice[Candidate], remarks: list[str]) -> Score | None:
    """Return a metric's score and remark on what is no part of it."""
    measured = [each for each in choice.runs if metric in each.status.last]
    found = [each for each in measured if _number(each.status.last[metric]) is not None]
    if lost := [str(each.info.seed) for each in measured if each not in found]:
        remarks.append(f"{name}: {metric} of seed {', '.join(lost)} is no usable number and is left out.")
    values = tuple(_numbers(each.status.last[metric] for each in found))
    if len(values) > 1:
        return Score(values, Interval(*_of_mean(metric, values, found), OVER_SEEDS))
    return Score(values, _of_images(found[0], metric, values[0])) if values else None


def _of_images(candidate: Candidate, metric: str, value: float) -> Interval | None:
    """Return the interval that the end of a run tells of a score, None where it tells none that holds it."""
    told = candidate.status.final.get(metric)
    if told is None or told.low is None or told.high is None or not told.low <= value <= told.high:
        return None
    return Interval(told.low, told.high, SAID if _is_program(candidate.config) else OVER_IMAGES)


def _of_mean(metric: str, values: Sequence[float], runs: Sequence[Candidate]) -> tuple[float, float]:
    """Return the interval of a mean over seeds; one of shares stays between 0 and 1."""
    if metric_of(metric).kind.unit != "fraction" or not all(0 <= value <= 1 for value in values):
        return over_seeds(values)
    images = [estimate.n for run in runs for estimate in run.status.final.values() if estimate.n is not None]
    return share_over_seeds(values, min(images, default=None))


def tested_on(config: Mapping[str, Any]) -> str:
    """Return what a run of a configuration is tested on; scores on different data are not compared."""
    return OWN_PROGRAM if _is_program(config) else str(config.get("dataset", ""))


def _is_program(config: Mapping[str, Any]) -> bool:
    """Return whether a run is a program of the user's, which knows best what it tested on."""
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
    return seed_mean(numbers) if numbers else None


def _numbers(values: Iterable[float | None]) -> list[float]:
    return [number for value in values if (number := _number(value)) is not None]


def _number(value: float | None) -> float | None:
    """Return a measured number, None for what cannot be one."""
    return value if value is not None and math.isfinite(value) and abs(value) <= LARGEST else None
