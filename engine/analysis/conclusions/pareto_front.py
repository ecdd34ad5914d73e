"""Which experiments are worth their cost: the Pareto front of a cost and a judged score.

An experiment is dominated if another one is cheaper and told to be better, or alike within the margin that matters.
Where seeds leave it open which is better, nothing is dominated, and the front is so far only possible.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from engine.analysis.conclusions.judgement import Judgement
from engine.analysis.conclusions.pairs import PairStatus

NOTHING: Mapping[str, frozenset[str]] = {}


class Mark(Enum):
    """How a chart of cost and score draws an experiment."""

    ON_FRONT = "on the front"
    MAY_BE = "may be on it"
    """Cheaper ones are neither told to be better nor to be worse."""
    DOMINATED = "dominated"


def pareto_front(
    judgement: Judgement,
    cheaper: Mapping[str, frozenset[str]],
    maybe_cheaper: Mapping[str, frozenset[str]] = NOTHING,
) -> dict[str, Mark]:
    """Return how each judged experiment stands to the front.

    Args:
        judgement: Every pair of the experiments, judged without a baseline.
        cheaper: By name: which other experiments are told to be cheaper.
        maybe_cheaper: By name: which others are not told to be cheaper or dearer.
    """
    none: frozenset[str] = frozenset()
    return {
        sample.name: _mark(
            judgement,
            sample.name,
            cheaper.get(sample.name, none),
            maybe_cheaper.get(sample.name, none),
        )
        for sample in judgement.ranked
    }


def _mark(judgement: Judgement, name: str, cheaper: frozenset[str], maybe: frozenset[str]) -> Mark:
    pairs = (judgement.pair(name, other) for other in maybe & judgement.names)
    open_pair = any(pair is None or not pair.is_significant or pair.worse == name for pair in pairs)
    for other in sorted(cheaper & judgement.names):
        pair = judgement.pair(name, other)
        if pair is None or pair.status in (PairStatus.OPEN, PairStatus.UNJUDGED):
            open_pair = True
        elif pair.status is PairStatus.ALIKE or pair.better == other:
            return Mark.DOMINATED
    return Mark.MAY_BE if open_pair else Mark.ON_FRONT
