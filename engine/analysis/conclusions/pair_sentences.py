"""The sentences of one pair, rendered from its status: over seeds, and over images where each has one model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from engine.analysis.conclusions.number_text import as_far_as, noun, number, p_value, signed
from engine.analysis.conclusions.pairs import Pair, PairStatus, excludes_zero
from engine.analysis.statistics.seed_planning import detectable, is_out_of_reach, seeds_needed, upper_spread
from engine.analysis.statistics.significance import spread_of

if TYPE_CHECKING:
    from engine.analysis.conclusions.judgement import Judgement
    from engine.analysis.conclusions.pairs import Key
    from engine.analysis.statistics.significance import Sample


def pair_sentences(judgement: Judgement, pair: Pair) -> list[str]:
    """Return what is concluded of a pair, a sentence over seeds and one over images; one of them may be missing."""
    lines = []
    if pair.status is not PairStatus.UNJUDGED:
        lines.append(_over_seeds(judgement, pair))
    elif pair.key not in judgement.model_tests:
        metric = noun(judgement.metric)
        lines.append(f"{pair.better} and {pair.worse} are not judged by {metric}: {pair.reason}.")
    if pair.key in judgement.model_tests:
        lines.append(_over_images(judgement, pair.key))
    return lines


def _over_seeds(judgement: Judgement, pair: Pair) -> str:
    if min(pair.seeds) == 1:
        return _one_seed(judgement, pair)
    if pair.status is PairStatus.ABOVE:
        return _above(judgement, pair)
    differs = (
        f"{noun(judgement.metric)} differs by {signed(pair.delta)} "
        f"({_ends(pair.low, pair.high)}; {p_value(pair.p)}; {_seeds(judgement, pair)})."
    )
    if pair.status is PairStatus.ALIKE:
        return f"{pair.better} and {pair.worse} are alike within {pair.margin:g}: {differs}"
    return f"{pair.better} and {pair.worse} cannot be told apart: {differs} {_plan(judgement, pair)}".rstrip()


def _above(judgement: Judgement, pair: Pair) -> str:
    """Return that one of a pair is better, by how much, and how far that holds."""
    metric = judgement.metric
    delta, low, high = _sizes(pair, pair.low, pair.high)
    if metric.split != "test":
        comparative = "higher" if metric.higher_is_better else "lower"
        claim = f"{pair.better} has the {comparative} {noun(metric)} than {pair.worse}, by {number(delta)}"
    else:
        lower = "" if metric.higher_is_better else "lower "
        claim = f"{pair.better} beats {pair.worse} by {number(delta)} {lower}{metric.noun}"
    scope = f" for all {pair.m} pairs together" if pair.m > 1 else ""
    scope = " each by itself" if pair.by_itself else scope
    interval = f"{_ends(low, high)}, {100 * (1 - judgement.alpha):g} %{scope}"
    text = f"{claim} ({interval}; {p_value(pair.p)}; {_seeds(judgement, pair)})"
    if pair.small:
        text += f"; less than the {pair.margin:g} that matters here"
    if not math.isnan(pair.images_low):
        _, low, high = _sizes(pair, pair.images_low, pair.images_high)
        text += (
            f"; other test images may turn it round ({_ends(low, high)})"
            if pair.here
            else "; also for other images of this kind"
        )
    return f"{text}; {as_far_as(min(pair.seeds))}." if pair.hint else f"{text}."


def _one_seed(judgement: Judgement, pair: Pair) -> str:
    """Return where the one seed of an experiment lies, if its seeds spread as those of the others."""
    name, other = (pair.better, pair.worse) if pair.seeds[0] == 1 else (pair.worse, pair.better)
    delta, low, high = pair.seen_from(name)
    word = {
        PairStatus.ABOVE: "above" if delta > 0 else "below",
        PairStatus.ALIKE: f"alike within {pair.margin or 0:g} to",
    }.get(pair.status, "not told from")
    size = signed(delta)
    if word == "below":
        size, low, high = number(-delta), -high, -low
    both = max(pair.seeds) == 1
    reach = f"the one seed of {other}" if both else f"what {other}'s seeds reach"
    whose = "seeds of both" if both else f"{name}'s seeds"
    count = judgement.pool.experiments
    pool = f"the {count} experiments" if count > 1 else "the one experiment"
    trained = _epochs(judgement.sample(name), judgement.sample(other))
    return (
        f"{name}'s one seed is {word} {reach}, by {size} {noun(judgement.metric)} "
        f"({_ends(low, high)}; {p_value(pair.p)}{trained}), if {whose} spread as those of {pool} with several."
    )


def _over_images(judgement: Judgement, key: Key) -> str:
    """Return which of two trained models is better on images of this kind."""
    first, second = sorted(key)
    test = judgement.model_tests[key]
    if (test.delta < 0) == judgement.metric.higher_is_better:
        first, second, test = second, first, test.mirrored()
    word = "better than" if excludes_zero(test.low, test.high) else "not told from"
    return (
        f"The one model of {first} is {word} the one of {second} on images of this kind: "
        f"{signed(test.delta)} {noun(judgement.metric)} ({_ends(test.low, test.high)}; {test.method}). "
        "Two seeds of one recipe can differ as much."
    )


def _plan(judgement: Judgement, pair: Pair) -> str:
    """Return how many seeds show the difference that matters; what these show, where none is known to matter."""
    a, b = judgement.sample(pair.better), judgement.sample(pair.worse)
    spread = upper_spread(spread_of(a, judgement.pool), spread_of(b, judgement.pool), judgement.pool)
    margin = judgement.margin
    if spread == 0:
        return ""
    if margin is None:
        least = detectable(len(a.values), len(b.values), spread, pair.m)
        return f"These seeds show differences from about {number(least)} on."
    if is_out_of_reach(margin, judgement.image_variance.get(pair.key)):
        return f"Differences of {margin:g}: no number of seeds shows it on so few images."
    needed = seeds_needed(margin, spread, pair.m)
    if needed is None:
        return f"Differences of {margin:g} would not show with 1000 seeds each."
    if needed <= min(pair.seeds):
        return f"Differences of {margin:g} would have shown in four of five cases with {needed} seeds each."
    decide = "" if judgement.planned_seeds else "; decide the number before training them"
    return f"Differences of {margin:g} would show in four of five cases with {needed} seeds each{decide}."


def _sizes(pair: Pair, low: float, high: float) -> tuple[float, float, float]:
    """Return by how much the better is better, and the ends of an interval of that, for either sense of better."""
    return (-pair.delta, -high, -low) if pair.delta < 0 else (pair.delta, low, high)


def _ends(low: float, high: float) -> str:
    return f"{number(low)} to {number(high)}"


def _seeds(judgement: Judgement, pair: Pair) -> str:
    """Return how many seeds the two have, and how long they were trained where that differs."""
    trained = _epochs(judgement.sample(pair.better), judgement.sample(pair.worse))
    return f"{pair.seeds[0]} and {pair.seeds[1]} seeds{trained}"


def _epochs(first: Sample, second: Sample) -> str:
    if not first.epochs or not second.epochs or first.epochs == second.epochs:
        return ""
    return f"; trained {first.epochs} and {second.epochs} epochs"
