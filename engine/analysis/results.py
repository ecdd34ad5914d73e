"""The results of experiments as numbers: scores over seeds with their intervals, and what training took.

Final scores are those of the last evaluation, of the runs that speak for an experiment by
``engine.analysis.runs_that_count``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.analysis.curves import LARGEST
from engine.analysis.runs_that_count import Candidate, Choice, choose
from engine.analysis.statistics.seed_intervals import (
    over_seeds,
    seed_deviation,
    seed_mean,
    share_over_seeds,
    typical,
)
from engine.catalog.metrics import HEADLINES, first_of, metric_of, over_gpus
from engine.config.preflight_warnings import oversized_batch
from engine.config.schema import IMPORTED, SCRIPT, Experiment
from engine.history.reader import History

SCORES = HEADLINES
"""The metrics of a table; the first that an experiment's runs measured decides which of them count."""
OVER_SEEDS = "t over seeds"
OVER_IMAGES = "over test images"
"""What the intervals of the engine's own training are over."""
SAID = "as its program said"
OWN_PROGRAM = "own program"
UNKNOWN_DATA = "unknown data"
"""That of imported runs."""


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
    """Of the mean over seeds; for one seed that of the run's end, where it has one."""

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
    """The data of the test; only scores on the same data are compared."""
    choice: Choice[Candidate]
    scores: Mapping[str, Score]
    """By metric, at least one of those asked for."""
    parameters: int | None = None
    gpu_memory: float | None = None
    """Bytes at most, on any GPU of any seed."""
    host_memory: float | None = None
    """Bytes at most of the process, of any seed that used no GPU."""
    images_per_s: float | None = None
    """In training; of several seeds, as every effort here, what is ``typical``."""
    gpu_hours: float | None = None
    """Up to the last evaluation."""
    joules: float | None = None
    """Of all GPUs of a run."""
    train_s: float | None = None
    """Seconds of training without pauses, of seeds that ended."""
    remarks: tuple[str, ...] = field(default=())
    """What is left out of the row, a sentence each."""


Hours = Callable[[Candidate, str], float | None]


def result_of(
    experiment: Experiment, candidates: Sequence[Candidate], hours: Hours, metrics: Sequence[str] = SCORES
) -> Result | None:
    """Return an experiment's row.

    Args:
        experiment: As it stands in experiments.toml.
        candidates: All runs of the project.
        hours: Returns the GPU-hours of a run up to its last measurement of a metric, as ``read_gpu_hours`` does.
        metrics: The scores of the row, at least one; the first that its runs measured decides which of them count.

    Returns:
        The row; None where all runs of the experiment are without a usable score.
    """
    metric, choice = next(
        ((name, counting) for name in metrics if (counting := choose(experiment, candidates, name)).runs),
        (metrics[0], Choice()),
    )
    remarks: list[str] = []
    if note := oversized_batch(experiment):
        remarks.append(f"{experiment.name}: {note}.")
    scores = {name: score for name in metrics if (score := _score(experiment.name, name, choice, remarks))}
    if not scores:
        return None
    first = choice.runs[0]
    statuses = [run.status for run in choice.runs]
    return Result(
        experiment=experiment.name,
        data=tested_on(first.config),
        choice=choice,
        scores=scores,
        parameters=max((status.parameters for status in statuses if status.parameters), default=None),
        gpu_memory=max(_numbers(map(_gpu_memory, choice.runs)), default=None),
        host_memory=max(_numbers(map(_host_memory, choice.runs)), default=None),
        images_per_s=_typical(status.last.get("train/images_per_s") for status in statuses),
        gpu_hours=_typical(hours(run, metric) for run in choice.runs if _on_gpu(run)),
        joules=_typical(map(_joules, choice.runs)),
        train_s=_typical(status.trained_s or None for status in statuses),
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
    measured = [run for run in choice.runs if metric in run.status.last]
    usable = [run for run in measured if _number(run.status.last[metric]) is not None]
    if lost := [str(run.info.seed) for run in measured if run not in usable]:
        remarks.append(f"{name}: {metric} of seed {', '.join(lost)} is no usable number and is left out.")
    values = tuple(_numbers(run.status.last[metric] for run in usable))
    if len(values) > 1:
        return Score(values, Interval(*_of_mean(metric, values, usable), OVER_SEEDS))
    return Score(values, _of_images(usable[0], metric, values[0])) if values else None


def _of_images(candidate: Candidate, metric: str, value: float) -> Interval | None:
    """Return the interval that a run's end gives a score, None where it gives none that holds the score."""
    estimate = candidate.status.final.get(metric)
    if (
        estimate is None
        or estimate.low is None
        or estimate.high is None
        or not estimate.low <= value <= estimate.high
    ):
        return None
    return Interval(estimate.low, estimate.high, SAID if _is_program(candidate.config) else OVER_IMAGES)


def _of_mean(metric: str, values: Sequence[float], runs: Sequence[Candidate]) -> tuple[float, float]:
    """Return the interval of a mean over seeds; one of shares stays between 0 and 1."""
    if metric_of(metric).kind.unit != "fraction" or not all(0 <= value <= 1 for value in values):
        return over_seeds(values)
    images = [estimate.n for run in runs for estimate in run.status.final.values() if estimate.n is not None]
    return share_over_seeds(values, min(images, default=None))


def tested_on(config: Mapping[str, Any]) -> str:
    """Return the data that a run of a configuration is tested on; only scores on the same data are compared."""
    if config.get("model") == IMPORTED:
        return UNKNOWN_DATA
    return OWN_PROGRAM if _is_program(config) else str(config.get("dataset", ""))


def _is_program(config: Mapping[str, Any]) -> bool:
    """Return whether a run is a program of the user's, which chooses its own test data."""
    return bool(config.get("command")) or config.get("model") in (None, SCRIPT)


def _on_gpu(candidate: Candidate) -> bool:
    device = candidate.status.device
    return bool(device) and not device.startswith("cpu")


def _gpu_memory(candidate: Candidate) -> float | None:
    """Return the most bytes that PyTorch held on a GPU; where that was not measured, the most of the process."""
    memory = first_of(_usable(candidate.status.best), ("gpu/memory_peak", "gpu/memory_process"))
    return None if memory is None else memory[1]


def _host_memory(candidate: Candidate) -> float | None:
    return None if _gpu_memory(candidate) is not None else candidate.status.best.get("cpu/memory_process")


def _joules(candidate: Candidate) -> float | None:
    return over_gpus(_usable(candidate.status.last), "energy")


def _usable(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: number for name, value in values.items() if (number := _number(value)) is not None}


def _typical(values: Iterable[float | None]) -> float | None:
    numbers = _numbers(values)
    return typical(numbers) if numbers else None


def _numbers(values: Iterable[float | None]) -> list[float]:
    return [number for value in values if (number := _number(value)) is not None]


def _number(value: float | None) -> float | None:
    """Return a measured number, None for what cannot be one."""
    return value if value is not None and math.isfinite(value) and abs(value) <= LARGEST else None
