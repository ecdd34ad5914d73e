"""A judgement in words: every sentence is rendered from the statuses of its pairs, and from nothing else."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from engine.analysis.conclusions.number_text import as_far_as, counted, listed, noun, number, p_value
from engine.analysis.conclusions.pair_sentences import pair_sentences
from engine.analysis.conclusions.pairs import CHOSEN_BY, LEAST_SEEDS, NOT_FINISHED, PairStatus
from engine.analysis.statistics.selection_bias import shrunk_mean

if TYPE_CHECKING:
    from engine.analysis.conclusions.judgement import Judgement
    from engine.analysis.conclusions.pairs import Key, Pair
    from engine.analysis.statistics.significance import Sample


class Standing(NamedTuple):
    """Who leads among some experiments, for a line of a summary."""

    top: str
    """The one with the best mean, whether it is told from the others or not."""
    mean: float
    told: str
    """What is told of it: ``the best of 3``, ``the highest of 3``, or why neither."""
    p: str
    """The p value of that, empty where nothing was tested."""
    least: int
    """Seeds of the experiment with the fewest."""
    most: int
    """Seeds of the experiment with the most."""


def sentences(
    judgement: Judgement, experiments: Collection[str] | None = None, already: Collection[Key] = ()
) -> list[str]:
    """Return a judgement in words: which is best, the top or the baseline against each, and what is left out.

    Args:
        judgement: What is concluded.
        experiments: The experiments of one figure; None for all, and for the sentence on the method of the p values.
        already: Pairs that are not worded again.
    """
    samples = [sample for sample in judgement.samples if experiments is None or sample.name in experiments]
    if judgement.metric.split == "validation":
        return _of_validation(judgement.metric.noun, samples)
    names = judgement.names & {sample.name for sample in samples}
    verdicts = _which_is_best(judgement, names)
    for pair in pairs_in_words(judgement, names):
        if pair.key not in already:
            verdicts += pair_sentences(judgement, pair)
    lines = [f"{so_far(judgement)}{verdict}" for verdict in verdicts] + _left_out(judgement, samples)
    method = method_sentence(judgement) if experiments is None else ""
    return [*lines, method] if method else lines


def _of_validation(what: str, samples: Iterable[Sample]) -> list[str]:
    """Return the scores by which the epochs were chosen, and that these are no more than that."""
    means = [
        f"{sample.name} {number(sample.mean)}"
        + (f", sd {number(sample.sd)}" if len(sample.values) > 1 else "")
        for sample in samples
        if sample.values
    ]
    text = f"Validation {what} is not judged: {CHOSEN_BY}."
    return [f"{text} Means over seeds: {'; '.join(means)}." if means else text]


def method_sentence(judgement: Judgement, *, with_metric: bool = False) -> str:
    """Return how the p values and intervals of an artefact come about, empty where it has none.

    Args:
        judgement: What is concluded.
        with_metric: Whether it says by which metric, where an artefact judges by several.
    """
    if not judgement.m:
        return ""
    by = f" by {noun(judgement.metric)}" if with_metric else ""
    correction = f", Šidák for {judgement.m} comparisons" if judgement.m > 1 else ""
    shared = counted(judgement.pool.experiments, "experiment")
    return f"p and intervals{by}: moderated Welch t{correction}; spread shared with {shared}."


def standing(judgement: Judgement, experiments: Collection[str]) -> Standing | None:
    """Return who leads among some experiments; None where none of them is judged."""
    ranked = judgement.ranked_of(experiments)
    if not ranked:
        return None
    counts, p_star = [len(sample.values) for sample in ranked], judgement.p_star_of(experiments)
    p = p_value(p_star)
    if judgement.metric.split == "validation":
        told, p = f"not judged: {CHOSEN_BY}", ""
    elif judgement.leader_of(experiments) is not None:
        hint = as_far_as(min(counts))
        told = f"{_superlative(judgement)} of {len(ranked)}{f'; {hint}' if hint else ''}"
    elif told := _why_not_tested(ranked, p_star):
        p = ""
    else:
        told = _not_told(judgement, ranked)
    told = f"{so_far(judgement)}{told}"
    return Standing(ranked[0].name, ranked[0].mean, told, p, min(counts), max(counts))


def _superlative(judgement: Judgement) -> str:
    if judgement.metric.split == "test":
        return "the best"
    return "the highest" if judgement.metric.higher_is_better else "the lowest"


def table_reason(judgement: Judgement, experiments: Collection[str] | None = None) -> str:
    """Return why a table marks a best, or none.

    Args:
        judgement: What is concluded.
        experiments: The experiments of the table; all of them where it is None.
    """
    names = {sample.name for sample in judgement.samples} if experiments is None else set(experiments)
    ranked, best = judgement.ranked_of(names), judgement.best_of(names)
    open_ends = [sample.name for sample in judgement.samples if sample.name in names and not sample.finished]
    rest = f"; not judged, as {NOT_FINISHED}: {', '.join(open_ends)}" if open_ends else ""
    if best is not None:
        return (
            f"bold: {_best(judgement, best, len(ranked))}, {p_value(judgement.p_star_of(names), 'p*')}{rest}"
        )
    return f"no best is marked: {_why_no_best(judgement, ranked, judgement.p_star_of(names))}{rest}"


def _why_no_best(judgement: Judgement, ranked: Sequence[Sample], p_star: float) -> str:
    if judgement.metric.split != "test":
        return f"{noun(judgement.metric)} is not measured on the test split"
    return _why_not_tested(ranked, p_star) or (
        f"{ranked[0].name} is {_not_told(judgement, ranked)}, {p_value(p_star, 'p*')}"
    )


def _why_not_tested(ranked: Sequence[Sample], p_star: float) -> str:
    """Return why it is not tested whether the first of some leads them; empty where it is."""
    if len(ranked) < 2:
        return "there is no other to compare with"
    if len(ranked[0].values) < LEAST_SEEDS:
        return f"{ranked[0].name} has {counted(len(ranked[0].values), 'seed')}, and a best has three"
    return f"{ranked[0].name} is not judged against every other" if math.isnan(p_star) else ""


def _not_told(judgement: Judgement, ranked: Sequence[Sample]) -> str:
    """Return from which others the first of some is not told."""
    pairs = [judgement.pair(ranked[0].name, other.name) for other in ranked[1:]]
    names = [pair.worse for pair in pairs if pair is not None and not pair.is_significant]
    return f"not told from {listed(names) or 'every other'}"


def _which_is_best(judgement: Judgement, names: Collection[str]) -> list[str]:
    """Return the sentence that says which is the best, or that these runs do not say; two have their own."""
    ranked = judgement.ranked_of(names)
    if len(ranked) < 2:
        return []
    leader = judgement.leader_of(names)
    if leader is not None:
        least = min(len(sample.values) for sample in ranked)
        where = f" on {_images(ranked)}" if judgement.metric.split == "test" else ""
        details = f"{p_value(judgement.p_star_of(names))}; at least {counted(least, 'seed')} each"
        hint = f"; {as_far_as(least)}" if as_far_as(least) else ""
        chosen = _chosen_from(judgement, ranked)
        return [f"{_best(judgement, leader, len(ranked))}{where} ({details}{hint}){chosen}."]
    pairs = {other.name: judgement.pair(ranked[0].name, other.name) for other in ranked[1:]}
    compared = {name: pair for name, pair in pairs.items() if pair is not None}
    if len(ranked) == 2 or len(compared) < len(pairs):
        return []
    return [_open(judgement, ranked[0].name, compared)]


def _chosen_from(judgement: Judgement, ranked: Sequence[Sample]) -> str:
    """Return of how many the best is one, and what its mean is without the luck of having been chosen."""
    if judgement.metric.split != "test" or (judgement.configurations or 0) < max(2, len(ranked)):
        return ""
    text = f", chosen from {judgement.configurations} configurations tried on these images"
    shrunk = shrunk_mean(ranked[0], ranked, judgement.pool)
    if shrunk is None or number(shrunk) == number(ranked[0].mean):
        return text
    return (
        f"{text}; drawn towards the others its mean is {number(shrunk)}, and fresh seeds of it would say more"
    )


def _open(judgement: Judgement, top: str, pairs: Mapping[str, Pair]) -> str:
    """Return that these runs do not say which is the best, and where each other one stands beside the top."""
    metric = judgement.metric
    extreme = "Highest" if metric.higher_is_better else "Lowest"
    claim = "is best" if metric.split == "test" else f"has the {extreme.lower()} {noun(metric)}"
    words = {
        PairStatus.OPEN: "not told from it",
        PairStatus.ALIKE: f"alike within {judgement.margin or 0:g}",
        PairStatus.UNJUDGED: "not judged",
    }
    parts = [f"{extreme}: {top}"]
    for status, word in words.items():
        if names := [name for name, pair in pairs.items() if pair.status is status]:
            parts.append(f"{word}: {', '.join(names)}")
    text = f"Which {claim} these runs do not say. {'; '.join(parts)}."
    behind = [name for name, pair in pairs.items() if pair.is_significant]
    if not behind:
        return text
    hint = as_far_as(min(min(pairs[name].seeds) for name in behind))
    return f"{text} Behind it: {', '.join(behind)}{f', {hint}' if hint else ''}."


def _best(judgement: Judgement, leader: str, count: int) -> str:
    """Return that one is the best of some; off the test split, that it has the highest value of them."""
    metric = judgement.metric
    if metric.split != "test":
        extreme = "highest" if metric.higher_is_better else "lowest"
        return f"{leader} has the {extreme} {noun(metric)} of {count}"
    return f"{leader} is the best of {count} by {'' if metric.higher_is_better else 'lower '}{metric.noun}"


def pairs_in_words(judgement: Judgement, names: Collection[str]) -> list[Pair]:
    """Return the pairs that sentences on some experiments speak of: of the baseline or the top with each other one."""
    ranked = judgement.ranked_of(names)
    if len(ranked) < 2:
        return []
    centre = judgement.baseline if judgement.baseline in names else ranked[0].name
    pairs = (judgement.pair(centre or "", other.name) for other in ranked if other.name != centre)
    return [pair for pair in pairs if pair is not None]


def _left_out(judgement: Judgement, samples: Sequence[Sample]) -> list[str]:
    """Return which seeds and which experiments are not counted."""
    lines = [
        f"{sample.failed_seeds} of {sample.failed_seeds + len(sample.values)} seeds of {sample.name} failed and are "
        "not counted."
        for sample in samples
        if sample.failed_seeds
    ]
    unfinished = [sample.name for sample in samples if sample.values and not sample.finished]
    without = [sample.name for sample in samples if not sample.values]
    for names, why in ((unfinished, NOT_FINISHED), (without, "there is no score")):
        if names:
            verb = "is" if len(names) == 1 else "are"
            lines.append(f"{listed(names)} {verb} not judged by {noun(judgement.metric)}: {why}.")
    return lines


def so_far(judgement: Judgement) -> str:
    """Return how a verdict begins while seeds are missing that were planned."""
    if not judgement.is_interim:
        return ""
    least = min(len(sample.values) for sample in judgement.ranked)
    return f"So far ({least} of {judgement.planned_seeds} seeds): "


def _images(samples: Iterable[Sample]) -> str:
    """Return which images the scores are of."""
    counts = {sample.images for sample in samples}
    count = counts.pop() if len(counts) == 1 else None
    return "these test images" if count is None else f"these {count:,} test images"
