"""The runs of a project as judgements take them: which count, their scores, and how much seeds differ in all of it.

One object serves whatever an artefact shows, so that the raw p value of a pair is the same in app, table and report::

    runs ─▶ Choice ─▶ Sample ──────────────────────────┐
              └─▶ of every experiment, shown or not ─▶ Pool ─▶ judge ─▶ Judgement
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.analysis.conclusions.image_evidence import ImageEvidence, guesses_of, image_evidence
from engine.analysis.conclusions.judged_metrics import PRIMARY, is_counted, judged_metric
from engine.analysis.conclusions.judgement import Judgement, judge
from engine.analysis.curves import LARGEST
from engine.analysis.results import tested_on
from engine.analysis.runs_that_count import Choice, RunFacts, by_settings, runs_that_count
from engine.analysis.statistics.significance import Pool, Sample, pool_of
from engine.config.schema import IMPORTED, Experiment, Statistics
from engine.events import Estimate
from engine.runs.status import Status

if TYPE_CHECKING:
    from engine.runs.predictions import Predictions


class Evidence:
    """All runs of a project, and what its user says of differences.

    Args:
        experiments: As they stand in experiments.toml; those that only runs know of count too.
        runs: All runs there are.
        statistics: The margins, and how many seeds are planned.
        folder: Where the runs are, for their final predictions; None where these are not asked for.
    """

    def __init__(
        self,
        experiments: Mapping[str, Experiment],
        runs: Iterable[RunFacts],
        statistics: Statistics = Statistics(),  # noqa: B008  it is frozen
        folder: Path | None = None,
    ) -> None:
        self._experiments = experiments
        self._statistics = statistics
        self._runs: dict[str, list[RunFacts]] = {}
        for run in runs:
            self._runs.setdefault(run.status.experiment, []).append(run)
        self._choices: dict[tuple[str, str], Choice[Any]] = {}
        self._pools: dict[tuple[str, str], Pool] = {}
        self._folder = folder
        self._predictions: dict[str, Predictions | None] = {}

    def choice(self, name: str, metric: str) -> Choice[Any]:
        """Return the runs that count for an experiment, of those that measured a metric.

        Of the scores that tables show side by side the first that was measured decides for all.
        """
        if metric in PRIMARY:
            choices = (self._counting(name, score) for score in PRIMARY)
            return next((choice for choice in choices if choice.runs), Choice())
        return self._counting(name, metric)

    def _counting(self, name: str, metric: str) -> Choice[Any]:
        key = name, metric
        if key not in self._choices:
            runs, experiment = self._runs.get(name, ()), self._experiments.get(name)
            self._choices[key] = runs_that_count(runs, experiment, metric)
        return self._choices[key]

    def pool(self, metric: str, data: str) -> Pool:
        """Return how much seeds differ over all experiments of the project that were tested on some data."""
        key = metric, data
        if key not in self._pools:
            choices = {name: self.choice(name, metric) for name in self._runs}
            self._pools[key] = pool_of(
                sample_of(name, choice, metric)
                for name, choice in choices.items()
                if choice.runs and data_of(choice) == data
            )
        return self._pools[key]

    def configurations(self, metric: str, data: str) -> int:
        """Return how many settings were tried on some data: those that a finished run has measured the metric with."""
        finished = [
            run
            for runs in self._runs.values()
            for run in runs
            if run.status.state == "finished" and metric in run.status.last and tested_on(run.config) == data
        ]
        return len(by_settings(finished))

    def judge(
        self,
        choices: Mapping[str, Choice[Any]],
        metric: str,
        *,
        baseline: str | None = None,
        sets: Sequence[Collection[str]] | None = None,
    ) -> Judgement:
        """Return what the runs say of some experiments by a metric.

        Args:
            choices: By name the runs that count; all of them tested on the same data, those without runs apart.
            metric: One that ``judged_metric`` knows.
            baseline: Compare each with this one only; every pair where it is None.
            sets: The names of each figure of a report.

        Raises:
            ValueError: The metric is not judged, or the experiments were tested on different data.
        """
        meaning = judged_metric(metric)
        if meaning is None:
            raise ValueError(f"nothing is judged by {metric}")
        data = {data_of(choice) for choice in choices.values() if choice.runs}
        if len(data) > 1:
            raise ValueError(f"scores on {' and '.join(sorted(data))} are not compared")
        where = next(iter(data), "")
        images = self._images(choices, metric)
        return judge(
            [sample_of(name, choice, metric) for name, choice in choices.items()],
            pool=self.pool(metric, where),
            metric=meaning,
            baseline=baseline,
            sets=sets,
            margin=self._statistics.margin.get(metric),
            planned_seeds=self._statistics.planned_seeds,
            configurations=self.configurations(metric, where),
            image_variance=images.variance,
            model_tests=images.model_tests,
            models={
                name: estimate
                for name, choice in choices.items()
                if (estimate := model_interval(choice, metric)) is not None
            },
        )

    def _images(self, choices: Mapping[str, Choice[Any]], metric: str) -> ImageEvidence:
        guesses = {name: guesses_of(choice, metric, self._load) for name, choice in choices.items()}
        return image_evidence({name: one for name, one in guesses.items() if one is not None}, metric)

    def _load(self, run: RunFacts) -> Predictions | None:
        """Return the final predictions of a run, each read once."""
        if self._folder is None:
            return None
        from engine.runs.predictions import load

        name = run.status.run
        if name not in self._predictions:
            self._predictions[name] = load(self._folder / name)
        return self._predictions[name]


def data_of(choice: Choice[Any]) -> str:
    """Return what the runs of a choice were tested on, empty where it has none."""
    return tested_on(choice.runs[0].config) if choice.runs else ""


def by_data(choices: Mapping[str, Choice[Any]]) -> dict[str, dict[str, Choice[Any]]]:
    """Return choices by what their runs were tested on; those without runs are left out."""
    groups: dict[str, dict[str, Choice[Any]]] = {}
    for name, choice in choices.items():
        if choice.runs:
            groups.setdefault(data_of(choice), {})[name] = choice
    return groups


def sample_of(name: str, choice: Choice[Any], metric: str) -> Sample:
    """Return the final scores of the runs that count, those that are numbers."""
    statuses: list[Status] = [run.status for run in choice.runs]
    values = tuple(value for status in statuses if (value := measured(status, metric)) is not None)
    images = {
        estimate.n for status in statuses for estimate in status.final.values() if estimate.n is not None
    }
    count = images.pop() if len(images) == 1 else None
    epochs = {round(status.epoch) if status.ended_early else status.epochs for status in statuses}
    return Sample(
        name,
        values,
        resolution=_resolution(choice, metric, values, count),
        epochs=epochs.pop() if len(epochs) == 1 else None,
        images=count,
        failed_seeds=len(choice.lost),
        finished=choice.finished,
    )


def measured(status: Status, metric: str) -> float | None:
    """Return the last value of a metric, None where it is no number."""
    value = status.last.get(metric)
    return value if value is not None and math.isfinite(value) and abs(value) <= LARGEST else None


def _resolution(choice: Choice[Any], metric: str, values: Sequence[float], images: int | None) -> float:
    """Return the step in which scores are recorded: of shares an image, of imported ones the last digit."""
    if any(run.config.get("model") == IMPORTED for run in choice.runs):
        return min((10.0 ** -_decimals(value) for value in values), default=0.0)
    return 1 / images if images and is_counted(metric) else 0.0


def _decimals(value: float) -> int:
    """Return how many digits a number has behind its point."""
    mantissa, _, exponent = repr(value).partition("e")
    digits = mantissa.partition(".")[2].rstrip("0")
    return len(digits) - int(exponent or 0)


def model_interval(choice: Choice[Any], metric: str) -> Estimate | None:
    """Return the interval over images of a score of an experiment with one model, None where none holds the score."""
    if len(choice.runs) != 1:
        return None
    status: Status = choice.runs[0].status
    estimate, value = status.final.get(metric), measured(status, metric)
    if estimate is None or estimate.low is None or estimate.high is None or value is None:
        return None
    return (
        Estimate(value=value, low=estimate.low, high=estimate.high)
        if estimate.low <= value <= estimate.high
        else None
    )
