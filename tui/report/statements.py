"""What a report says of each figure: one judgement for each metric and data over all of its figures.

A pair that several figures show is worded in the first of them; the others refer to that one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.analysis.conclusions.costs import (
    NOUNS,
    TRAINING_TIME,
    cost_of,
    cost_sentences,
    is_cost,
    memory_sentences,
)
from engine.analysis.conclusions.evidence import Evidence, by_data
from engine.analysis.conclusions.judged_metrics import judged_metric
from engine.analysis.conclusions.judgement import Judgement
from engine.analysis.conclusions.number_text import listed, noun, number
from engine.analysis.conclusions.pairs import Key
from engine.analysis.conclusions.sentences import (
    Standing,
    method_sentence,
    pairs_in_words,
    sentences,
    standing,
)
from engine.analysis.memory_curves import is_memory
from engine.analysis.results import SCORES
from engine.analysis.runs_that_count import Choice
from engine.config.schema import Figure
from engine.text import clean
from tui.report.results_table import Subject


@dataclass(frozen=True)
class Statement:
    """A sentence on a figure; where it refers to another figure, that one's title ends it."""

    text: str
    section: int = 0
    """Which section it refers to, counted from 1; 0 for none."""
    title: str = ""

    def __str__(self) -> str:
        return f"{self.text} {self.title}." if self.section else self.text


@dataclass(frozen=True)
class Leader:
    """Who leads in a figure by its metric."""

    by: str
    """The metric in words."""
    data: str
    """What it was measured on, empty where the figure shows one data set alone."""
    standing: Standing
    is_best: bool
    """Whether it is the best, which a table prints bold."""


Shown = Mapping[str, Choice[Any]]


class Statements:
    """What is said of the figures of a report, in their order, and judged for their tables.

    Args:
        evidence: All runs of the project.
        figures: Those of the report.
    """

    def __init__(self, evidence: Evidence, figures: Sequence[Figure]) -> None:
        self._evidence = evidence
        self._figures = figures
        self._subjects = [self._shown(figure, metric_of(figure)) for figure in figures]
        sets: dict[Subject, list[Shown]] = {}
        for figure, subjects in zip(figures, self._subjects, strict=True):
            tables = [self._shown(figure, metric) for metric in SCORES]
            for subject, choices in {
                key: sets_shown
                for by_subject in (subjects, *tables)
                for key, sets_shown in by_subject.items()
            }.items():
                sets.setdefault(subject, []).append(choices)
        self.judgements = {
            subject: evidence.judge(
                {name: choice for choices in sets_shown for name, choice in choices.items()},
                subject[0],
                sets=list(map(list, sets_shown)),
            )
            for subject, sets_shown in sets.items()
        }
        """By metric and data: one judgement for all figures, whose sentences and tables are read off it."""
        self._worded: dict[tuple[Subject, Key], int] = {}

    @property
    def methods(self) -> list[str]:
        """How the p values and intervals come about, a sentence for each metric."""
        method_sentences = (
            method_sentence(judgement, with_metric=True) for judgement in self.judgements.values()
        )
        return [method for method in dict.fromkeys(method_sentences) if method]

    def of(self, number: int) -> Iterator[Statement]:
        """Yield the sentences on a figure, by its number among all, from 0; ask for them in their order."""
        subjects = self._subjects[number]
        for sentence in self._costs(self._figures[number]):
            yield Statement(clean(sentence))
        for subject, choices in subjects.items():
            yield from self._judged(
                number, subject, choices, f"On {subject[1]}: " if len(subjects) > 1 else ""
            )

    def leaders(self, number: int) -> Iterator[Leader]:
        """Yield who leads in a figure, by its number among all, from 0, on each of its data sets."""
        subjects = self._subjects[number]
        for subject, choices in subjects.items():
            judgement = self.judgements[subject]
            if (leads := standing(judgement, choices)) is not None:
                is_best = judgement.best_of(choices) == leads.top
                yield Leader(noun(judgement.metric), subject[1] * (len(subjects) > 1), leads, is_best)

    def _shown(self, figure: Figure, metric: str | None) -> dict[Subject, Shown]:
        """Return the experiments that a figure shows by a metric, apart for each data set."""
        if metric is None:
            return {}
        choices = {name: self._evidence.choice(name, metric) for name in dict.fromkeys(figure.experiments)}
        return {(metric, data): choices_of_data for data, choices_of_data in by_data(choices).items()}

    def _judged(self, number: int, subject: Subject, choices: Shown, on: str) -> Iterator[Statement]:
        judgement = self.judgements[subject]
        already = {key: at for (about, key), at in self._worded.items() if about == subject}
        for sentence in sentences(judgement, choices, already):
            yield Statement(clean(on + sentence))
        pairs = pairs_in_words(judgement, judgement.names & choices.keys())
        for at in sorted({already[pair.key] for pair in pairs if pair.key in already}):
            told = [f"{pair.better} and {pair.worse}" for pair in pairs if already.get(pair.key) == at]
            text = f"{on}By {noun(judgement.metric)}, {'; '.join(told)}: see"
            other = self._figures[at]
            yield Statement(clean(text), at + 1, clean(other.title or other.name))
        for pair in pairs:
            self._worded.setdefault((subject, pair.key), number)
        for sentence in self._on_test(judgement, subject, choices):
            yield Statement(clean(on + sentence))

    def _on_test(self, judgement: Judgement, subject: Subject, choices: Shown) -> Iterator[str]:
        """Yield whose score on the test images is told to be worse than that of others, though not in training."""
        tested = self.judgements.get((subject[0].replace("train/", "test/", 1), subject[1]))
        ranked = judgement.ranked_of(choices)
        if judgement.metric.split != "training" or tested is None or not ranked:
            return
        top = ranked[0].name
        if better := [
            sample for sample in tested.ranked_of(choices) if tested.direction(top, sample.name) < 0
        ]:
            direction = "lower" if tested.metric.higher_is_better else "higher"
            others = listed([f"{number(sample.mean)} of {sample.name}" for sample in better])
            mean = number(tested.sample(top).mean)
            yield f"On the test images the {tested.metric.noun} of {top} is {direction}: {mean} against {others}."

    def _costs(self, figure: Figure) -> Iterator[str]:
        """Yield what the experiments of a figure took, where it shows that."""
        metric = COSTS.get(figure.x, "") if figure.kind == "scatter" else figure.y
        if not is_cost(metric):
            return
        chosen_by = figure.y if figure.kind == "scatter" else metric
        choices = {name: self._evidence.choice(name, chosen_by) for name in dict.fromkeys(figure.experiments)}
        costs = [cost_of(name, choice, metric) for name, choice in choices.items() if choice.finished]
        measured = [cost for cost in costs if cost.values]
        words = NOUNS.get(metric, metric)
        if is_memory(metric):
            yield from memory_sentences(words, measured)
        elif len(measured) > 1:
            yield from cost_sentences(words, measured)


def metric_of(figure: Figure) -> str | None:
    """Return the metric by which sentences judge what a figure shows; None for a figure of what training takes."""
    if judged_metric(figure.y) is not None:
        return figure.y
    return None if is_cost(figure.y) else SCORES[0]


COSTS = {
    "gpu-memory": "gpu/memory_peak",
    "host-memory": "cpu/memory_process",
    "images-per-s": "train/images_per_s",
    "energy": "gpu/energy",
    "time": TRAINING_TIME,
}
"""The metric of a cost, by the axis of a scatter."""
