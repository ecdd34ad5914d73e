"""Results of experiments as a table: for people, with the best marked and with footnotes, and as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from engine.analysis.conclusions.evidence import Evidence, by_data
from engine.analysis.conclusions.judged_metrics import judged_metric
from engine.analysis.conclusions.judgement import Judgement
from engine.analysis.conclusions.sentences import method_sentence, table_reason
from engine.analysis.results import OVER_SEEDS, SCORES, Interval, Result
from engine.catalog.metrics import metric_of
from engine.text import Strong
from tui.report.number_format import (
    IMAGES,
    energy,
    gpu_hours,
    images_per_second,
    interval_text,
    mean_and_deviation,
    memory,
    parameters,
    rank_range,
)

TITLES = {"test/f1": "test F1", "test/accuracy": "test accuracy"}
TEXTS = ("experiment", "data")
"""The columns for people that hold no numbers."""
NONE = "–"
RANK = "rank by "
LEAST_RANKED = 3
"""Experiments that have ranks, at least: of two the sentence on the pair says as much."""
Plain = str | int | float | bool | None
Value = TypeVar("Value")


Subject = tuple[str, str]
"""A metric and the data that it was measured on."""


def judge_results(
    results: Sequence[Result], evidence: Evidence, metrics: Sequence[str] = SCORES
) -> dict[Subject, Judgement]:
    """Return what is concluded of some results by each of a table's metrics of which more or less is better."""
    return {
        (metric, data): evidence.judge(choices, metric)
        for metric in metrics
        if judged_metric(metric) is not None
        for data, choices in by_data(
            {row.experiment: row.choice for row in results if metric in row.scores}
        ).items()
    }


@dataclass(frozen=True)
class ResultsTable:
    """The columns and footnotes of some results, at least one; a column that has a value in no row is left out."""

    results: Sequence[Result]
    judgements: Mapping[Subject, Judgement]
    """What is concluded by each metric, on each of the data sets tested on, as ``judge_results`` returns it."""
    notes: Sequence[str] = ()
    """What a reader has to know besides, a sentence each."""
    metrics: Sequence[str] = SCORES
    """What it shows of each experiment."""
    with_method: bool = True
    """Whether it says how p values come about; what it is part of may say so for all of its tables."""

    @cached_property
    def formatted(self) -> dict[str, list[str]]:
        """The columns for people by their titles; the best values are ``Strong``."""
        columns = _columns([self._shown(row) for row in self.results])
        if len(set(columns.get("data", ()))) < 2:
            columns.pop("data", None)
        return {title: [text or NONE for text in texts] for title, texts in columns.items() if any(texts)}

    @cached_property
    def plain(self) -> dict[str, list[Plain]]:
        """The columns of plain values by their names, each of one type, None where a row has none."""
        columns = _columns([self._plain(row) for row in self.results])
        return {
            name: values for name, values in columns.items() if any(value is not None for value in values)
        }

    @property
    def footnotes(self) -> list[str]:
        """The notes without which the columns for people cannot be read, a sentence each."""
        remarks = [remark for row in self.results for remark in row.remarks]
        absent = [
            title
            for title in _columns([self._shown(row) for row in self.results])
            if title not in self.formatted
        ]
        lost = [title for title in absent if title != "data" and not title.startswith(RANK)]
        left_out = [f"Left out, as no run has a value: {', '.join(lost)}."] if lost else []
        return [*self.legend, *self._judgements(), *self.notes, *remarks, *left_out]

    @property
    def legend(self) -> list[str]:
        """Those of the footnotes that say how any such table is read."""
        ranks = "Ranks: from the first to the last that an experiment can have, of all of them together."
        has_ranks = any(title.startswith(RANK) for title in self.formatted)
        return [*self._meanings(), *([ranks] if has_ranks else [])]

    def _shown(self, row: Result) -> dict[str, str]:
        texts = {"experiment": row.experiment, "data": row.data, "seeds": str(len(row.choice.runs))}
        for metric in self.metrics:
            title = _title(metric)
            texts[title] = self._mean(row, metric)
            texts[f"95 % of {title}"] = interval_text(_interval(row, metric))
            texts[f"{RANK}{title}"] = rank_range(self._ranks(row, metric))
        return texts | {
            "parameters": parameters(row.parameters),
            "GPU memory": memory(row.gpu_memory),
            "host memory": memory(row.host_memory),
            "images/s": images_per_second(row.images_per_s),
            "GPU-hours": gpu_hours(row.gpu_hours),
            "energy": energy(row.joules),
        }

    def _mean(self, row: Result, metric: str) -> str:
        score = row.scores.get(metric)
        if score is None:
            return ""
        text = mean_and_deviation(score.mean, score.sd)
        return Strong(text) if self._is_best(row, metric) else text

    def _is_best(self, row: Result, metric: str) -> bool:
        judgement = self.judgements.get((metric, row.data))
        return judgement is not None and judgement.best_of(self._names(metric, row.data)) == row.experiment

    def _ranks(self, row: Result, metric: str) -> tuple[int, int] | None:
        """Return which ranks an experiment can have among three or more; None where it is not judged."""
        judgement, names = self.judgements.get((metric, row.data)), self._names(metric, row.data)
        if metric not in row.scores or judgement is None:
            return None
        if len(judgement.ranked_of(names)) < LEAST_RANKED or not judgement.m:
            return None
        return judgement.rank_ranges(names).get(row.experiment)

    def _names(self, metric: str, data: str) -> list[str]:
        """Return which experiments have a score on some data."""
        return [row.experiment for row in self.results if metric in row.scores and row.data == data]

    def _plain(self, row: Result) -> dict[str, Plain]:
        values: dict[str, Plain] = {
            "experiment": row.experiment,
            "data": row.data,
            "seeds": len(row.choice.runs),
        }
        for metric in self.metrics:
            name, score, interval = metric.replace("/", "_"), row.scores.get(metric), _interval(row, metric)
            ranks = self._ranks(row, metric)
            values |= {
                f"{name}_n": None if score is None else len(score.values),
                f"{name}_mean": None if score is None else score.mean,
                f"{name}_sd": None if score is None else score.sd,
                f"{name}_low": None if interval is None else interval.low,
                f"{name}_high": None if interval is None else interval.high,
                f"{name}_interval": None if interval is None else interval.kind,
                f"{name}_best": None if score is None else self._is_best(row, metric),
                f"{name}_rank_first": None if ranks is None else ranks[0],
                f"{name}_rank_last": None if ranks is None else ranks[1],
            }
        return values | {
            "parameters": row.parameters,
            "gpu_memory_bytes": row.gpu_memory,
            "host_memory_bytes": row.host_memory,
            "images_per_s": row.images_per_s,
            "gpu_hours": row.gpu_hours,
            "energy_joules": row.joules,
            "runs": " ".join(candidate.run.id for candidate in row.choice.runs),
        }

    def _meanings(self) -> list[str]:
        """Return sentences on how the numbers in the table came about."""
        kinds = dict.fromkeys(
            interval.kind
            for row in self.results
            for metric in self.metrics
            if (interval := _interval(row, metric)) is not None
        )
        images = [kind for kind in kinds if kind != OVER_SEEDS]
        parts = ["Scores are those of the last evaluation"]
        if any(len(score.values) > 1 for row in self.results for score in row.scores.values()):
            parts.append("mean ± standard deviation over seeds")
        if OVER_SEEDS in kinds:
            parts.append("95 % intervals of the mean by Student's t over seeds")
        meanings = ["; ".join(parts) + "."]
        if images:
            kind = " and ".join(images)
            meanings.append(
                f"{IMAGES} One seed: 95 % interval of that model ({kind}); it says nothing of other seeds."
            )
        effort = [title for title in ("images/s", "GPU-hours", "energy") if title in self.formatted]
        memory = [title for title in ("GPU memory", "host memory") if title in self.formatted]
        costs = [f"{', '.join(effort)}: a run's, median over seeds"] if effort else []
        costs += [f"{', '.join(memory)}: the most of any seed"] if memory else []
        return [*meanings, *([f"{'; '.join(costs)}."] if costs else [])]

    def _judgements(self) -> list[str]:
        """Return sentences on which scores are bold and why, and on the method of judgement."""
        several = len({row.data for row in self.results}) > 1
        told, judged = [], []
        for metric in self.metrics:
            for data in self._data(metric):
                if (judgement := self.judgements.get((metric, data))) is None:
                    continue
                of = _title(metric) + (f" on {data}" if several else "")
                reason = table_reason(judgement, self._names(metric, data))
                told.append(f"{of[0].upper()}{of[1:]}: {reason}.")
                judged.append(judgement)
        methods = dict.fromkeys(map(method_sentence, judged)) if self.with_method else {}
        if len(methods) > 1:
            methods = dict.fromkeys(method_sentence(judgement, with_metric=True) for judgement in judged)
        return told + [method for method in methods if method]

    def _data(self, metric: str) -> list[str]:
        return list(dict.fromkeys(row.data for row in self.results if metric in row.scores))


def _title(metric: str) -> str:
    return TITLES.get(metric, metric_of(metric).full)


def _interval(row: Result, metric: str) -> Interval | None:
    return row.scores[metric].interval if metric in row.scores else None


def _columns(rows: Sequence[Mapping[str, Value]]) -> dict[str, list[Value]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
