"""What a judgement against a baseline concludes, a line a pair, for a page that has the numbers beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.analysis.conclusions.number_text import as_far_as, noun, number, p_value
from engine.analysis.conclusions.pairs import Pair, PairStatus, excludes_zero
from engine.analysis.conclusions.sentences import pairs_in_words, so_far

if TYPE_CHECKING:
    from engine.analysis.conclusions.judgement import Judgement


def brief_sentences(judgement: Judgement, called: Mapping[str, str]) -> list[str]:
    """Return which of three or more is the best, if one is, and how each stands beside the baseline, a line each.

    Args:
        judgement: What is concluded of a score on the test split, each against the baseline.
        called: What each experiment is called, by its name.
    """
    lines = []
    ranked, leader = judgement.ranked, judgement.leader_of(judgement.names)
    if len(ranked) > 2 and leader is not None:
        p_star = p_value(judgement.p_star_of(judgement.names))
        lower = "" if judgement.metric.higher_is_better else "lower "
        lines.append(
            f"{called[leader]} is the best of {len(ranked)} by {lower}{noun(judgement.metric)} ({p_star})."
        )
    centre = judgement.baseline if judgement.baseline in judgement.names else None
    for pair in pairs_in_words(judgement, judgement.names):
        other = pair.worse if pair.better == (centre or ranked[0].name) else pair.better
        lines.append(f"{_beside(judgement, pair, other, called)}.")
    beginning = so_far(judgement)
    return [f"{beginning}{line}" for line in lines]


def _beside(judgement: Judgement, pair: Pair, name: str, called: Mapping[str, str]) -> str:
    """Return how one of a pair stands beside the other one."""
    this, other = called[name], called[pair.worse if name == pair.better else pair.better]
    delta, low, high = pair.seen_from(name)
    if pair.status is PairStatus.ABOVE:
        word = "better" if name == pair.better else "worse"
        way = "higher" if delta > 0 else "lower"
        hint = f"; {as_far_as(min(pair.seeds))}" if pair.hint else ""
        size = f"{noun(judgement.metric)} {number(abs(delta))} {way}"
        return f"{this} is {word} than {other}: {size} ({p_value(pair.p)}){hint}"
    if pair.status is PairStatus.ALIKE:
        return f"{this} and {other} are alike within {pair.margin:g} ({number(low)} to {number(high)})"
    if pair.status is PairStatus.OPEN:
        return f"{this} and {other} cannot be told apart ({p_value(pair.p)})"
    if (test := judgement.model_tests.get(pair.key)) is not None:
        if name != min(
            pair.key
        ):  # the test's difference is that of the first by name less that of the second
            test = test.mirrored()
        ends = f"{number(test.low)} to {number(test.high)}"
        if not excludes_zero(test.low, test.high):
            return f"The one models of {this} and {other} cannot be told apart ({ends})"
        word = "better" if (test.delta > 0) == judgement.metric.higher_is_better else "worse"
        return f"The one model of {this} is {word} than that of {other} ({ends}); other seeds may differ"
    return f"{this} and {other} are not judged: {pair.reason}"
